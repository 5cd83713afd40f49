import pytest

from phoenix_platform.core.errors import ConflictError
from phoenix_platform.server.metrics import MAX_SERIES, MAX_SERIES_OF_A_GAUGE, ServerMetrics


def samples(metrics: ServerMetrics) -> dict[str, float]:
    lines = metrics.text().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_rate_errors_and_duration_are_counted_per_operation() -> None:
    metrics = ServerMetrics()
    metrics.observe_request("listHosts", 200, 0.02)
    metrics.observe_request("listHosts", 503, 3.0)
    metrics.observe_request("listHosts", 0, 0.1)
    found = samples(metrics)
    assert found['phoenix_http_requests_total{operation="listHosts",status="2xx"}'] == 1
    assert found['phoenix_http_requests_total{operation="listHosts",status="aborted"}'] == 1
    assert found['phoenix_http_errors_total{operation="listHosts"}'] == 1
    assert found['phoenix_http_request_duration_seconds_count{operation="listHosts"}'] == 3
    assert (
        found['phoenix_http_request_duration_seconds_bucket{le="0.025",operation="listHosts"}'] == 1
    )


def test_a_gauge_is_read_while_it_is_scraped() -> None:
    metrics = ServerMetrics()
    states: dict[tuple[str, ...], float] = {("connected",): 2.0}
    metrics.add_gauge("phoenix_agents", "Agents by state.", lambda: states, ("state",))
    assert samples(metrics)['phoenix_agents{state="connected"}'] == 2
    states["lost",] = 1.0
    assert samples(metrics)['phoenix_agents{state="lost"}'] == 1


def test_two_gauges_have_two_names() -> None:
    metrics = ServerMetrics()
    metrics.add_gauge("phoenix_queue", "Waiting.", dict)
    with pytest.raises(ConflictError, match="phoenix_queue"):
        metrics.add_gauge("phoenix_queue", "Waiting.", dict)


def test_the_series_stay_within_their_bound_whatever_is_asked() -> None:
    metrics = ServerMetrics()
    hosts: dict[tuple[str, ...], float] = {(f"host-{one}",): 1.0 for one in range(10_000)}
    metrics.add_gauge("phoenix_by_mistake", "Grown by mistake.", lambda: hosts, ("host",))
    for operation in range(150):
        for status in (0, 200, 300, 404, 500):
            metrics.observe_request(f"operation{operation}", status, 0.1)
    found = samples(metrics)
    assert sum(name.startswith("phoenix_by_mistake") for name in found) == MAX_SERIES_OF_A_GAUGE
    assert len(found) <= MAX_SERIES
