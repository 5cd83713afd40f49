"""Experiments as files: what people write, what the API gets, what the schema says."""

from datetime import timedelta

import msgspec
import pytest

from phoenix_platform.cli.experiments.files import experiment_of, experiment_schema
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.wire.v1.experiments import NewExperimentRequest

LEAST = {"name": "topk", "candidate": "process-topk-v1"}


@pytest.mark.parametrize("text", ["90s", "1m30s", "PT90S", "PT1M30S"])
def test_durations_are_written_as_people_or_as_machines_write_them(text: str) -> None:
    assert experiment_of({**LEAST, "interval": text}).interval == timedelta(seconds=90)


@pytest.mark.parametrize("share", ["30%", "0.3", 0.3], ids=["percent", "text", "number"])
def test_shares_are_percent_or_fractions(share: str | float) -> None:
    assert experiment_of({**LEAST, "target_reduction": share}).target_reduction == 0.3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "x"}, r"^experiment: .*candidate"),
        ({**LEAST, "intervall": "1s"}, r"^experiment: .*intervall"),
        ({**LEAST, "interval": "soon"}, r"^interval: "),
        ({**LEAST, "interval": "Pnow"}, r"^interval: "),
        ({**LEAST, "target_reduction": "most"}, r"^target_reduction: "),
        ({**LEAST, "critical": "nginx"}, r"^critical: "),
        ({**LEAST, "load": {"profile": "realistic", "sed": 1}}, r"^load: "),
    ],
)
def test_a_mistake_is_told_with_its_field(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        experiment_of(fields)


def test_the_schema_has_every_field_of_the_api_and_no_other() -> None:
    schema = experiment_schema()
    definition = schema["$defs"]["NewExperimentRequest"]
    names = {field.name for field in msgspec.structs.fields(NewExperimentRequest)}
    assert set(definition["properties"]) == names
    assert definition["additionalProperties"] is False
    assert definition["required"] == ["name", "candidate"]


def test_the_schema_takes_durations_and_shares_as_the_reader_does() -> None:
    properties = experiment_schema()["$defs"]["NewExperimentRequest"]["properties"]
    assert "format" not in properties["interval"]
    assert properties["interval"]["pattern"].startswith("^(P")
    kinds = [one["type"] for one in properties["min_coverage"]["anyOf"]]
    assert kinds == ["number", "string", "null"]
    assert [one["type"] for one in properties["target_reduction"]["anyOf"]] == ["number", "string"]
