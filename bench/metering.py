"""How much the meter does of one interval of a trial: a raw scrape in, both outputs in, two samples out."""

import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Final

from bench.decode import a_scrape, commit, machine
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from phoenix_platform.metering.meter import Meter, MeterSettings, VariantTiming
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.samples import Variant
from phoenix_platform.otlp.decoding import Decoder

INTERVALS: Final = 20
SECOND: Final = 1_000_000_000
DECODE: Final = "decoding the same three bodies"


def run() -> list[dict[str, str | float]]:
    """CPU time of an interval with 2,000 processes, beside what decoding alone takes of it."""
    bodies = _scrapes()
    points = len(Decoder().decode(bodies[0]))
    metered = _median_of(_interval_of(_new_meter()), bodies)
    decoders = [Decoder() for _ in range(3)]
    decoded = _median_of(lambda body: [decoder.decode(body) for decoder in decoders], bodies)
    return [
        {
            "name": "metering: one interval of 2,000 processes",
            "value": round(metered * 1e3, 2),
            "unit": f"ms of CPU ({3 * points:,} points)",
            "against": DECODE,
            "ratio": round(metered / decoded, 2),
            "machine": machine(),
            "commit": commit(),
        }
    ]


def _scrapes() -> list[bytes]:
    """The same processes, a second later each."""
    scrape = ExportMetricsServiceRequest.FromString(a_scrape())
    bodies: list[bytes] = []
    for _ in range(INTERVALS):
        for resource in scrape.resource_metrics:
            for metric in resource.scope_metrics[0].metrics:
                for point in metric.sum.data_points:
                    point.time_unix_nano += SECOND
        bodies.append(scrape.SerializeToString())
    return bodies


def _new_meter() -> Meter:
    timing = VariantTiming(emits_every=timedelta(seconds=1))
    return Meter(
        MeterSettings(
            host="bench",
            interval=timedelta(seconds=1),
            timings=dict.fromkeys(Variant, timing),
            critical=[parse_pattern("postgres*"), parse_pattern("nginx")],
        ),
        Decoder,
        began_unix_nano=0,
    )


def _interval_of(meter: Meter) -> Callable[[bytes], object]:
    def interval(body: bytes) -> object:
        scrape = meter.take_scrape(body, now=time.time_ns())
        assert scrape is not None
        for variant in Variant:
            meter.begin_relay(variant, scrape)
            meter.end_relay(variant, scrape, acknowledged=True)
            meter.take_output(variant, body, now=scrape.window.ended_unix_nano)
        return meter.close_due(now=scrape.window.ended_unix_nano + SECOND)

    return interval


def _median_of(work: Callable[[bytes], object], bodies: list[bytes]) -> float:
    """Seconds of CPU time; the first rounds, in which all series are new, are left out."""
    taken: list[float] = []
    for body in bodies:
        start = time.thread_time()
        work(body)
        taken.append(time.thread_time() - start)
    return median(taken[3:])
