"""Experiments over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.experiments import (
    CertificateKeyView,
    ExperimentPage,
    ExperimentView,
    ForecastView,
    NewExperimentRequest,
    ReasonRequest,
    SamplesView,
    TransitionList,
    TransitionView,
)

_ALL: Final = "/api/v1/experiments"
_SAMPLES_A_PART: Final = 2000


class Experiments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, *, phases: str = "", name: str | None = None) -> Iterator[ExperimentView]:
        """Newest first; `name` is a part of the name, `phases` are joined by commas."""
        return items_of(
            lambda cursor: self._connection.get(
                _ALL, ExperimentPage, {"phase": phases or None, "name": name, "cursor": cursor}
            )
        )

    def get(self, experiment_id: UUID) -> ExperimentView:
        return self._connection.get(f"{_ALL}/{experiment_id}", ExperimentView)

    def create(self, new: NewExperimentRequest) -> ExperimentView:
        return self._connection.change(Request(method="POST", path=_ALL, body=new), ExperimentView)

    def forecast(self, new: NewExperimentRequest) -> ForecastView:
        """A dry run; nothing is written."""
        return self._connection.change(
            Request(method="POST", path=f"{_ALL}/forecast", body=new), ForecastView
        )

    def start(self, experiment: ExperimentView) -> ExperimentView:
        """Start it as it was read: a `ConflictError` if it was changed since."""
        path = f"{_ALL}/{experiment.id}/start"
        return self._connection.change(
            Request(method="POST", path=path, version=experiment.version), ExperimentView
        )

    def stop(self, experiment_id: UUID, reason: str) -> ExperimentView:
        """Judge now, with what there is."""
        return self._end(experiment_id, "stop", reason)

    def cancel(self, experiment_id: UUID, reason: str) -> ExperimentView:
        """End it without a verdict."""
        return self._end(experiment_id, "cancel", reason)

    def delete(self, experiment: ExperimentView) -> None:
        """Remove it as it was read, with its samples."""
        path = f"{_ALL}/{experiment.id}"
        self._connection.send(Request(method="DELETE", path=path, version=experiment.version))

    def transitions(self, experiment_id: UUID) -> list[TransitionView]:
        return self._connection.get(f"{_ALL}/{experiment_id}/transitions", TransitionList).items

    def samples(self, experiment_id: UUID) -> Iterator[SamplesView]:
        """All samples, in parts; each has one list per field."""
        after = 0
        while True:
            part = self._connection.get(
                f"{_ALL}/{experiment_id}/samples",
                SamplesView,
                {"after": after, "limit": _SAMPLES_A_PART},
            )
            if part.next_after == after:
                return
            yield part
            after = part.next_after

    def certificate(self, experiment_id: UUID) -> bytes:
        """The signed record of the verdict, byte by byte as it was signed."""
        return self._connection.get_bytes(f"{_ALL}/{experiment_id}/certificate")

    def certificate_key(self) -> CertificateKeyView:
        """The public key that this control plane signs certificates with, as it says itself."""
        return self._connection.get("/api/v1/certificate-key", CertificateKeyView)

    def _end(self, experiment_id: UUID, verb: str, reason: str) -> ExperimentView:
        path = f"{_ALL}/{experiment_id}/{verb}"
        return self._connection.change(
            Request(method="POST", path=path, body=ReasonRequest(reason=reason)), ExperimentView
        )
