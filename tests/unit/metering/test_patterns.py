import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.patterns import parse_pattern


@pytest.mark.parametrize(
    ("pattern", "attributes", "is_meant"),
    [
        pytest.param("nginx", {"process.executable.name": "nginx"}, True, id="exact"),
        pytest.param("nginx", {"process.executable.name": "nginx2"}, False, id="exact-is-whole"),
        pytest.param("postgres*", {"process.executable.name": "postgres: a"}, True, id="glob"),
        pytest.param("postgres*", {"process.executable.name": "my-postgres"}, False, id="glob-whole"),
        pytest.param("/^java.*$/", {"process.executable.name": "java11"}, True, id="expression"),
        pytest.param("/ava/", {"process.executable.name": "java"}, True, id="expression-finds"),
        pytest.param("owner:root", {"process.owner": "root"}, True, id="owner"),
        pytest.param("owner:root", {"process.executable.name": "root"}, False, id="another-field"),
        pytest.param("command_line:*--jdbc*", {"process.command_line": "a --jdbc b"}, True, id="line"),
        pytest.param("path:/usr/bin/x", {"process.executable.path": "/usr/bin/x"}, True, id="path"),
        pytest.param("a:b", {"process.executable.name": "a:b"}, True, id="colon-in-a-name"),
        pytest.param("nginx", {}, False, id="nothing-known"),
        pytest.param("nginx", {"process.executable.name": 7}, False, id="no-text"),
    ],
)  # fmt: skip
def test_a_pattern_means_these_processes(
    pattern: str, attributes: dict[str, str | int], is_meant: bool
) -> None:
    assert parse_pattern(pattern).matches(attributes) is is_meant


@pytest.mark.parametrize(
    "text", ["", " ", "owner:", "/(/", "/(?=a)/", r"/(a)\1/", "/a++/", "/(?<!a)b/"]
)
def test_what_is_no_pattern_in_two_languages_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^--critical: "):
        parse_pattern(text, field="--critical")
