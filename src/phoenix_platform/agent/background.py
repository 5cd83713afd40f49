"""Tasks that live as long as a block, and whose failure somebody sees."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self


class BackgroundTasks:
    """Cancelled and awaited when the block ends; `check` raises what one of them died of."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[object, object, None], *, name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def check(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
