"""Users over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.users import InvitedUser, NewUser, UserChange, UserPage, UserView

_ALL: Final = "/api/v1/users"


class Users:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[UserView]:
        """Newest first."""
        return items_of(lambda cursor: self._connection.get(_ALL, UserPage, {"cursor": cursor}))

    def create(self, new: NewUser) -> InvitedUser:
        """A user, and the link by which they choose a password. Never sent twice: the link is not stored."""
        return self._connection.change(
            Request(method="POST", path=_ALL, body=new, takes_key=False), InvitedUser
        )

    def change(self, user: UserView, change: UserChange) -> UserView:
        return self._connection.change(
            Request(method="PATCH", path=f"{_ALL}/{user.id}", body=change, version=user.version),
            UserView,
        )

    def remove(self, user_id: UUID) -> None:
        self._connection.send(Request(method="DELETE", path=f"{_ALL}/{user_id}"))

    def reset_password(self, user_id: UUID) -> InvitedUser:
        """A new link; the old password and all sessions end."""
        path = f"{_ALL}/{user_id}/reset-password"
        return self._connection.change(
            Request(method="POST", path=path, takes_key=False), InvitedUser
        )
