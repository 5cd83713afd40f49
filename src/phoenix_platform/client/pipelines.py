"""Pipelines and their versions over the API."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from phoenix_platform.client.connections import Connection, Request
from phoenix_platform.client.pages import items_of
from phoenix_platform.wire.v1.pipelines import (
    NewPipelineRequest,
    NewVersionRequest,
    PipelinePage,
    PipelineVersionList,
    PipelineVersionView,
    PipelineView,
)

_ALL: Final = "/api/v1/pipelines"


class Pipelines:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[PipelineView]:
        return items_of(lambda cursor: self._connection.get(_ALL, PipelinePage, {"cursor": cursor}))

    def create(self, new: NewPipelineRequest) -> PipelineView:
        """Make a pipeline with its first version."""
        return self._connection.change(Request(method="POST", path=_ALL, body=new), PipelineView)

    def publish(self, pipeline: PipelineView, text: str, message: str) -> PipelineVersionView:
        """Publish the next version of the pipeline as it was read."""
        body = NewVersionRequest(text=text, message=message)
        path = f"{_ALL}/{pipeline.id}/versions"
        return self._connection.change(
            Request(method="POST", path=path, body=body, version=pipeline.version),
            PipelineVersionView,
        )

    def versions(self, pipeline_id: UUID) -> list[PipelineVersionView]:
        """Oldest first."""
        return self._connection.get(f"{_ALL}/{pipeline_id}/versions", PipelineVersionList).items

    def version(self, pipeline_id: UUID, number: int) -> PipelineVersionView:
        return self._connection.get(f"{_ALL}/{pipeline_id}/versions/{number}", PipelineVersionView)
