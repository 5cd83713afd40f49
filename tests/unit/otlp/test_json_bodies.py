import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracle.agreement import (
    assert_same_numbers,
    assert_same_tables,
    is_same,
    offset_of,
    outcome_of,
)
from tests.oracle.bodies import bodies
from tests.oracle.json_requests import (
    officially_parsed,
    printed,
    with_metrics,
    with_points,
    with_value,
)
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.otlp.columns import Columns
from phoenix_platform.otlp.decoding import Decoder, protobuf_of_json
from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError
from phoenix_platform.otlp.limits import BodyLimits
from phoenix_platform.otlp.series import AttributeValue, Kind, Series, Temporality
from phoenix_platform.otlp.series_table import SeriesTable

pytestmark = pytest.mark.timeout(300)  # a busy machine draws bodies slowly
MAX_UINT64 = 2**64 - 1
NAN = float("nan")


def decoded(text: bytes) -> tuple[Columns, SeriesTable]:
    decoder = Decoder()
    return decoder.decode(protobuf_of_json(text)), decoder.table


def value_in(text: bytes) -> AttributeValue:
    _, table = decoded(text)
    return table.series(0).attributes["k"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)
@given(bodies, st.booleans(), st.booleans())
def test_what_the_official_classes_print_means_what_they_parse(
    drawn_body: bytes, snake_case: bool, numbered_enums: bool
) -> None:
    if outcome_of(PlainDecoder(), drawn_body) is None:
        return
    text = printed(drawn_body, snake_case=snake_case, numbered_enums=numbered_enums)
    parsed = officially_parsed(text)
    if (
        parsed is None
    ):  # they print an index into a dictionary of another signal, and more they refuse
        return
    oracle, kernel = PlainDecoder(), Decoder()
    assert_same_numbers(oracle.decode(parsed), kernel.decode(protobuf_of_json(text)))
    assert_same_tables(oracle.table, kernel.table)


SPELLED = """{
  "resource_metrics": [{
    "resource": {"attributes": [{"key": "process.pid", "value": {"intValue": "9"}}], "droppedAttributesCount": 1},
    "scope_metrics": [{
      "scope": {"name": "scraper", "version": "1.0", "attributes": [{"value": {"bool_value": true}, "key": "own"}]},
      "metrics": [
        {"name": "cpu", "unit": "s", "description": "unread", "sum": {
          "aggregation_temporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "is_monotonic": true,
          "data_points": [{"attributes": [], "start_time_unix_nano": "5", "time_unix_nano": 7, "as_double": 1.5, "flags": 1}]}},
        {"name": "latency", "histogram": {"aggregationTemporality": 1, "dataPoints": [
          {"timeUnixNano": "7", "sum": 2.5, "bucketCounts": ["1", "2"], "explicitBounds": [0.5], "flags": 1,
           "exemplars": [{"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "no hex", "asInt": "1"}]}]}},
        {"name": "sizes", "exponential_histogram": {"aggregationTemporality": "2", "dataPoints": [{"sum": "-1"}, {}]}},
        {"name": "quantiles", "summary": {"dataPoints": [{"sum": 3, "quantileValues": []}, {}]}},
        {"name": "nothing"}
      ]}]
  }]
}"""


def test_a_request_in_json_becomes_columns_and_series() -> None:
    columns, table = decoded(SPELLED.encode())
    assert columns.time_unix_nano.tolist() == [7, 7, 0, 0, 0, 0]
    assert columns.start_time_unix_nano.tolist() == [5, 0, 0, 0, 0, 0]
    assert columns.flags.tolist() == [1, 1, 0, 0, 0, 0]
    assert str(columns.value.tolist()) == "[1.5, 2.5, -1.0, nan, 3.0, 0.0]"
    assert table.series(0) == Series(
        metric="cpu",
        unit="s",
        kind=Kind.SUM,
        temporality=Temporality.CUMULATIVE,
        monotonic=True,
        resource={"process.pid": 9},
        scope_name="scraper",
        scope_version="1.0",
        scope_attributes={"own": True},
        attributes={},
    )
    described = [(series.kind, series.temporality) for series in map(table.series, range(1, 4))]
    assert described == [
        (Kind.HISTOGRAM, Temporality.DELTA),
        (Kind.EXPONENTIAL_HISTOGRAM, Temporality.CUMULATIVE),
        (Kind.SUMMARY, Temporality.UNSPECIFIED),
    ]


