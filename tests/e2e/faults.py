"""The faults a trial is put through, as data: what is done to it, and what must come of it.

`test_faults` asserts it, `fault_table` prints what was measured. Each works on real processes in a
folder of its own and touches nothing else.
"""

import ctypes
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final

from tests.e2e.fault_outcomes import Bench, FaultOutcome, outcome_of, wait_for_samples, wait_until
from tests.e2e.programs import Program

CHEAPER: Final = ("--candidate", "process-aggregated-stock-v1")
HOST_METRICS: Final = """
receivers:
  host_metrics:
    collection_interval: 60s
    scrapers: {process: {mute_process_all_errors: true}}
"""
_PIDFD_GETFD: Final = 438
"""The system call's number, the same on every architecture since Linux 5.6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    id: str
    what: str
    """What is done, for the reader of the table."""
    happens: Callable[[Bench], FaultOutcome]
    code: int
    message: str
    """Regular expression that the message must contain."""
    has_log_lines: bool = False
    is_slow: bool = False
    """Longer than about 25 s."""


def _signal_collector(name: str, number: signal.Signals) -> Callable[[Bench], FaultOutcome]:
    def happens(bench: Bench) -> FaultOutcome:
        program = bench.trial(*CHEAPER)
        wait_for_samples(program)
        os.kill(program.collector_pid(name), number)
        return outcome_of(program)

    return happens


def _dies_at_start(bench: Bench) -> FaultOutcome:
    broken = bench.script(
        "crashing", 'case "$2" in *candidate.yaml) echo "panic: boom" >&2; exit 2;; esac\nexec $COLLECTOR "$@"\n'
    )  # fmt: skip
    return outcome_of(bench.trial(*CHEAPER, collector=broken))


def _dies_in_a_loop(bench: Bench) -> FaultOutcome:
    """A wrapper starts the candidate again and again, as a supervisor or an init system does."""
    looping = bench.script(
        "looping",
        'case "$2" in *candidate.yaml) while :; do timeout -s KILL 6 $COLLECTOR "$@"; done;; esac\n'
        'exec $COLLECTOR "$@"\n',
    )
    return outcome_of(bench.trial(*CHEAPER, collector=looping))


def _loses_its_exporter(bench: Bench) -> FaultOutcome:
    """Its connections to the meter are reset, and it may open no other."""
    program = bench.trial(*CHEAPER)
    wait_for_samples(program)
    pid = program.collector_pid("candidate")
    open_files = len(list(Path("/proc", str(pid), "fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files // 2, open_files // 2))
    meter_port = _meter_port(program)

    def cut() -> bool:
        _reset_connections(pid, meter_port)
        return program.process.poll() is not None

    program.wait_until(cut, 120)
    return outcome_of(program)


def _meter_port(program: Program) -> int:
    config = next(program.temporary.glob("phoenix-trial-*/candidate.yaml")).read_text()
    url = next(line for line in config.splitlines() if "metrics_endpoint" in line)
    return int(url.split("127.0.0.1:")[1].split("/")[0])


def _reset_connections(pid: int, port: int) -> None:
    """Shut down every connection of the process to that port, as a router that dies does."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # the trial has just ended it
    try:
        for entry in Path("/proc", str(pid), "fd").iterdir():
            with suppress(OSError):
                if entry.readlink().name.startswith("socket:"):
                    copy = libc.syscall(_PIDFD_GETFD, pidfd, int(entry.name), 0)
                    if copy >= 0:
                        _shut_down(socket.socket(fileno=copy), port)
    finally:
        os.close(pidfd)


def _shut_down(copy: socket.socket, port: int) -> None:
    with copy, suppress(OSError):
        if copy.family == socket.AF_INET and copy.getpeername()[1] == port:
            copy.shutdown(socket.SHUT_RDWR)


