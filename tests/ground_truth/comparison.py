"""Every field of every sample beside the truth: a table of fields × cases."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final, cast

from tests.ground_truth.stage import Played
from tests.ground_truth.story import SCRAPES

from phoenix_platform.metering.samples import ProcessInstance, Sample

DELAY_BOUND_SECONDS: Final = 0.25
"""Between the two looks at the clock the test decodes the request by the official classes."""
SAME: Final = "="
_READINGS: Final = ("cpu_seconds", "rss_bytes", "refused_points", "dropped_points", "queue_full")


def compare(played: Played) -> dict[str, list[str]]:
    """By field, what differs; an empty list where nothing does."""
    differences: dict[str, list[str]] = {}
    for sample, true in zip(played.samples, played.truth, strict=True):
        whole = {"host": "story", "variant": "candidate", **true, **_readings(sample)}
        assert set(whole) == set(Sample.__dataclass_fields__), "a field has no truth"
        for name, expected in whole.items():
            found = _plain(getattr(sample, name))
            known = differences.setdefault(name, [])
            if not _is_same(name, found, expected):
                known.append(f"scrape {sample.scrape}: {found!r}, true is {expected!r}")
    for name, count in played.irregularities.items():
        expected = 1 if name in ("repeated_scrapes", "empty_scrapes") else 0
        differences[name] = [] if count == expected else [f"{count}, true is {expected}"]
    return differences


def table(all_played: Sequence[Played]) -> str:
    """Fields × cases: `=` where every sample equals the truth, else how many do not."""
    compared = [compare(played) for played in all_played]
    fields = list(compared[0])
    width = max(map(len, fields))
    lines = [
        f"case {n}: {p.case.name}, {len(p.samples)} samples" for n, p in enumerate(all_played, 1)
    ]
    lines.append(" " * width + "".join(f"{n:>5}" for n in range(1, len(compared) + 1)))
    for name in fields:
        marks = [SAME if not one[name] else str(len(one[name])) for one in compared]
        lines.append(f"{name:<{width}}" + "".join(f"{mark:>5}" for mark in marks))
    return "\n".join(lines)


def _readings(sample: Sample) -> Mapping[str, Any]:
    """What the played readings say: cpu n², memory 1000 n, and so on; unknown after the last scrape."""
    first, after = sample.scrape, sample.scrape + sample.scrapes
    if after >= SCRAPES:
        return dict.fromkeys(_READINGS)
    return {
        "cpu_seconds": float(after**2 - first**2),
        "rss_bytes": 1000 * after,
        "refused_points": 2 * (after - first),
        "dropped_points": 3 * (after - first),
        "queue_full": after % 2 == 0,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(astuple(one) for one in cast("tuple[ProcessInstance, ...]", value))
    if isinstance(value, Mapping):
        return {key: astuple(one) for key, one in cast("Mapping[str, Any]", value).items()}
    return value


def _is_same(name: str, found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        if name.startswith("delay"):
            return abs(found - expected) <= DELAY_BOUND_SECONDS
        # Sums of doubles in another order: a last bit may differ.
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, Mapping):
        by_key = cast("Mapping[str, Any]", expected)
        return set(found) == set(by_key) and all(
            _is_same(name, found[key], true) for key, true in by_key.items()
        )
    if isinstance(expected, tuple) and isinstance(found, tuple):
        ones, others = cast("Sequence[Any]", found), cast("Sequence[Any]", expected)
        return len(ones) == len(others) and all(
            _is_same(name, one, other) for one, other in zip(ones, others, strict=True)
        )
    return bool(found == expected)