def test_a_series_is_the_same_in_both_encodings() -> None:
    body = protobuf_of_json(SPELLED.encode())
    decoder = Decoder()
    first = decoder.decode(body)
    again = decoder.decode(protobuf_of_json(printed(body)))
    assert again.rows.tolist() == first.rows.tolist()
    assert again.fresh.tolist() == []


VALUES: dict[str, tuple[str, AttributeValue]] = {
    "absent": ("null", None),
    "empty": ("{}", None),
    "null-inside": ('{"stringValue": null}', None),
    "null-does-not-choose": ('{"stringValue": null, "intValue": 1}', 1),
    "text": ('{"stringValue": "x"}', "x"),
    "empty-text": ('{"stringValue": ""}', ""),
    "text-that-is-a-number": ('{"stringValue": "1"}', "1"),
    "escapes": (r'{"stringValue": "\"\\\/\b\f\n\r\t\u0041\u00e4\u20AC\ud83d\ude00"}', '"\\/\b\f\n\r\tAä€😀'),
    "plain-unicode": ('{"stringValue": "ä€😀"}', "ä€😀"),
    "a-nul": (r'{"stringValue": "a\u0000b"}', "a\0b"),
    "true": ('{"boolValue": true}', True),
    "false": ('{"bool_value": false}', False),
    "integer": ('{"intValue": 1}', 1),
    "integer-as-text": ('{"intValue": "-9223372036854775808"}', -(2**63)),
    "largest-integer": ('{"intValue": 9223372036854775807}', 2**63 - 1),
    "integer-with-an-exponent": ('{"intValue": 1e3}', 1000),
    "integer-with-a-point": ('{"intValue": "-2.0"}', -2),
    "double": ('{"doubleValue": 1}', 1.0),
    "double-as-text": ('{"doubleValue": "1.5e-3"}', 0.0015),
    "double-spelled-with-an-escape": (r'{"doubleValue": "\u0031.5"}', 1.5),
    "negative-zero": ('{"doubleValue": -0.0}', -0.0),
    "all-digits-of-a-double": ('{"doubleValue": 0.1000000000000000055511151231257827}', 0.1),
    "not-a-number": ('{"doubleValue": "NaN"}', NAN),
    "infinity": ('{"doubleValue": "Infinity"}', math.inf),
    "negative-infinity": ('{"doubleValue": "-Infinity"}', -math.inf),
    "bytes": ('{"bytesValue": "/wD+"}', b"\xff\x00\xfe"),
    "bytes-in-the-url-alphabet-without-padding": ('{"bytesValue": "_wA"}', b"\xff\x00"),
    "bytes-with-padding": ('{"bytesValue": "/w=="}', b"\xff"),
    "no-bytes": ('{"bytesValue": ""}', b""),
    "array": ('{"arrayValue": {"values": [{"intValue": "1"}, {}, {"stringValue": "x"}]}}', (1, None, "x")),
    "empty-array": ('{"arrayValue": {}}', ()),
    "map": ('{"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": true}}]}}', {"a": True}),
    "unknown-fields": ('{"x": [1, -2.5e3, true, false, null, "s", {}, {"y": []}], "intValue": 1}', 1),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES.keys())
def test_a_value_is_read_with_its_type(text: str, value: AttributeValue) -> None:
    assert is_same(value_in(with_value(text)), value)


def test_true_1_one_point_zero_and_the_text_1_are_four_series() -> None:
    texts = ('{"boolValue": true}', '{"intValue": 1}', '{"doubleValue": 1}', '{"stringValue": "1"}')
    points = (f'{{"attributes": [{{"key": "k", "value": {text}}}]}}' for text in texts)
    columns, table = decoded(with_points(*points))
    assert columns.rows.tolist() == [0, 1, 2, 3]
    assert len(set(table.ids.tolist())) == 4


def test_bytes_that_are_not_utf_8_are_kept_as_in_protobuf() -> None:
    text = with_value('{"stringValue": "?"}').replace(b"?", b"\xc3\xff")
    assert value_in(text) == "\udcc3\udcff"


