import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.desired_state import (
    DesiredPipeline,
    DesiredState,
    decode_desired_state,
    desired_state_hash,
    encode_desired_state,
)

STATE = DesiredState(
    host_id="1", production=DesiredPipeline(name="p/1", hash="sha256:1", text="receivers: {}")
)


def test_a_desired_state_reads_back_the_same_under_one_hash() -> None:
    body = encode_desired_state(STATE)
    assert decode_desired_state(body) == STATE
    assert desired_state_hash(body) == desired_state_hash(body.replace(b":{", b": {"))


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        pytest.param(b"{", "desired state: Input data was truncated", id="no-json"),
        pytest.param(b'{"host_id":"1","more":1}', "unknown field `more`", id="unknown-key"),
        pytest.param(b'{"host_id":"1","format":99}', "format 99 is not 1", id="another-format"),
    ],
)
def test_what_is_no_desired_state_is_refused(body: bytes, mistake: str) -> None:
    with pytest.raises(InvalidInputError, match=mistake):
        decode_desired_state(body)