def _refuses_for_lack_of_memory(bench: Bench) -> FaultOutcome:
    limited = (
        HOST_METRICS
        + """
processors:
  memory_limiter: {check_interval: 100ms, limit_mib: 6, spike_limit_mib: 2}
exporters:
  otlp_http: {endpoint: "http://127.0.0.1:4318"}
service:
  pipelines:
    metrics: {receivers: [host_metrics], processors: [memory_limiter], exporters: [otlp_http]}
"""
    )
    return outcome_of(bench.trial("--candidate", bench.pipeline(limited)))


def _runs_out_of_address_space(bench: Bench) -> FaultOutcome:
    program = bench.trial(*CHEAPER, "--seed-load", "realistic")
    wait_for_samples(program)
    pid = program.collector_pid("candidate")
    resource.prlimit(pid, resource.RLIMIT_AS, (2**20, 2**20))
    return outcome_of(program)


def _leaks(bench: Bench) -> FaultOutcome:
    """A second pipeline of the candidate holds every point for an hour."""
    leaking = (
        HOST_METRICS
        + """
processors:
  batch/hoard: {timeout: 1h, send_batch_size: 1000000000}
exporters:
  otlp_http: {endpoint: "http://127.0.0.1:4318"}
  otlp_http/second: {endpoint: "http://127.0.0.1:4319"}
service:
  pipelines:
    metrics: {receivers: [host_metrics], exporters: [otlp_http]}
    metrics/second: {receivers: [host_metrics], processors: [batch/hoard], exporters: [otlp_http/second]}
"""
    )
    return outcome_of(
        bench.trial(
            "--candidate", bench.pipeline(leaking), "--exporter", "otlp_http", "--max-duration", "4m",
            "--seed-load", "high-cardinality",
        ),
        patience_seconds=360,
    )  # fmt: skip


def _full_disk(folder: str, size: str) -> Callable[[Bench], FaultOutcome]:
    """`folder` of the run lies on a file system of its own, of that size, in a mount namespace."""

    def happens(bench: Bench) -> FaultOutcome:
        mount = 'mkdir -p "$0" && mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'
        path = bench.folder / "run" / folder
        program = bench.program("run", "unshare", "--mount", "sh", "-c", mount, str(path), size)
        record = str(path / "record.json") if folder == "small" else "record.json"
        return outcome_of(bench.start(program, *CHEAPER, "--record", record))

    return happens


_THIEF: Final = (
    "import socket, sys, time; taken = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    "print('taken', flush=True); time.sleep(600)"
)


def _port_taken(bench: Bench) -> FaultOutcome:
    """Another program takes the candidate's port between its choice and its start, the first time."""
    racing = bench.script(
        "racing",
        f"""
cd {bench.folder}
case "$2" in *candidate.yaml)
  if [ ! -e stolen ]; then
    port=$(sed -n 's/^ *endpoint: *"127.0.0.1:\\([0-9]*\\)"$/\\1/p' "$2" | head -1)
    {sys.executable} -c "{_THIEF}" "$port" > stolen 2> thief-errors &
    while [ ! -s stolen ] && [ ! -s thief-errors ]; do sleep 0.05; done
  fi;;
esac
exec $COLLECTOR "$@"
""",
    )
    program = bench.trial(*CHEAPER, "--max-duration", "6s", collector=racing)
    outcome = outcome_of(program)
    assert program.stdout.count("starting the candidate collector") == 2, program.stdout
    assert "taken" in (bench.folder / "stolen").read_text(), "the port could not be taken"
    return outcome


def _slow_meter(bench: Bench) -> FaultOutcome:
    program = bench.trial("--candidate", "process-baseline-v1", "--max-duration", "35s")
    wait_for_samples(program)
    program.signal(signal.SIGSTOP)
    with suppress(subprocess.TimeoutExpired):
        program.wait(10)
    program.signal(signal.SIGCONT)
    return outcome_of(program)


