"""API keys over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.api_keys import ApiKeyPage, ApiKeyView, IssuedApiKey, NewApiKey

_ALL: Final = "/api/v1/api-keys"


class ApiKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[ApiKeyView]:
        """One's own, newest first; for those who manage keys all of the tenant."""
        return items_of(lambda cursor: self._connection.get(_ALL, ApiKeyPage, {"cursor": cursor}))

    def issue(self, new: NewApiKey) -> IssuedApiKey:
        """A key with its secret. Never sent twice: the secret is not stored."""
        return self._connection.change(
            Request(method="POST", path=_ALL, body=new, takes_key=False), IssuedApiKey
        )

    def revoke(self, key_id: UUID) -> ApiKeyView:
        return self._connection.change(
            Request(method="POST", path=f"{_ALL}/{key_id}/revoke"), ApiKeyView
        )
