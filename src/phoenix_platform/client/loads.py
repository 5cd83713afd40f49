"""Load simulations over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.load_simulations import LoadPage, LoadView, NewLoadRequest

_ALL: Final = "/api/v1/loads"


class Loads:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[LoadView]:
        """Newest first."""
        return items_of(lambda cursor: self._connection.get(_ALL, LoadPage, {"cursor": cursor}))

    def start(self, new: NewLoadRequest) -> LoadView:
        return self._connection.change(Request(method="POST", path=_ALL, body=new), LoadView)

    def stop(self, load_id: UUID) -> LoadView:
        return self._connection.change(
            Request(method="POST", path=f"{_ALL}/{load_id}/stop"), LoadView
        )
