"""Hosts and their enrolment over the API."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.hosts import (
    EnrollmentTokenView,
    HostPage,
    HostReportView,
    HostView,
    LabelsChange,
    NewEnrollmentToken,
    ProductionChange,
    ReleaseRequest,
)

_ALL: Final = "/api/v1/hosts"


class Hosts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, selector: str = "") -> Iterator[HostView]:
        """Those that a label selector finds; an empty one finds every host."""
        return items_of(
            lambda cursor: self._connection.get(
                _ALL, HostPage, {"selector": selector or None, "cursor": cursor}
            )
        )

    def get(self, host_id: UUID) -> HostView:
        return self._connection.get(f"{_ALL}/{host_id}", HostView)

    def report(self, host_id: UUID) -> dict[str, Any] | None:
        """What its agent said last; None before its first word."""
        return self._connection.get(f"{_ALL}/{host_id}/report", HostReportView).report

    def set_labels(self, host: HostView, labels: Mapping[str, str]) -> HostView:
        """Give the host as it was read these labels in place of its own."""
        body = LabelsChange(labels=dict(labels))
        path = f"{_ALL}/{host.id}/labels"
        return self._connection.change(
            Request(method="PUT", path=path, body=body, version=host.version), HostView
        )

    def set_production(self, host: HostView, pipeline: str | None) -> HostView:
        """Let the production collector of the host as it was read run this pipeline; None leaves it to itself."""
        path = f"{_ALL}/{host.id}/production"
        body = ProductionChange(pipeline=pipeline)
        return self._connection.change(
            Request(method="PUT", path=path, body=body, version=host.version), HostView
        )

    def release(self, host_id: UUID, configuration_hash: str) -> HostView:
        """Let a configuration that failed on the host be offered to it again."""
        path = f"{_ALL}/{host_id}/release"
        return self._connection.change(
            Request(method="POST", path=path, body=ReleaseRequest(hash=configuration_hash)),
            HostView,
        )

    def remove(self, host_id: UUID) -> None:
        self._connection.send(Request(method="DELETE", path=f"{_ALL}/{host_id}"))

    def issue_token(
        self, labels: Mapping[str, str], *, expires_in_seconds: int
    ) -> EnrollmentTokenView:
        """A token that lets one host in, once."""
        body = NewEnrollmentToken(labels=dict(labels), expires_in_seconds=expires_in_seconds)
        return self._connection.change(
            Request(method="POST", path="/api/v1/enrollment-tokens", body=body, takes_key=False),
            EnrollmentTokenView,
        )
