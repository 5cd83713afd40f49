import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.analysis.priced_runs import a_host
from tests.unit.analysis.runs import PLAN
from typer.testing import CliRunner, Result

from phoenix_platform.__main__ import build_app
from phoenix_platform.analysis.plans import Objective
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.cli.prices import MAX_FILE_BYTES, objective_for, read_book
from phoenix_platform.cli.trial.record import write_whole
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.metering.sample_columns import columns_of


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(arguments), arguments)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    document = {
        "format": FORMAT,
        "plan": PLAN,
        "variants": {"candidate": {"relay_every": 1}},
        "samples": columns_of(a_host(kept=3, new_series=10)),
    }
    write_whole(path, document)
    return path


@pytest.fixture
def own_book(tmp_path: Path) -> Path:
    """A book that ships, taken as a user begins one of their own, with the price of a contract."""
    text = run("prices", "show", "dynatrace", "--yaml").stdout
    assert '"0.15"' in text
    path = tmp_path / "ours.yaml"
    path.write_text(text.replace('"0.15"', '"0.10"'), "utf-8")
    return path


def test_the_books_are_listed() -> None:
    assert "new-relic" in run("prices", "list").stdout
    books = json.loads(run("prices", "list", "-o", "json").stdout)
    assert {"name": "signoz", "currency": "USD"}.items() <= books[-1].items()
    assert books[-1]["tariffs"][0]["prices"][0]["amount"] == "0.10"


def test_a_book_is_shown_with_its_sources(own_book: Path) -> None:
    assert "quoted by" in run("prices", "show", "new-relic").stdout
    shown = json.loads(run("prices", "show", str(own_book), "-o", "json").stdout)
    assert shown["tariffs"][0]["prices"][0]["amount"] == "0.10"
    assert run("prices", "show", str(own_book), "--yaml").stdout == own_book.read_text("utf-8")


def test_an_own_book_is_validated(own_book: Path) -> None:
    result = run("prices", "validate", str(own_book))
    assert result.stdout == ""
    assert "no error; Dynatrace, USD, tariffs: metric-points" in result.stderr
    answer = json.loads(run("prices", "validate", str(own_book), "-o", "json").stdout)
    assert (answer["valid"], answer["name"]) == (True, "dynatrace")


def test_a_mistake_in_an_own_book_is_bad_input(own_book: Path) -> None:
    own_book.write_text(own_book.read_text("utf-8").replace('"0.10"', "0.10"), "utf-8")
    result = run("prices", "validate", str(own_book))
    assert isinstance(result.exception, InvalidInputError)
    assert 'amount: 0.1; write it in quotes, with a point: "0.40"' in str(result.exception)


@pytest.mark.parametrize("arguments", [("show", "none.yaml"), ("validate", "new-relic")])
def test_a_file_that_is_not_there_is_not_found(arguments: tuple[str, str]) -> None:
    result = run("prices", *arguments)
    assert isinstance(result.exception, NotFoundError)
    assert "no such file" in str(result.exception)


def test_files_that_are_no_text_or_far_too_large_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_bytes(b"vendor: \xff")
    result = run("prices", "validate", str(path))
    assert isinstance(result.exception, InvalidInputError)
    assert "not UTF-8 at byte 8" in str(result.exception)
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    assert isinstance(run("prices", "validate", str(path)).exception, UnavailableError)


def test_a_record_is_priced_again(record: Path, own_book: Path) -> None:
    assert (
        "Cost a month: Datadog"
        in run("prices", "estimate", str(record), "--prices", "datadog").stdout
    )
    assert "Cost a month by vendor" in run("prices", "estimate", str(record)).stdout
    result = run(
        "prices", "estimate", str(record), "--prices", str(own_book), "--hosts", "2", "-o", "json"
    )
    (found,) = json.loads(result.stdout)
    cost = found["tariffs"][0]["variants"]["baseline"]
    assert cost["units"]["likely"] == str(2 * 90_720_000)
    assert float(cost["list_price"]["likely"]) == pytest.approx(2 * 90.72)
    assert found["scaling"]["sentence"].endswith("multiplied from 1 host to 2 hosts")


@pytest.mark.parametrize(
    ("asked", "prices", "objective"),
    [
        (None, None, Objective.SERIES),
        (None, "new-relic", Objective.BYTES),
        (None, "dynatrace", Objective.POINTS),
        (Objective.SERIES, "dynatrace", Objective.SERIES),
    ],
)
def test_the_objective_follows_the_chosen_book_unless_one_is_asked_for(
    asked: Objective | None, prices: str | None, objective: Objective
) -> None:
    chosen = None if prices is None else read_book(prices)
    assert objective_for(asked, chosen) is objective


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"format": "other"}, "format: 'other' is not", id="format"),
        pytest.param({"variants": {}}, "candidate: missing from the record", id="missing"),
        pytest.param(
            {"variants": {"candidate": {"relay_every": "often"}}}, "plan or variants: ", id="type"
        ),
        pytest.param({"samples": {}}, "samples: not the columns of a record", id="samples"),
        pytest.param({}, "samples: counts that cannot be priced", id="counts"),
    ],
)
def test_what_is_no_record_of_a_trial_is_refused(
    record: Path, change: dict[str, Any], message: str
) -> None:
    document: dict[str, Any] = msgspec.json.decode(record.read_bytes())
    document["samples"]["scrapes"] = [0] * len(document["samples"]["scrapes"])
    write_whole(record, document | change)
    result = run("prices", "estimate", str(record))
    assert isinstance(result.exception, InvalidInputError)
    assert message in str(result.exception)
