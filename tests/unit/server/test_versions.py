import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.server.errors import PreconditionMissingError
from phoenix_platform.server.versions import etag_of, provide_expected_version, versioned


def test_an_etag_comes_back_as_its_version() -> None:
    assert provide_expected_version(etag_of(3)) == 3
    assert versioned("x", 3).headers["ETag"] == '"3"'


def test_a_change_without_a_version_is_told_to_read_first() -> None:
    with pytest.raises(PreconditionMissingError, match=r"^If-Match: missing"):
        provide_expected_version(None)


@pytest.mark.parametrize("header", ["*", "3", '"x"', 'W/"3"', '"1", "2"', '"-1"'])
def test_an_etag_that_is_none_of_ours_is_refused(header: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^If-Match: "):
        provide_expected_version(header)
