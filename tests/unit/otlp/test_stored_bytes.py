import pytest

from phoenix_platform.otlp.series import AttributeValue, Kind, Series, Temporality
from phoenix_platform.otlp.stored_bytes import POINT_OVERHEAD_BYTES, attributes_bytes, point_bytes


@pytest.mark.parametrize(
    ("value", "weight"),
    [
        pytest.param(None, 0, id="none"),
        pytest.param(True, 1, id="boolean"),
        pytest.param(-120, 4, id="integer"),
        pytest.param(0.5, 3, id="double"),
        pytest.param("ä€", 5, id="text-in-utf-8"),
        pytest.param(b"\xff\xff".decode("utf-8", "surrogateescape"), 2, id="text-not-in-utf-8"),
        pytest.param(b"abc", 3, id="bytes"),
        pytest.param(("ab", 1, (True,)), 4, id="array"),
        pytest.param({"ab": "c", "d": ("e",)}, 5, id="map"),
    ],
)
def test_a_value_weighs_what_it_takes_to_write_it(value: AttributeValue, weight: int) -> None:
    assert attributes_bytes({"key": value}) == 3 + weight


def test_a_point_weighs_its_name_all_its_attributes_and_a_constant() -> None:
    series = Series(
        metric="cpu",
        unit="not counted",
        kind=Kind.GAUGE,
        temporality=Temporality.UNSPECIFIED,
        monotonic=False,
        resource={"pid": 10},
        scope_name="scope",
        scope_version="1.0",
        scope_attributes={"a": "b"},
        attributes={"state": "user"},
    )
    assert point_bytes(series) == POINT_OVERHEAD_BYTES + 3 + 5 + (5 + 3 + 2) + 9
