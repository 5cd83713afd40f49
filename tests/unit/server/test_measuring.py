import asyncio

from tests.server_parts import until

from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.server.measuring import Measuring
from phoenix_platform.server.metrics import ServerMetrics


async def test_a_value_that_must_be_asked_for_is_shown_while_it_is_known() -> None:
    metrics, answers = ServerMetrics(), [3.0]
    measuring = Measuring(metrics)

    async def ask() -> dict[tuple[str, ...], float]:
        if not answers:
            raise UnavailableError("database: away")
        return {(): answers[0]}

    measuring.add("phoenix_outbox_events", "Waiting.", ask)
    assert b"\nphoenix_outbox_events " not in metrics.text()
    job = asyncio.create_task(measuring.run())
    await until(lambda: b"\nphoenix_outbox_events 3.0" in metrics.text())
    job.cancel()
    answers.clear()
    await measuring.ask_once()
    assert b"\nphoenix_outbox_events 3.0" not in metrics.text()
