from datetime import timedelta

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import (
    parse_bytes,
    parse_duration,
    parse_share,
    show_bytes,
    show_duration,
    show_share,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("500ms", 0.5), ("1m30s", 90), ("1.5h", 5400), ("2d", 172_800)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text, field="interval") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "5", "s", "1x", "-1s", "1s2", "1 s", "9" * 30 + "d"])
def test_what_is_no_duration_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^interval: "):
        parse_duration(text, field="interval")


@pytest.mark.parametrize(("text", "share"), [("30%", 0.3), ("0.3", 0.3), ("99.5%", 0.995)])
def test_a_share_is_read(text: str, share: float) -> None:
    assert parse_share(text, field="target") == pytest.approx(share)


@pytest.mark.parametrize("text", ["0", "1", "100%", "-5%", "third", "nan", "30 percent"])
def test_what_is_no_share_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^target: "):
        parse_share(text, field="target")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (42, "42 s"), (450, "7 min 30 s"), (420, "7 min"), (7500, "2 h 5 min"),
     (7200, "2 h")],
)  # fmt: skip
def test_a_duration_is_shown(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(812, "812 B"), (1945, "1.9 KiB"), (47185920, "45.0 MiB"), (2**30 * 200, "200 GiB"),
     (2**50, "1024 TiB")],
)  # fmt: skip
def test_bytes_are_shown(count: int, text: str) -> None:
    assert show_bytes(count) == text


def test_a_share_is_shown_in_percent() -> None:
    assert show_share(-0.832) == "−83.2 %"
    assert show_share(0.5, digits=0) == "50 %"


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 512 * 2**20), ("1.5 GiB", 3 * 2**29), ("4096B", 4096), ("17", 17), ("2TiB", 2**41)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_bytes(text, field="memory") == size


@pytest.mark.parametrize("text", ["", "0", "0.2B", "-1", "1 MB", "much", "1" * 20])
def test_what_is_no_size_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^memory: not a size above zero"):
        parse_bytes(text, field="memory")
