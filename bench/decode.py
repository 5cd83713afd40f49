"""How fast OTLP bodies become columns, beside the official protobuf classes in the same run.

`run()` is called by `make bench`; `python -m bench.decode` shows this table alone. The input is what a host with
2,000 processes sends in one scrape: the recorded scrapes, repeated with distinct pids. Every figure is
the median over rounds in which all contestants take turns, of CPU time of the one thread that works, so
another load on the machine weighs on all alike.
"""

import gzip
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.otlp.decoding import Decoder, protobuf_of_json
from phoenix_platform.otlp.encodings import decompressed

PROCESSES: Final = 2_000
ROUNDS: Final = 5
REPEATS: Final = 20
"""Of the kernel per round; the others are so slow that once is enough."""
RECORDED: Final = Path(__file__).parent.parent / "tests" / "recorded" / "otlp"
SEED: Final = 20_300_101


REFERENCE: Final = "official parse + plain decoder"


def run() -> list[dict[str, str | float]]:
    """One result per contestant: points a second on one core, and how many times the reference that is."""
    body = a_scrape()
    packed = gzip.compress(body, 6)
    text = json_format.MessageToJson(
        ExportMetricsServiceRequest.FromString(body), indent=None
    ).encode()
    kernel, plain = Decoder(), PlainDecoder()
    points = len(kernel.decode(body))
    plain.decode(body)  # from here on every series is known to both
    contestants: Mapping[str, tuple[int, Callable[[], object]]] = {
        "decode + identity": (REPEATS, lambda: kernel.decode(body)),
        "gunzip + decode + identity": (
            REPEATS,
            lambda: kernel.decode(decompressed(packed, "gzip", max_bytes=len(body))),
        ),
        "JSON + decode + identity": (1, lambda: kernel.decode(protobuf_of_json(text))),
        "decode + identity, all series new": (1, lambda: Decoder().decode(body)),
        "official parse only": (1, lambda: ExportMetricsServiceRequest.FromString(body)),
        REFERENCE: (1, lambda: plain.decode(body)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (repeats, work) in contestants.items():
            seconds[name] += (_cpu_seconds(work) for _ in range(repeats))
    rates = {name: points / median(taken) for name, taken in seconds.items()}
    return [
        {
            "name": f"otlp: {name}",
            "value": round(rate),
            "unit": "points/s/core",
            "against": REFERENCE,
            "ratio": round(rate / rates[REFERENCE], 1),
            "machine": machine(),
            "commit": commit(),
        }
        for name, rate in rates.items()
    ]


def a_scrape(processes: int = PROCESSES) -> bytes:
    """One scrape of so many processes, made of the recorded default ones.

    Each has a pid, times and values of its own, so that it compresses as little as a real one.
    """
    recorded = ExportMetricsServiceRequest()
    for path in sorted(RECORDED.glob("process_default_*.pb")):
        recorded.MergeFromString(path.read_bytes())
    scrape = ExportMetricsServiceRequest()
    scrape.resource_metrics.extend(islice(cycle(recorded.resource_metrics), processes))
    random = Random(SEED)  # noqa: S311 - values to measure with, no secrets
    for pid, process in enumerate(scrape.resource_metrics, start=1_000):
        _rename(process, pid)
        _move(process, pid, random)
    return scrape.SerializeToString()


def _rename(process: ResourceMetrics, pid: int) -> None:
    for attribute in process.resource.attributes:
        if attribute.key == "process.pid":
            attribute.value.int_value = pid
        if attribute.key == "process.command_line":
            attribute.value.string_value += f" --worker={pid}"


def _move(process: ResourceMetrics, pid: int, random: Random) -> None:
    started = random.randrange(10**15)  # within twelve days, in steps of 10 ms below
    for scope in process.scope_metrics:
        for metric in scope.metrics:
            for point in metric.sum.data_points:
                point.time_unix_nano += pid * 70_000  # processes are read one after the other
                point.start_time_unix_nano -= started // 10**7 * 10**7
                if point.HasField("as_int"):
                    point.as_int = int(random.lognormvariate(15, 3))
                else:
                    point.as_double = round(random.lognormvariate(0, 3), 2)


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def machine() -> str:
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{platform.machine()}, {next(names, 'unknown processor')}"


def commit() -> str:
    """What was measured; empty outside a checkout."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=RECORDED)
    return done.stdout.strip()


def main() -> None:
    print(f"{'':42}{'M points/s/core':>16}{'times':>8}  against")
    for result in run():
        value = float(result["value"]) / 1e6
        print(f"{result['name']:42}{value:16.3f}{result['ratio']:8}  {result['against']}")


if __name__ == "__main__":
    main()
