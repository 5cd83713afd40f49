"""Trials that ask a real Prometheus while they run."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.programs import Program, record_of
from tests.prometheus_runs import RunningPrometheus, free_port, running_prometheus

from phoenix_platform.agent.binaries import CollectorBinary

pytestmark = pytest.mark.timeout(300)

FILE = """
# prometheus stands on the command line
guardrails:
  - name: clock
    query: time() - {began}
    max: {most}
    interval: 1s
    consecutive: 2
  - name: traffic
    query: sum(rate(nobody_counts_this_total[1m]))
    min: 1
    interval: 2s
    no_data: ignore
"""


@pytest.fixture
def program(tmp_path: Path) -> Generator[Program]:
    program = Program(tmp_path)
    yield program
    if program.process.poll() is None:
        program.process.kill()
        program.process.wait()
    program.wait_until(lambda: not program.leftovers(), 15)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningPrometheus]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def a_trial(program: Program, collector: CollectorBinary, *arguments: str) -> Program:
    common = ("--collector", str(collector.path), "--interval", "1s", "--max-host-cpu", "95%")
    return program.start(
        "trial",
        *common,
        *("--candidate", "process-baseline-v1", "--record", "record.json", "--output", "json"),
        *arguments,
    )


def guardrail_of(judgement: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in judgement["guardrails"] if one["name"] == name)
    return found


def test_a_query_beyond_its_limit_aborts_and_the_record_says_why(
    program: Program, collector: CollectorBinary, prometheus: RunningPrometheus
) -> None:
    began = int(time.time())
    file = program.folder / "guardrails.yaml"
    file.write_text(FILE.format(began=began, most=60))
    a_trial(program, collector, "--guardrails", str(file), "--prometheus", prometheus.url)
    assert program.wait(240) == 23, program.stderr
    messages = [one["message"] for one in program.events() if one["event"] == "progress"]
    assert any(one.startswith("guardrail clock: ") for one in messages)
    assert "guardrail traffic: no number now (no series), allowed is at least 1" in messages
    judgement = program.events()[-1]["judgement"]
    assert judgement["verdict"] == "abort"
    assert judgement["reasons"][0].startswith("Its query gave 6")
    assert judgement["reasons"][0].endswith("beyond that in 2 answers in a row.")
    assert guardrail_of(judgement, "clock")["status"] == "abort"
    assert guardrail_of(judgement, "traffic")["status"] == "not_measured"
    record = record_of(program.folder / "record.json")
    assert record["options"]["prometheus"] == prometheus.url
    answers = record["answers"]
    clock = [
        (at, number)
        for name, at, number in zip(
            answers["guardrail"], answers["evaluated_at_unix_ms"], answers["number"], strict=True
        )
        if name == "clock"
    ]
    assert len(clock) > 5
    for at, number in clock:
        assert number == pytest.approx(at / 1000 - began, abs=1e-9)
    assert [number > 60 for _, number in clock][-3:] == [False, True, True]
    check = Program(program.folder).start("record", "verify", "record.json")
    assert check.wait(60) == 0, check.stderr
    assert check.stdout.startswith("verified: abort")
    check = Program(program.folder).start("certificate", "verify", "record.certificate.json")
    assert check.wait(60) == 0, check.stderr + check.stdout
    assert "clock" in (program.folder / "record.html").read_text("utf-8")


def test_a_prometheus_that_goes_away_promotes_nothing_and_slows_nothing(
    program: Program, collector: CollectorBinary, tmp_path: Path
) -> None:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    file = program.folder / "guardrails.yaml"
    file.write_text("guardrails: [{name: always, query: vector(1), max: 5, interval: 1s}]\n")
    with running_prometheus(folder) as prometheus:
        a_trial(
            program,
            collector,
            *("--guardrails", str(file), "--prometheus", prometheus.url),
            *("--max-duration", "40s"),
        )
        program.wait_until(
            lambda: any(
                one["event"] == "interval" and one["judgement"] for one in program.events()
            ),
            120,
        )
    assert program.wait(200) == 21, program.stderr
    judgement = program.events()[-1]["judgement"]
    always = guardrail_of(judgement, "always")
    assert always["status"] == "no_data"
    assert "Its query gave no number in the last" in always["reason"]
    record = record_of(program.folder / "record.json")
    kinds = record["answers"]["kind"]
    assert (kinds[0], kinds[-1]) == ("number", "no_answer")
    # While questions wait for their deadline, scrapes go on as far as the host makes them.
    assert judgement["unpaired"] == 0
    lost = ("baseline_lost_scrapes", "candidate_lost_scrapes")
    assert [record["counts"][name] for name in lost] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--guardrail", "a=vector(7) <= 5"), 4, "its query gives 7 before the trial, allowed"),
        (("--guardrail", "a=vector( <= 5"), 5, "guardrail a: query: "),
        (("--guardrail", "a=up <= five"), 5, "--guardrail: not of the form NAME=QUERY <= NUMBER"),
        (("--guardrail", "cpu=up <= 1"), 5, "'cpu' is the name of another guardrail"),
        ((), 5, "--prometheus: nothing is asked; name what with --guardrail"),
        (("--guardrails", "none.yaml"), 3, "--guardrails: no file none.yaml"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    program: Program,
    collector: CollectorBinary,
    prometheus: RunningPrometheus,
    arguments: tuple[str, ...],
    code: int,
    complaint: str,
) -> None:
    a_trial(program, collector, *arguments, "--prometheus", prometheus.url)
    assert program.wait(60) == code, program.stderr
    assert complaint in program.stderr
    assert not list(program.folder.glob("record*"))


def test_a_prometheus_that_is_not_there_is_said_before_anything_starts(
    program: Program, collector: CollectorBinary
) -> None:
    a_trial(program, collector, "--guardrail", "a=up <= 5")
    assert program.wait(60) == 5
    assert "give its URL, or set PHOENIX_PROMETHEUS__URL" in program.stderr
    again = Program(program.folder)
    again.start(
        *("trial", "--collector", str(collector.path), "--candidate", "process-baseline-v1"),
        *("--guardrail", "a=up <= 5"),
        PHOENIX_PROMETHEUS__URL=f"http://127.0.0.1:{free_port()}",
        PHOENIX_PROMETHEUS__DEADLINE="1s",
        PHOENIX_PROMETHEUS__BEARER_TOKEN="s3cret",
    )
    assert again.wait(60) == 6
    assert "guardrail a: http://127.0.0.1:" in again.stderr
    assert "s3cret" not in again.stderr + again.stdout
