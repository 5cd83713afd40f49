"""The rows of `phoenix agent status`."""

from collections.abc import Iterator

from phoenix_platform.agent.statuses import AgentStatus
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.core.units import show_bytes

_SHORT_HASH = 19
"""`sha256:` and twelve digits."""


def rows_of(status: AgentStatus, *, is_running: bool) -> Iterator[tuple[str, str]]:
    """What it is, and how; for each experiment and load one row."""
    yield (
        "agent",
        f"{'runs' if is_running else 'does not run'} (pid {status.pid}), {status.version}",
    )
    yield "host", f"{status.report.host_name} ({status.host_id or 'not enrolled'})"
    yield "instance uid", status.instance_uid
    yield "memory", NO_DATA if status.rss_bytes is None else show_bytes(status.rss_bytes)
    yield "control plane", _connection(status)
    yield "samples", _samples(status)
    for name, fact in status.facts.items():
        yield name, f"{fact.hash[:_SHORT_HASH]} since {fact.at:%Y-%m-%d %H:%M:%SZ}"
    if status.failure is not None:
        yield "failed", status.failure
    for run in status.report.runs:
        reason = f": {run.reason}" if run.reason else ""
        yield f"experiment {run.experiment_id}", f"{run.state} since {run.at:%H:%M:%SZ}{reason}"
    for load in status.report.loads:
        reason = f": {load.reason}" if load.reason else ""
        yield f"load {load.load_id}", f"{load.state} since {load.at:%H:%M:%SZ}{reason}"
    for number, one in enumerate(status.notes, 1):
        yield f"cannot see ({number})", one


def _connection(status: AgentStatus) -> str:
    connection = status.connection
    if connection is None:
        return "none: the desired state comes from a file"
    state = "connected" if connection.is_connected else "not connected"
    since = f" since {connection.since:%Y-%m-%d %H:%M:%SZ}" if connection.since else ""
    failure = f"; {connection.last_failure}" if connection.last_failure else ""
    return f"{connection.server}: {state}{since}{failure}"


def _samples(status: AgentStatus) -> str:
    spool, upload = status.report.spool, status.upload
    waiting = (
        NO_DATA if spool is None else f"{spool.samples} wait ({show_bytes(spool.bytes)} on disk)"
    )
    dropped = f", {spool.dropped_samples} dropped" if spool and spool.dropped_samples else ""
    if upload is None:
        return waiting + dropped
    failure = f"; {upload.last_failure}" if upload.last_failure else ""
    return f"{upload.posted_samples} delivered since its start, {waiting}{dropped}{failure}"
