import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.e2e.programs import Program, record_of

from phoenix_platform.agent.binaries import CollectorBinary

pytestmark = pytest.mark.timeout(120)

WITHOUT_ONE = """
receivers:
  host_metrics:
    collection_interval: 60s
    scrapers: {process: {mute_process_all_errors: true}}
processors:
  filter/lossy:
    error_mode: ignore
    metrics:
      metric:
        - 'resource.attributes["process.executable.name"] == "phx-precious"'
exporters:
  otlp_http: {endpoint: "http://127.0.0.1:4318"}
service:
  pipelines:
    metrics: {receivers: [host_metrics], processors: [filter/lossy], exporters: [otlp_http]}
"""


@pytest.fixture
def program(tmp_path: Path) -> Generator[Program]:
    program = Program(tmp_path)
    yield program
    if program.process.poll() is None:
        program.process.kill()
        program.process.wait()
    program.wait_until(lambda: not program.leftovers(), 15)


@pytest.fixture
def precious(tmp_path: Path) -> Generator[subprocess.Popen[bytes]]:
    """A process with an executable name of its own."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    shutil.copy(sleep, tmp_path / "phx-precious")
    process = subprocess.Popen([tmp_path / "phx-precious", "600"])
    yield process
    process.kill()
    process.wait()


def a_trial(program: Program, collector: CollectorBinary, *arguments: str) -> Program:
    common = ("--collector", str(collector.path), "--interval", "1s", "--max-host-cpu", "90%")
    return program.start(
        "trial", *common, "--record", "record.json", "--output", "json", *arguments
    )


def has_samples(program: Program) -> bool:
    return any(event["event"] == "interval" and event["samples"] for event in program.events())


def test_the_same_pipeline_twice_is_never_promoted(
    program: Program, collector: CollectorBinary
) -> None:
    a_trial(program, collector, "--candidate", "process-baseline-v1", "--max-duration", "15s")
    assert program.wait(90) == 21, program.stderr
    verdict = program.events()[-1]
    assert (verdict["event"], verdict["verdict"]) == ("verdict", "inconclusive")
    judgement = verdict["judgement"]
    assert judgement["unpaired"] == 0
    assert judgement["paired"] > 5
    assert {state["window_reduction"] for state in judgement["reductions"]} == {0.0}
    assert all(one["broken_samples"] == 0 for one in judgement["fidelity"])
    assert {one["metric"] for one in judgement["fidelity"]} >= {
        "process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual",
    }  # fmt: skip
    record = record_of(program.folder / "record.json")
    assert record["counts"]["scrapes"] >= len(record["samples"]["scrape"]) / 2
    assert (
        record["counts"]["baseline_lost_scrapes"] == record["counts"]["candidate_lost_scrapes"] == 0
    )
    assert not list(program.folder.glob("*.partial.json"))
    assert not program.leftovers()


def test_a_candidate_that_drops_a_critical_process_is_aborted_at_once(
    program: Program, collector: CollectorBinary, precious: subprocess.Popen[bytes]
) -> None:
    candidate = program.folder / "lossy.yaml"
    candidate.write_text(WITHOUT_ONE)
    a_trial(program, collector, "--candidate", str(candidate), "--critical", "phx-precious")
    assert program.wait(60) == 23, program.stderr
    judgement = program.events()[-1]["judgement"]
    assert judgement["intervals"] <= 2
    assert f"phx-precious (pid {precious.pid})" in judgement["reasons"][0]
    assert "scrape 2" in judgement["reasons"][0]
    assert "processes: filter/lossy" in program.events()[-1]["notes"][0]


def test_a_candidate_whose_names_do_not_run_here_says_so(
    program: Program, collector: CollectorBinary
) -> None:
    candidate = program.folder / "names.yaml"
    candidate.write_text(WITHOUT_ONE.replace("==", "!=").replace("phx-precious", "phx-nobody"))
    a_trial(program, collector, "--candidate", str(candidate))
    assert program.wait(90) == 23, program.stderr
    reason = program.events()[-1]["judgement"]["reasons"][0]
    assert reason.startswith("The candidate took every scrape and let nothing out")
    assert "none of the names in its filter (filter/lossy) runs on this host: phx-nobody." in reason


def test_the_record_of_a_verdict_can_be_verified_and_a_changed_one_cannot(
    program: Program, collector: CollectorBinary
) -> None:
    a_trial(
        program, collector, "--candidate", "process-aggregated-stock-v1", "--max-duration", "8s"
    )
    assert program.wait(60) == 21
    record = program.folder / "record.json"
    assert Program(program.folder).start("record", "verify", str(record)).wait(30) == 0
    record.write_text(record.read_text().replace('"verdict":"inconclusive"', '"verdict":"promote"'))
    again = Program(program.folder).start("record", "verify", str(record))
    assert again.wait(30) == 5
    assert "verdict: the record says" in again.stderr


def test_after_kill_9_nothing_is_left_but_a_readable_record(
    program: Program, collector: CollectorBinary
) -> None:
    a_trial(program, collector, "--candidate", "process-priority-v1", "--seed-load", "realistic")
    program.wait_until(lambda: has_samples(program), 60)
    assert len(program.leftovers()) > 20
    program.signal(signal.SIGKILL)
    program.wait(10)
    program.wait_until(lambda: not program.leftovers(), 10)
    partial = record_of(program.folder / "record.partial.json")
    assert partial["judgement"] is None
    assert partial["format"] == "phoenix.trial/1"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_it_in_order(
    program: Program, collector: CollectorBinary, number: signal.Signals, code: int
) -> None:
    a_trial(program, collector, "--candidate", "process-aggregated-stock-v1")
    program.wait_until(lambda: has_samples(program), 60)
    program.signal(number)
    assert program.wait(20) == code
    assert "record.partial.json" in program.stderr
    assert not program.leftovers()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("--candidate", "process-prioritty-v1"), 3, "did you mean process-priority-v1",
                     id="unknown-pipeline"),
        pytest.param(("--candidate", "process-priority-v1", "--interval", "often"), 5,
                     "--interval: ", id="no-duration"),
        pytest.param(("--candidate", "process-priority-v1", "--target-reduction", "130%"), 5,
                     "--target-reduction: ", id="no-share"),
        pytest.param(("--candidate", "process-priority-v1", "--critical", "/(/"), 5,
                     "--critical: ", id="no-regular-expression"),
        pytest.param(("--candidate", "process-priority-v1", "--collector", "/nowhere"), 3,
                     "/nowhere does not exist", id="no-collector"),
        pytest.param(("--candidate", "process-priority-v1", "--seed-load", "relaistic"), 3,
                     "realistic", id="unknown-load"),
        pytest.param((), 2, "--candidate", id="nothing-to-try"),
        pytest.param(("--candidate", "process-priority-v1", "--record", "/dev/null/record.json"), 5,
                     "--record: ", id="nowhere-to-write"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_its_code_and_names_the_fix(
    program: Program, arguments: tuple[str, ...], code: int, message: str
) -> None:
    program.start("trial", "--record", "record.json", *arguments)
    assert program.wait(60) == code, program.stderr
    assert message in program.stderr
    assert "Traceback" not in program.stderr
    assert not program.leftovers()


def test_a_candidate_that_cannot_start_is_refused_in_the_collectors_words(
    program: Program, collector: CollectorBinary
) -> None:
    candidate = program.folder / "broken.yaml"
    candidate.write_text(WITHOUT_ONE.replace('== "phx-precious"', '== "phx-precious'))
    a_trial(program, collector, "--candidate", str(candidate))
    assert program.wait(60) == 6
    assert "candidate collector ended with exit code 1: Error: " in program.stderr
    assert not program.leftovers()
