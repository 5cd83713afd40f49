from dataclasses import replace
from pathlib import Path

import pytest
from tests.ground_truth.comparison import compare, table
from tests.ground_truth.stage import play

from phoenix_platform.agent.binaries import CollectorBinary

COUNTS = (
    "input_points", "output_points", "series", "label_series", "label_colliding_points", "new_series",
    "stored_bytes", "otlp_bytes", "metric_names", "colliding_points", "late_points", "raw_processes",
    "delay_p50_seconds", "delay_p95_seconds",
)  # fmt: skip


@pytest.mark.collector
@pytest.mark.timeout(180)
async def test_every_field_of_every_sample_equals_the_truth(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    played = await play(collector.path, tmp_path)
    assert len(played) == 7
    assert sum(len(one.samples) for one in played) == 5 * 15 + 2 * 5
    differences = {
        (one.case.name, field): texts
        for one in played
        for field, texts in compare(one).items()
        if texts
    }
    assert not differences, table(played)
    for name in COUNTS:  # the comparison has teeth
        first, *others = played[0].samples
        wrong = replace(first, **{name: getattr(first, name) + 1})
        assert compare(replace(played[0], samples=[wrong, *others]))[name], name
