"""Tenants over the API."""

from typing import Final

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.wire.v1.tenants import CreatedTenantView, NewTenant, TenantList, TenantView

_ALL: Final = "/api/v1/tenants"


class Tenants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[TenantView]:
        """Those that whoever asks may see, by name."""
        return self._connection.get(_ALL, TenantList).items

    def create(self, new: NewTenant) -> CreatedTenantView:
        """A tenant, and the link for its first admin. Never sent twice: the link is not stored."""
        return self._connection.change(
            Request(method="POST", path=_ALL, body=new, takes_key=False), CreatedTenantView
        )