def _interrupted_twice(bench: Bench) -> FaultOutcome:
    program = bench.trial(*CHEAPER)
    wait_until(program, lambda: "starting the candidate" in program.stdout)
    program.signal(signal.SIGINT)
    program.signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        program.wait(0.2)
    program.signal(signal.SIGINT)
    return outcome_of(program)


def _closed_terminal(bench: Bench) -> FaultOutcome:
    """The terminal's window is closed: SIGHUP, and every write fails from then on."""
    ours, theirs = pty.openpty()
    closing = Event()
    window = Thread(target=_show, args=(ours, closing))
    window.start()
    program = bench.program()
    bench.start(program, *CHEAPER, "--output", "table", stderr=theirs)
    os.close(theirs)
    try:
        wait_until(program, lambda: any(program.folder.glob("record.partial.json")))
    finally:
        closing.set()
        window.join()
    program.signal(signal.SIGHUP)
    return outcome_of(program)


def _show(terminal: int, closing: Event) -> None:
    """Read as a terminal does until its window is closed; a full one would hold up the program."""
    while not closing.is_set():
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            os.read(terminal, 65536)
    os.close(terminal)


def _closed_output(bench: Bench) -> FaultOutcome:
    """`phoenix trial … | head -1`."""
    reading, writing = os.pipe()
    program = bench.program()
    bench.start(program, *CHEAPER, stdout=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return outcome_of(program)


def _two_at_once(bench: Bench) -> FaultOutcome:
    first, second = bench.program("run"), bench.program("other")
    for program in (first, second):
        bench.start(program, *CHEAPER, "--max-duration", "8s")
    outcomes = [outcome_of(program) for program in (first, second)]
    assert outcomes[0].code == outcomes[1].code, outcomes
    return outcomes[0]


def _named(path: str) -> Callable[[Bench], FaultOutcome]:
    return lambda bench: outcome_of(bench.trial(*CHEAPER, collector=Path(path)))


def _not_executable(bench: Bench) -> FaultOutcome:
    script = bench.script("plain", "exit 0\n")
    script.chmod(0o644)
    return outcome_of(bench.trial(*CHEAPER, collector=script))


def _another_architecture(bench: Bench) -> FaultOutcome:
    binary = bench.folder / "foreign"
    # An ELF header for a machine that no host of ours is (EM_S390 in big endian).
    header = (
        b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + b"\x00\x00\x00\x01" + bytes(40)
    )
    binary.write_bytes(header)
    binary.chmod(0o755)
    return outcome_of(bench.trial(*CHEAPER, collector=binary))


def _hangs_when_asked(bench: Bench) -> FaultOutcome:
    return outcome_of(bench.trial(*CHEAPER, collector=bench.script("mute", "exec sleep 600\n")))


def _hangs_at_start(bench: Bench) -> FaultOutcome:
    hanging = bench.script(
        "hanging", 'case "$2" in *candidate.yaml) exec sleep 600;; esac\nexec $COLLECTOR "$@"\n'
    )
    return outcome_of(bench.trial(*CHEAPER, collector=hanging))


KILL, STOP = signal.SIGKILL, signal.SIGSTOP
FAULTS: Final = (
    Fault(id="candidate-dies-at-start", what="the candidate's collector panics as it starts",
          happens=_dies_at_start, code=6, message="candidate collector ended with exit code 2: panic: boom"),
    Fault(id="candidate-dies", what="kill -9 of the candidate's collector",
          happens=_signal_collector("candidate", KILL), code=23,
          message="candidate collector ended with signal SIGKILL", has_log_lines=True),
    Fault(id="candidate-dies-in-a-loop", what="the candidate's collector is killed every 6 s and started again",
          happens=_dies_in_a_loop, code=23, message="candidate collector ended and was started again",
          has_log_lines=True),
    Fault(id="baseline-dies", what="kill -9 of the baseline's collector",
          happens=_signal_collector("baseline", KILL), code=22,
          message="baseline collector ended with signal SIGKILL", has_log_lines=True, is_slow=True),
    Fault(id="source-dies", what="kill -9 of the source",
          happens=_signal_collector("source", KILL), code=22,
          message="source collector ended with signal SIGKILL", has_log_lines=True, is_slow=True),
    Fault(id="candidate-frozen", what="SIGSTOP to the candidate's collector",
          happens=_signal_collector("candidate", STOP), code=23,
          message="Nothing came out of the candidate",
          has_log_lines=True, is_slow=True),
    Fault(id="baseline-frozen", what="SIGSTOP to the baseline's collector",
          happens=_signal_collector("baseline", STOP), code=22,
          message=r"baseline collector answered no scrape for \d+ s", has_log_lines=True, is_slow=True),
    Fault(id="source-frozen", what="SIGSTOP to the source",
          happens=_signal_collector("source", STOP), code=22,
          message=r"source collector sent no scrape for \d+ s", has_log_lines=True, is_slow=True),
    Fault(id="candidate-loses-its-exporter", what="the candidate's connections to the meter are reset, new ones fail",
          happens=_loses_its_exporter, code=23, message="Nothing came out of the candidate", has_log_lines=True, is_slow=True),
    Fault(id="candidate-refuses", what="the candidate's memory_limiter is at its limit from the first scrape",
          happens=_refuses_for_lack_of_memory, code=23, message="Nothing came out of the candidate|itself refused", has_log_lines=True, is_slow=True),
    Fault(id="candidate-without-memory", what="the candidate's collector gets no more memory from the kernel",
          happens=_runs_out_of_address_space, code=23,
          message="candidate collector ended with exit code 2: fatal error:", has_log_lines=True, is_slow=True),
    Fault(id="candidate-leaks", what="the candidate keeps every point it was ever given",
          happens=_leaks, code=23, message="memory above the baseline's", has_log_lines=True, is_slow=True),
    Fault(id="record-disk-full", what="the folder of the record holds 20 KiB",
          happens=_full_disk("small", "20k"), code=6, message="--record: cannot write .*No space left"),
    Fault(id="run-disk-full", what="TMPDIR holds 4 KiB",
          happens=_full_disk("temporary", "4k"), code=6, message="No space left on device; free some space"),
    Fault(id="port-taken", what="a port is taken between its choice and the start",
          happens=_port_taken, code=21, message="ended after"),
    Fault(id="meter-slow", what="the meter itself is stopped for 10 s",
          happens=_slow_meter, code=21, message="ended after", is_slow=True),
    Fault(id="ctrl-c-twice", what="Ctrl-C three times within 0.2 s", happens=_interrupted_twice, code=130,
          message="ended before a verdict"),
    Fault(id="terminal-closed", what="the terminal is closed: SIGHUP, and no write succeeds any more",
          happens=_closed_terminal, code=143, message=""),
    Fault(id="output-closed", what="the reader of its output leaves, as `head -1` does", happens=_closed_output, code=6,
          message="nobody reads it any more"),
    Fault(id="two-trials", what="two trials at once on one host", happens=_two_at_once, code=21,
          message="ended after", is_slow=True),
    Fault(id="collector-missing", what="--collector names no file", happens=_named("/nowhere/otelcol"), code=3,
          message="does not exist"),
    Fault(id="collector-not-executable", what="--collector names a file that is not executable",
          happens=_not_executable, code=6, message="not executable; chmod"),
    Fault(id="collector-of-another-architecture", what="--collector names a binary for another processor",
          happens=_another_architecture, code=6, message="another system or processor"),
    Fault(id="collector-mute", what="the collector hangs when asked for its version",
          happens=_hangs_when_asked, code=6, message="no answer after 20 s", is_slow=True),
    Fault(id="candidate-hangs-at-start", what="the candidate's collector hangs as it starts",
          happens=_hangs_at_start, code=6, message="candidate collector is not ready after 30 s", is_slow=True),
)  # fmt: skip
