"""Files of guardrails: what they say, and how what is wrong in them is said."""

import json
from datetime import timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from scripts.write_reference import FOLDER

from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.cli.trial.guardrail_files import read_guardrails
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

WHOLE = """
prometheus: https://prometheus.example:9090
guardrails:
  - name: checkout-errors
    query: |
      sum(rate(http_requests_total{code=~"5.."}[1m]))
        / sum(rate(http_requests_total[1m]))
    max: 0.01
    interval: 1m30s
    consecutive: 2
    no_data: abort
  - {name: up, query: min(up), min: 1}
"""


def read(folder: Path, text: str) -> tuple[tuple[QueryGuardrail, ...], str | None]:
    file = folder / "guardrails.yaml"
    file.write_text(text)
    return read_guardrails(file, None)


def test_a_file_says_all_that_a_guardrail_has(tmp_path: Path) -> None:
    (errors, up), prometheus = read(tmp_path, WHOLE)
    assert prometheus == "https://prometheus.example:9090"
    assert errors.query.startswith("sum(rate(")
    assert (errors.max, errors.min, errors.interval) == (0.01, None, timedelta(seconds=90))
    assert (errors.consecutive, errors.no_data) == (2, NoData.ABORT)
    assert up == QueryGuardrail(name="up", query="min(up)", min=1.0)


def test_file_and_command_line_go_together(tmp_path: Path) -> None:
    file = tmp_path / "guardrails.yaml"
    file.write_text("guardrails: [{name: up, query: min(up), min: 1}]")
    guardrails, prometheus = read_guardrails(file, ["depth=max(depth) <= 7"])
    assert [one.name for one in guardrails] == ["up", "depth"]
    assert prometheus is None
    assert read_guardrails(None, None) == ((), None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("guardrails: []", "1:1: guardrails: Expected `array` of length >= 1"),
        ("{}", "missing required field `guardrails`"),
        ("- a", "Expected `object`, got `array`"),
        ("guardrails:\n- name: a\n  max: 1", "2:3: guardrails[0]: Object missing required field `query`"),
        (
            "guardrails:\n- name: a\n  query: up\n  maximum: 1",
            "4:3: guardrails[0].maximum: Object contains unknown field `maximum`; did you mean max?",
        ),
        (
            "guardrails:\n- {name: a, query: up, max: 1}\nprometeus: http://a",
            "3:1: prometeus: Object contains unknown field `prometeus`; did you mean prometheus?",
        ),
        (
            "guardrails:\n- name: a\n  query: up\n  max: five",
            "4:3: guardrails[0].max: Expected `float | null`, got `str`",
        ),
        (
            "guardrails:\n- {name: a, query: up, max: 1, interval: 15}",
            "guardrails[0].interval: Expected `str`, got `int`",
        ),
        (
            "guardrails:\n- {name: a, query: up, max: 1, no_data: alert}",
            "guardrails[0].no_data: Invalid enum value 'alert'",
        ),
        ("guardrails:\n- {name: a, query: up}", "2:3: guardrail a: no limit; give max, min or both"),
        ("guardrails: [", "guardrails.yaml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, text)
    assert complaint in str(caught.value)
    assert "guardrails.yaml" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="--guardrails: no file"):
        read_guardrails(tmp_path / "none.yaml", None)
    with pytest.raises(InvalidInputError, match="--guardrails: cannot read"):
        read_guardrails(tmp_path, None)


def test_the_published_schema_takes_what_we_take() -> None:
    schema = json.loads((FOLDER / "guardrails.schema.json").read_text("utf-8"))
    one = {"name": "a", "query": "up", "max": 1}
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"guardrails": [one]})
    assert validator.is_valid({"guardrails": [one | {"interval": "1m30s", "no_data": "ignore"}]})
    for wrong in (
        one | {"nme": "a"},
        one | {"interval": "soon"},
        one | {"consecutive": 0},
        one | {"no_data": "alert"},
        {"name": "A b", "query": "up"},
    ):
        assert not validator.is_valid({"guardrails": [wrong]}), wrong
    assert not validator.is_valid({"guardrails": []})
