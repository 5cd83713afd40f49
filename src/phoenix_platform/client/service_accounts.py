"""Service accounts over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.service_accounts import (
    NewServiceAccount,
    ServiceAccountChange,
    ServiceAccountPage,
    ServiceAccountView,
)

_ALL: Final = "/api/v1/service-accounts"


class ServiceAccounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[ServiceAccountView]:
        """Newest first."""
        return items_of(
            lambda cursor: self._connection.get(_ALL, ServiceAccountPage, {"cursor": cursor})
        )

    def create(self, new: NewServiceAccount) -> ServiceAccountView:
        return self._connection.change(
            Request(method="POST", path=_ALL, body=new), ServiceAccountView
        )

    def change(
        self, account: ServiceAccountView, change: ServiceAccountChange
    ) -> ServiceAccountView:
        path = f"{_ALL}/{account.id}"
        return self._connection.change(
            Request(method="PATCH", path=path, body=change, version=account.version),
            ServiceAccountView,
        )

    def remove(self, account_id: UUID) -> None:
        self._connection.send(Request(method="DELETE", path=f"{_ALL}/{account_id}"))
