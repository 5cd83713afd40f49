"""Rules about components and their names: does the target have them, and under this name.

Called by `linting`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.components import (
    RENAMES,
    ComponentId,
    Kind,
    canonical_type,
    parse_component_id,
)
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.distributions import (
    Distribution,
    Standing,
    compact,
    distributions,
    show_version,
)
from phoenix_platform.pipelines.lint.renaming import logging_edits, renaming_edits
from phoenix_platform.pipelines.lint.subjects import Found, Subject

_SPELLINGS: Final = frozenset({
    "active_directory_ds", "cgroup_runtime", "db_storage", "docker_observer", "docker_stats", "ecs_observer",
    "file_storage", "headers_setter", "health_check", "host_observer", "http_forwarder", "k8s_cluster", "k8s_events",
    "k8s_observer", "memory_ballast", "memory_limiter", "podman_stats", "prometheus_simple", "receiver_creator",
    "probabilistic_sampler", "splunk_hec", "tail_sampling",
})  # fmt: skip
"""Types that were never written without their underscores."""
_MISSPELT: Final = {compact(type_): type_ for type_ in _SPELLINGS}

_INSTEAD: Final[Mapping[tuple[Kind, str], str]] = {
    (Kind.EXPORTER, "logging"): "use the debug exporter (verbosity: instead of loglevel:)",
    (Kind.EXPORTER, "jaeger"): "send OTLP, which Jaeger takes: use the otlp_grpc exporter",
    (Kind.EXPORTER, "jaegerthrift"): "send OTLP, which Jaeger takes: use the otlp_http exporter",
    (Kind.EXPORTER, "loki"): "send OTLP, which Loki takes: use the otlp_http exporter",
    (Kind.EXPORTER, "opencensus"): "use the otlp_grpc exporter",
    (Kind.EXPORTER, "sapm"): "use the otlp_http exporter",
    (Kind.EXPORTER, "dynatrace"): "use the otlp_http exporter",
    (Kind.EXPORTER, "newrelic"): "use the otlp_http exporter",
    (Kind.EXPORTER, "stackdriver"): "use the googlecloud exporter",
    (Kind.EXTENSION, "memoryballast"): "remove it; set GOMEMLIMIT and the memory_limiter processor",
    (Kind.PROCESSOR, "spanmetrics"): "use the spanmetrics connector",
    (Kind.PROCESSOR, "servicegraph"): "use the servicegraph connector",
    (Kind.PROCESSOR, "routing"): "use the routing connector",
    (Kind.PROCESSOR, "datadog"): "use the datadog connector",
    (Kind.PROCESSOR, "queuedretry"): "remove it; exporters have sending_queue and retry_on_failure",
    (
        Kind.PROCESSOR,
        "reduce",
    ): "add it to the builder manifest of that collector; `phoenix pipeline export` prints the lines",
    (Kind.RECEIVER, "opencensus"): "use the otlp receiver",
    (Kind.RECEIVER, "prometheusexec"): "run the exporter yourself and use the prometheus receiver",
}


_GONE_BEFORE: Final[Mapping[tuple[Kind, str], str]] = {(Kind.PROCESSOR, "queuedretry"): "0.19.0"}
"""Removed before the releases that the tables cover."""


def availability(subject: Subject) -> Iterator[Found]:
    """Types that the target does not have, by the tables of distributions."""
    for component in subject.components():
        written = parse_component_id(component.id, field="").type
        spelling = _MISSPELT.get(written)
        if spelling is not None:
            message = f"there is no {component.kind.value} {written!r}; it is spelt {spelling!r}"
            yield subject.found(
                "unknown-component", Severity.ERROR, component.path, message,
                fix=f"write {spelling}", component=component.id,
            )  # fmt: skip
        elif subject.distribution is None:
            yield from _anywhere(subject, component)
        else:
            yield from _in_distribution(subject, component, subject.distribution)


def old_names(subject: Subject) -> Iterator[Found]:
    """Names that the target has under another spelling."""
    since_of = {(rename.kind, rename.new): rename.since for rename in RENAMES}
    for component in subject.components():
        written = parse_component_id(component.id, field="")
        new = canonical_type(component.kind, written.type)
        to_write = (
            new if subject.target is None else subject.target.type_to_write(component.kind, new)
        )
        since = since_of.get((component.kind, new))
        if to_write == written.type or (written.type != new and since is None):
            continue
        renamed = str(ComponentId(to_write, written.name))
        if written.type == new:
            known = "later releases" if since is None else f"{show_version(since)} and later"
            yield subject.found(
                "name-not-yet", Severity.ERROR, component.path,
                f"{new!r} is the name in {known}; the target knows it as {to_write!r}",
                fix=f"write {to_write}", component=component.id,
                edits=renaming_edits(subject, component, renamed),
            )  # fmt: skip
        else:
            assert since is not None
            told = subject.target is not None
            yield subject.found(
                "old-name", Severity.NOTE, component.path,
                f"{written.type!r} is the old name of {new!r} ({show_version(since)} and later); still accepted, with a warning",
                fix=f"write {new}" if told else f"write {new} once every collector is {show_version(since)} or later",
                component=component.id,
                edits=renaming_edits(subject, component, renamed) if told else (),
            )  # fmt: skip


def _anywhere(subject: Subject, component: Component) -> Iterator[Found]:
    """Without a distribution only what no distribution has is worth a word."""
    standings = {
        one.name: one.standing(component.kind, component.type, subject.version)
        for one in distributions().values()
    }
    if Standing.PRESENT in standings.values():
        return
    for name in ("otelcol-contrib", "otelcol"):
        if standings[name] in {Standing.REMOVED, Standing.NOT_YET, Standing.CANNOT_TELL}:
            yield from _in_distribution(subject, component, distributions()[name])
            return
    key = (component.kind, compact(component.type))
    if key in _GONE_BEFORE:
        yield subject.found(
            "removed-component", Severity.WARNING, component.path,
            f"the {component.kind.value} {component.type!r} is gone from every distribution since {_GONE_BEFORE[key]}",
            fix=_INSTEAD[key], component=component.id,
        )  # fmt: skip
        return
    message = f"no distribution we know has the {component.kind.value} {component.type!r}"
    yield subject.found(
        "unknown-component", Severity.WARNING, component.path, message,
        fix="check the name, or that your own build has it", component=component.id,
    )  # fmt: skip


def _in_distribution(
    subject: Subject, component: Component, distribution: Distribution
) -> Iterator[Found]:
    kind, type_, version = component.kind, component.type, subject.version
    name = distribution.name if version is None else f"{distribution.name} {show_version(version)}"
    # Without a release named, what was removed may still be there on this host.
    severity = Severity.WARNING if version is None else Severity.ERROR
    instead = _INSTEAD.get((kind, compact(type_)), "remove it, or use a build that has it")
    match distribution.standing(kind, type_, version):
        case Standing.PRESENT:
            return
        case Standing.NEVER:
            rule, message = "unknown-component", f"{name} has no {kind.value} {type_!r}"
            severity = Severity.WARNING if subject.distribution is None else Severity.ERROR
        case Standing.NOT_YET:
            since = distribution.change(kind, type_, version)
            rule, message = "component-not-yet", f"{name} has no {kind.value} {type_!r} yet"
            instead = f"use {distribution.name} {since} or later"
        case Standing.REMOVED:
            gone = distribution.change(kind, type_, version)
            rule = "removed-component"
            message = f"the {kind.value} {type_!r} is gone from {distribution.name} since {gone}"
        case _:
            covered = f"{show_version(distribution.first)} to {show_version(distribution.last)}"
            rule, severity = "cannot-tell", Severity.NOTE
            message = f"cannot tell whether {name} has the {kind.value} {type_!r}; the table covers {covered}"
            instead = "check with `phoenix collector components`"
    is_logging = (kind, type_) == (Kind.EXPORTER, "logging") and rule == "removed-component"
    yield subject.found(
        rule, severity, component.path, message, fix=instead, component=component.id,
        edits=logging_edits(subject, component) if is_logging and subject.target else (),
    )  # fmt: skip