NUMBERS = {
    "integer": ('"asInt": 3', 3.0),
    "integer-as-text": ('"as_int": "-3"', -3.0),
    "double": ('"asDouble": 0.25', 0.25),
    "not-a-number": ('"asDouble": "NaN"', NAN),
    "none": ('"flags": 1', NAN),
}


@pytest.mark.parametrize(("field", "value"), NUMBERS.values(), ids=NUMBERS.keys())
def test_the_number_of_a_point(field: str, value: float) -> None:
    columns, _ = decoded(with_points(f"{{{field}}}"))
    assert is_same(columns.value.tolist()[0], value)


@pytest.mark.parametrize(
    ("spelled", "time"),
    [
        pytest.param('"1544712660000000000"', 1544712660000000000, id="text"),
        pytest.param("1544712660000000000", 1544712660000000000, id="number"),
        pytest.param(f'"{MAX_UINT64}"', 2**63 - 1, id="beyond-the-column"),
        pytest.param("null", 0, id="null"),
    ],
)
def test_a_time_is_exact_however_it_is_spelled(spelled: str, time: int) -> None:
    columns, _ = decoded(with_points(f'{{"timeUnixNano": {spelled}}}'))
    assert columns.time_unix_nano.tolist() == [time]


@pytest.mark.parametrize(
    ("spelled", "temporality"),
    [
        pytest.param('"AGGREGATION_TEMPORALITY_UNSPECIFIED"', Temporality.UNSPECIFIED, id="name-0"),
        pytest.param('"AGGREGATION_TEMPORALITY_DELTA"', Temporality.DELTA, id="name-1"),
        pytest.param('"AGGREGATION_TEMPORALITY_CUMULATIVE"', Temporality.CUMULATIVE, id="name-2"),
        pytest.param("1", Temporality.DELTA, id="number"),
        pytest.param('"2"', Temporality.CUMULATIVE, id="number-as-text"),
        pytest.param("-1", Temporality.UNSPECIFIED, id="number-nobody-knows"),
    ],
)
def test_an_enum_is_taken_as_name_or_number(spelled: str, temporality: Temporality) -> None:
    metric = f'{{"sum": {{"aggregationTemporality": {spelled}, "dataPoints": [{{}}]}}}}'
    _, table = decoded(with_metrics(metric))
    assert table.series(0).temporality is temporality


@pytest.mark.parametrize("text", ["{}", ' \r\n\t{"resourceMetrics": null} ', '{"a": {"b": "c"}}'])
def test_a_request_may_hold_nothing(text: str) -> None:
    assert protobuf_of_json(text.encode()) == b""


def test_lengths_of_every_size_are_right() -> None:
    points = '{"attributes": [{"key": "k", "value": {"stringValue": "' + "x" * 20_000 + '"}}]}'
    columns, table = decoded(with_points(*[points] * 150))
    assert columns.rows.tolist() == [0] * 150
    assert table.series(0).attributes == {"k": "x" * 20_000}


