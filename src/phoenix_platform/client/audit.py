"""The audit trail over the API."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from phoenix_platform.client.connections import Connection
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.audit import AuditEventView, AuditPage, AuditVerificationView

_ALL: Final = "/api/v1/audit"


class Audit:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(
        self,
        *,
        target: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
    ) -> Iterator[AuditEventView]:
        """Newest first."""
        said = None if since is None else since.isoformat()
        return items_of(
            lambda cursor: self._connection.get(
                _ALL,
                AuditPage,
                {"target": target, "action": action, "since": said, "cursor": cursor},
            )
        )

    def verify(self) -> AuditVerificationView:
        """Whether each event follows from the one before it, computed anew by the server."""
        return self._connection.get(f"{_ALL}/verification", AuditVerificationView)
