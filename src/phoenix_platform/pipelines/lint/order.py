"""Rules about the shape of pipelines: the order of processors, and what is defined and runs nowhere.

Called by `linting`.
"""

from collections.abc import Iterator
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Pipeline
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.renaming import reordering_edits, texts_in
from phoenix_platform.pipelines.lint.subjects import Edit, Found, Subject

_SHRINKS: Final = frozenset({
    "filter", "probabilistic_sampler", "tail_sampling", "logdedup", "log_dedup",
})  # fmt: skip
"""After them batches are smaller than they were made."""
_NEEDS_CONNECTION: Final = frozenset({"k8sattributes", "k8s_attributes"})
"""Look at the connection that data came in by, which a batch no longer has."""
_INDIFFERENT: Final = frozenset({
    "attributes", "cumulative_to_delta", "delta_to_rate", "memory_limiter", "resource", "resource_detection", "span",
    "redaction",
})  # fmt: skip
"""Do the same to a batch as to its parts, at the same price."""


def memory_limiter_first(subject: Subject) -> Iterator[Found]:
    for pipeline in subject.configuration.pipelines.values():
        processors = subject.processors(pipeline)
        for index, component in enumerate(processors):
            ahead = [one.id for one in processors[:index] if one.type != "memory_limiter"]
            if component.type == "memory_limiter" and ahead:
                others = [one for one in pipeline.processors if one != component.id]
                yield misplaced(
                    subject, "memory-limiter-not-first", Severity.WARNING, pipeline, component,
                    f"runs after {ahead[-1]!r}: memory is limited only after that work is done, and nothing is pushed back to the receiver before it",
                    f"name {component.id} first", [component.id, *others],
                )  # fmt: skip


def batch_last(subject: Subject) -> Iterator[Found]:
    for pipeline in subject.configuration.pipelines.values():
        processors = subject.processors(pipeline)
        for index, component in enumerate(processors):
            if component.type != "batch":
                continue
            after = processors[index + 1 :]
            types = {one.type for one in after}
            # Others (grouping, aggregating, metrics_transform) may want whole batches: order is theirs.
            if not after or not types <= _SHRINKS | _NEEDS_CONNECTION | _INDIFFERENT:
                continue
            matters = [one for one in after if one.type in _SHRINKS | _NEEDS_CONNECTION]
            severity = Severity.WARNING if matters else Severity.NOTE
            others = [one for one in pipeline.processors if one != component.id]
            if not matters:
                why = f"runs before {after[0].id!r}: what leaves the pipeline is batched, but not as whole as it could be"
            elif matters[0].type in _SHRINKS:
                why = f"runs before {matters[0].id!r}, which makes the batches smaller again"
            else:
                why = f"runs before {matters[0].id!r}, which needs the connection that a batch no longer has"
            yield misplaced(
                subject, "batch-not-last", severity, pipeline, component, why,
                f"name {component.id} last", [*others, component.id],
            )  # fmt: skip


def unused(subject: Subject) -> Iterator[Found]:
    """Components that are defined and run nowhere; a collector reads past them."""
    if subject.is_partial:
        return
    used = subject.used()
    for component in subject.components():
        if (component.kind, component.id) in used or _is_referred_to(subject, component):
            continue
        where = "service.extensions" if component.kind is Kind.EXTENSION else "a pipeline"
        yield subject.found(
            "unused-component", Severity.WARNING, component.path,
            f"the {component.kind.value} is defined and not used",
            fix=f"name it in {where}, or remove it", component=component.id,
        )  # fmt: skip


def _is_referred_to(subject: Subject, component: Component) -> bool:
    """Whether another component names it: such as a routing table its exporters."""
    return component.kind is not Kind.EXTENSION and any(
        component.id in texts_in(other.settings)
        for other in subject.components()
        if other is not component
    )


def misplaced(
    subject: Subject,
    rule: str,
    severity: Severity,
    pipeline: Pipeline,
    component: Component,
    message: str,
    fix: str,
    order: list[str],
) -> Found:
    """A processor that should stand elsewhere, and the edits that put it there."""
    path = ("service", "pipelines", pipeline.id, Kind.PROCESSOR.section)
    index = pipeline.processors.index(component.id)
    edits: tuple[Edit, ...] = ()
    if len(order) == len(set(pipeline.processors)) == len(pipeline.processors):
        document = subject.configuration.document
        edits = reordering_edits(document, path, pipeline.processors, order)
    return subject.found(
        rule, severity, (*path, index), f"pipeline {pipeline.id}: {message}",
        fix=fix, component=component.id, edits=edits,
    )  # fmt: skip