WRONG = {
    "nothing": ("", "an object was expected", 0),
    "no-object": ("[]", "an object was expected", 0),
    "more-behind-it": ("{} x", "something behind the end", 3),
    "cut-off": ('{"resourceMetrics": [{}', "a comma or the end of the list was expected", 23),
    "cut-off-in-an-object": ('{"a": 1', "a comma or the end of the object was expected", 7),
    "cut-off-in-a-word": ('{"a": tru', "a value was expected", 6),
    "no-key": ("{1: 2}", "a string was expected", 1),
    "no-colon": ('{"a" 1}', "a colon was expected", 5),
    "no-colon-in-a-skipped-object": ('{"a": {"b" 1}}', "a colon was expected", 11),
    "no-key-in-a-skipped-object": ('{"a": {1}}', "a string was expected", 7),
    "no-comma-in-a-skipped-list": ('{"a": [1 2]}', "the end of the list or object", 9),
    "a-comma-too-many": ('{"a": [1,]}', "a value was expected", 9),
    "no-list": ('{"resourceMetrics": {}}', "a list was expected", 20),
    "null-in-a-list": ('{"resourceMetrics": [null]}', "an object was expected", 21),
    "a-field-twice": ('{"resourceMetrics": [], "resource_metrics": []}', "a field given twice", 24),
    "a-string-without-an-end": ('{"a": "b', "a string without an end", 6),
    "a-string-that-ends-in-a-backslash": ('{"a": "b\\', "a string without an end", 6),
    "a-control-character": ('{"a": "b\n"}', "a control character in a string", 8),
    "an-unknown-escape": (r'{"a\x": 1}', "not an escape of JSON", 3),
    "a-nul-behind-a-backslash": ('{"a\\\0": 1}', "not an escape of JSON", 3),
    "u-without-digits": (r'{"a": 1, "\u12g4": 1}', "four hexadecimal digits", 10),
    "u-cut-off": (r'{"\u12": 1}', "four hexadecimal digits", 2),
    "half-a-surrogate-pair": (r'{"\ud83d!": 1}', "half of a surrogate pair", 2),
    "a-pair-of-something-else": (r'{"\ud83d\u0041": 1}', "half of a surrogate pair", 2),
    "a-pair-that-is-no-hex": (r'{"\ud83d\u00z1": 1}', "half of a surrogate pair", 2),
    "a-low-surrogate-first": (r'{"\ude00\ud83d": 1}', "half of a surrogate pair", 2),
    "a-leading-zero": ('{"a": 01}', "a value was expected", 6),
    "a-point-without-digits": ('{"a": 1.}', "a value was expected", 6),
    "an-exponent-without-digits": ('{"a": 1e+}', "a value was expected", 6),
    "a-bare-nan": ('{"a": NaN}', "a value was expected", 6),
    "levels-nobody-asked-for": ('{"a": ' + "[" * 101, "more than 100 levels", 106),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "offset"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_otlp_json_is_refused_with_its_byte(text: str, reason: str, offset: int) -> None:
    body = text.encode()
    with pytest.raises(
        MalformedBodyError, match=rf"in JSON: .*{reason}.*, at byte {offset} of {len(body)}"
    ) as caught:
        protobuf_of_json(body)
    assert caught.value.facts["offset"] == offset


MISFITS = {
    "number-for-text": ('{"stringValue": 1}', "a string was expected", "1"),
    "word-for-truth": ('{"boolValue": "true"}', "true or false was expected", '"true"'),
    "truth-for-a-number": ('{"intValue": true}', "a number was expected", "true"),
    "text-for-an-integer": ('{"intValue": "x"}', "text that is no number", '"x"'),
    "text-with-a-blank": ('{"intValue": " 1"}', "text that is no number", '" 1"'),
    "a-fraction": ('{"intValue": 1.5}', "a whole number was expected", "1.5"),
    "an-integer-too-large": ('{"intValue": 9223372036854775808}', "beyond what its field holds", "9223"),
    "an-integer-too-small": ('{"intValue": -9223372036854775809}', "beyond what its field holds", "-922"),
    "an-integer-beyond-64-bits": ('{"intValue": 18446744073709551616}', "beyond what its field holds", "1844"),
    "an-integer-far-beyond": ('{"intValue": "99999999999999999999999"}', "beyond what its field holds", '"9999'),
    "an-exponent-too-large": ('{"intValue": 1e20}', "beyond what its field holds", "1e20"),
    "an-exponent-without-end": ('{"intValue": 1e400}', "beyond what its field holds", "1e400"),
    "text-for-a-double": ('{"doubleValue": "nan"}', "no number, NaN, Infinity or -Infinity", '"nan"'),
    "a-double-too-large": ('{"doubleValue": -1e400}', "beyond what a double holds", "-1e400"),
    "a-number-without-end": ('{"doubleValue": 1.' + "0" * 1_100 + "}", "more than 1024 digits", "1.0"),
    "text-that-is-no-base64": ('{"bytesValue": "a?bc"}', "not base64", '"a?bc"'),
    "base64-cut-off": ('{"bytesValue": "abcde"}', "not base64", '"abcde"'),
    "number-for-bytes": ('{"bytesValue": 1}', "a string was expected", "1"),
    "two-of-one": ('{"stringValue": "", "intValue": 1}', "a second value", '"intValue"'),
    "an-array-that-is-a-list": ('{"arrayValue": []}', "an object was expected", "[]"),
    "too-deep": ('{"arrayValue": {"values": [' * 48 + "]}}" * 48, "more than 100 levels", ""),
}  # fmt: skip


@pytest.mark.parametrize(("value", "reason", "place"), MISFITS.values(), ids=MISFITS.keys())
def test_a_value_of_another_type_is_refused_where_it_stands(
    value: str, reason: str, place: str
) -> None:
    text = with_value(value)
    with pytest.raises(MalformedBodyError, match=reason) as caught:
        protobuf_of_json(text)
    assert text[offset_of(caught.value) :].startswith(place.encode())


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        pytest.param('"timeUnixNano": -1', "beyond what its field holds", id="negative-time"),
        pytest.param('"flags": 4294967296', "beyond what its field holds", id="flags"),
        pytest.param('"asInt": 1, "asDouble": 1', "a second value", id="two-numbers"),
        pytest.param('"attributes": 1', "a list was expected", id="attributes"),
    ],
)
def test_a_field_of_a_point_is_held_to_its_type(field: str, reason: str) -> None:
    with pytest.raises(MalformedBodyError, match=reason):
        protobuf_of_json(with_points(f"{{{field}}}"))


