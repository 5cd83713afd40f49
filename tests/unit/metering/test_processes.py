import msgspec

from phoenix_platform.metering.processes import process_of


def test_a_name_that_is_not_utf_8_is_shown_escaped_so_that_records_can_hold_it() -> None:
    process = process_of({"process.pid": 9, "process.executable.name": "worker\udcff"}, ())
    assert process is not None
    assert process.name == r"worker\xff"
    assert msgspec.json.encode(process.name) == rb'"worker\\xff"'