@pytest.mark.parametrize("name", ["", "AGGREGATION_TEMPORALITY_OTHER", "AGGREGATION"])
def test_an_enum_of_no_such_name_is_refused(name: str) -> None:
    metric = f'{{"sum": {{"aggregationTemporality": "{name}"}}}}'
    with pytest.raises(MalformedBodyError, match="no name of an aggregation temporality"):
        protobuf_of_json(with_metrics(metric))


FEW = BodyLimits(max_points=2, max_values=3, max_key_bytes=4, max_value_bytes=5)
WITHIN = {
    "points": with_points("{}", "{}"),
    "values": with_value('{"arrayValue": {"values": [{}, {}]}}'),
    "values-of-two-sets": with_points(*['{"attributes": [{}, {}, {}]}'] * 2),
    "key": with_points('{"attributes": [{"key": "abcd"}]}'),
    "text": with_value('{"stringValue": "abcde"}'),
    "bytes": with_value('{"bytesValue": "AAAAAAA="}'),
}
BEYOND = {
    "values": (with_points('{"attributes": [{}, {}, {}, {}]}'), "values in one set of attributes: 4 at byte {} of {}, but the limit is 3", b"{}]"),
    "nested-values": (with_value('{"arrayValue": {"values": [{}, {}, {"stringValue": "a"}]}}'), "values in one set of attributes: 4 at byte {} of {}", b'{"stringValue"'),
    "key": (with_points('{"attributes": [{"key": "abcde"}]}'), "bytes of an attribute's key: 5 at byte {} of {}, but the limit is 4", b'"abcde"'),
    "text": (with_value('{"stringValue": "abcdef"}'), "bytes of an attribute's value: 6 at byte {} of {}, but the limit is 5", b'"abcdef"'),
    "bytes": (with_value('{"bytesValue": "AAAAAAAA"}'), "bytes of an attribute's value: 6 at byte {} of {}", b'"AAAAAAAA"'),
}  # fmt: skip


@pytest.mark.parametrize("text", WITHIN.values(), ids=WITHIN.keys())
def test_the_limits_themselves_are_taken(text: bytes) -> None:
    body = protobuf_of_json(text, FEW)
    assert len(Decoder(FEW).decode(body)) > 0


@pytest.mark.parametrize(("text", "message", "place"), BEYOND.values(), ids=BEYOND.keys())
def test_beyond_a_limit_the_error_names_it_the_value_and_the_byte(
    text: bytes, message: str, place: bytes
) -> None:
    offset = text.rindex(place)
    expected = message.format(offset, len(text))
    with pytest.raises(
        MalformedBodyError, match=f"^{expected}.*; shorten it or leave it out$"
    ) as caught:
        protobuf_of_json(text, FEW)
    assert caught.value.facts["offset"] == offset


def test_too_many_points_are_too_large_a_body() -> None:
    text = with_points("{}", "{}", "{}")
    with pytest.raises(
        BodyTooLargeError, match=r"points: 3 at byte .* but the limit is 2; send smaller"
    ):
        protobuf_of_json(text, FEW)
