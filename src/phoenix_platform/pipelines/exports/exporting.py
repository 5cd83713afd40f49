"""A catalog entry put into a user's own configuration, so that a trial ends in something to take home.

The text is edited, not written anew: what the user wrote stays to the letter where nothing has to change. Then it
is read again and compared with what was meant. Called by `phoenix pipeline export`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.configurations import (
    Component,
    Configuration,
    parse_configuration,
)
from phoenix_platform.pipelines.documents import Value, read_document, thawed
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.environment import references_in
from phoenix_platform.pipelines.exports.builds import Build, build_for
from phoenix_platform.pipelines.exports.edits import Editor
from phoenix_platform.pipelines.exports.fragments import value_lines
from phoenix_platform.pipelines.exports.plans import (
    ExportPlan,
    PipelinePlan,
    chain_of,
    plan_export,
)
from phoenix_platform.pipelines.exports.renames import with_names_of
from phoenix_platform.pipelines.exports.targets import (
    ExportTarget,
    components_of,
    not_known,
    refuse_lacking,
)
from phoenix_platform.pipelines.semantics.facts import mapping

HEAD: Final = "# Phoenix export: "
"""Begins each line of the header; a later export takes the place of an earlier one by it."""
_MARK: Final = "# Phoenix: "
_SERVICE: Final = ("service", "pipelines")
_INTERVAL: Final = "collection_interval"


@dataclass(frozen=True, slots=True)
class Export:
    configuration: Configuration
    notes: tuple[str, ...]
    """What the user should know before using it, one sentence each."""
    build: Build | None
    """How to get a collector that can run it; `None` if the target is one."""


def export_pipeline(
    pipeline: Configuration,
    into: Configuration,
    *,
    target: ExportTarget,
    exporter: str | None = None,
    others: Sequence[Configuration] = (),
) -> Export:
    """Put the pipeline's host_metrics settings and processors into a user's configuration.

    Args:
        pipeline: A catalog entry, or a configuration with one pipeline fed by host_metrics.
        into: The user's configuration; its receivers and exporters stay.
        target: The collector that will read the result: decides type names, and what may be used.
        exporter: Needed where the user scrapes no processes and has several exporters.
        others: Pipelines of earlier exports; where one stands, this one takes its place.

    Raises:
        InvalidInputError: If the target lacks a component, an exporter must be chosen, or the text is laid
            out so that it cannot be edited (through aliases or merge keys); with place and fix.
    """
    chain = chain_of(pipeline)
    refuse_lacking(
        target,
        (into, components_of(into)),
        (pipeline, (chain.receiver, *chain.processors)),
    )
    plan = plan_export(
        chain,
        into,
        target=target.names,
        exporter=exporter,
        others=[chain_of(other) for other in others if other.hash != pipeline.hash],
    )
    exporting = _Exporting(plan, into, pipeline, others, target)
    text = with_names_of(exporting.text(), target.names, name=into.name)
    if "\r\n" in into.document.text:
        text = text.replace("\n", "\r\n")
    result = parse_configuration(text, name=into.name)
    build = exporting.build
    notes = (*exporting.notes, *not_known(result, target), *(build.notes if build else ()))
    return Export(result, notes, build)


class _Exporting:
    """Edits the text and, beside it, the values that the text must then have."""

    def __init__(
        self,
        plan: ExportPlan,
        into: Configuration,
        pipeline: Configuration,
        others: Sequence[Configuration],
        target: ExportTarget,
    ) -> None:
        self._plan = plan
        self._into = into
        self._pipeline = pipeline
        self._others = others
        self._target = target
        self._editor = Editor(into.document.text.replace("\r\n", "\n"), name=into.name)
        self._meant: dict[str, Any] = thawed(into.root)
        self.notes: list[str] = []

    def text(self) -> str:
        for receiver in self._plan.settled:
            self._settle(receiver)
        for receiver in self._plan.stripped:
            self._strip(receiver)
        for id_, component in self._plan.added.items():
            self._add(id_, component)
        for pipeline in self._plan.pipelines:
            if pipeline.is_new:
                self._add_pipeline(pipeline)
            else:
                self._set_lists(pipeline)
        for processor in self._plan.dropped:
            self._drop(processor)
        self._head()
        self._compare()
        return self._editor.text

    @property
    def build(self) -> Build | None:
        """What the collector must be built with, for the processors that are to be there."""
        return build_for(self._target, self._meant.get("processors") or {})

    @property
    def _origin(self) -> str:
        return _origin_of(self._pipeline)

    def _settle(self, receiver: Component) -> None:
        """Give a receiver of the user the chain's scrapers and options."""
        chain = self._plan.chain
        for key, value in chain.receiver.settings.items():
            if key != "scrapers":
                self._settle_option(receiver, key, value)
        scrapers = mapping(receiver.settings.get("scrapers"))
        for type_, value in chain.scrapers.items():
            path = (*receiver.path, "scrapers")
            source = (*chain.receiver.path, "scrapers", type_)
            body = value_lines(chain.configuration.document, source, value)
            if type_ not in scrapers:
                self._editor.add_member(path, type_, value, self._member_lines(type_, value, body))
            elif (scrapers[type_] or {}) != (value or {}):
                self._editor.set_member((*path, type_), value, [f"{_MARK}{self._origin}.", *body])
                former = mapping(scrapers[type_])
                if former:
                    self.notes.append(
                        f"receiver {receiver.id}: your settings of the {type_} scraper ({', '.join(former)}) "
                        "are replaced by those that were tried"
                    )
            else:
                continue
            _at(self._meant, path)[type_] = thawed(value)

    def _settle_option(self, receiver: Component, key: str, value: Value) -> None:
        path = (*receiver.path, key)
        if key not in receiver.settings:
            if key == _INTERVAL and value in ("60s", "1m"):
                return  # the receiver's default
            self._editor.add_member(receiver.path, key, value, self._member_lines(key, value, None))
        elif receiver.settings[key] == value:
            return
        elif any(references_in(receiver.settings[key])):
            self.notes.append(
                f"receiver {receiver.id}: {key} stays {receiver.settings[key]}; the pipeline was tried with {value}"
            )
            return
        else:
            self.notes.append(
                f"receiver {receiver.id}: {key} was {receiver.settings[key]} and is {value}, as it was tried"
            )
            self._editor.set_member(path, value, _lines_of(value))
        _at(self._meant, receiver.path)[key] = thawed(value)

    def _strip(self, receiver: Component) -> None:
        """Take the chain's scrapers from a receiver that has others too."""
        written = mapping(receiver.settings.get("scrapers"))
        for type_ in [one for one in self._plan.chain.scrapers if one in written]:
            self._editor.remove_member((*receiver.path, "scrapers", type_))
            del _at(self._meant, (*receiver.path, "scrapers"))[type_]
            self.notes.append(
                f"receiver {receiver.id}: the {type_} scraper has a receiver and a pipeline of its own, "
                "because what else the receiver scrapes must not pass the processors"
            )

    def _add(self, id_: str, component: Component) -> None:
        section = component.kind.section
        settings = self._plan.receiver_settings.get(id_, component.settings)
        if section not in self._meant:
            self._editor.add_member((), section, {}, [f"{section}: {{}}"], before="exporters")
        self._meant[section] = self._meant.get(section) or {}
        body = value_lines(self._plan.chain.configuration.document, component.path, settings)
        lines = self._member_lines(id_, settings, body)
        self._editor.add_member((section,), id_, settings, lines)
        self._meant[section][id_] = thawed(settings)

    def _add_pipeline(self, plan: PipelinePlan) -> None:
        value: dict[str, Value] = {"receivers": plan.receivers, "processors": plan.processors}
        if not plan.processors:
            del value["processors"]
        value["exporters"] = plan.exporters
        body = [f"{key}: {_on_one_line(ids)}" for key, ids in value.items()]
        self._editor.add_member(_SERVICE, plan.id, value, self._member_lines(plan.id, value, body))
        _at(self._meant, _SERVICE)[plan.id] = thawed(value)

    def _set_lists(self, plan: PipelinePlan) -> None:
        before = self._into.pipelines[plan.id]
        path = (*_SERVICE, plan.id)
        for key, old, new in (
            ("receivers", before.receivers, plan.receivers),
            ("processors", before.processors, plan.processors),
        ):
            if old == new:
                continue
            if not self._editor.has((*path, key)):
                line = f"{key}: {_on_one_line(new)}"
                self._editor.add_member(path, key, new, [line])
            elif not new or not old or not self._editor.is_list((*path, key)):
                self._editor.set_list((*path, key), new)
            else:
                self._editor.change_list((*path, key), old, new)
            _at(self._meant, path)[key] = list(new)

    def _drop(self, processor: Component) -> None:
        """Remove what an earlier export added; what the user wrote stays, even if nothing uses it now."""
        path = processor.path
        if len(self._meant["processors"]) > 1 and self._editor.is_marked(path, _MARK):
            self._editor.remove_member(path, mark=_MARK)
            del self._meant["processors"][path[-1]]

    def _head(self) -> None:
        head = [
            f"{HEAD}blocks marked Phoenix come from {self._pipeline.name}",
            f"{HEAD}{self._pipeline.hash}",
            f"{HEAD}everything else is as it was. The evidence for this pipeline is the certificate of a trial that",
            f"{HEAD}names this hash: phoenix certificate verify FILE",
            *(f"{HEAD}{line}" for line in (self.build.as_comments() if self.build else ())),
        ]
        for other in self._others:  # what an earlier export added belongs to this one now
            self._editor.replace_all(f"{_MARK}{_origin_of(other)}.", f"{_MARK}{self._origin}.")
        lines = [line for line in self._editor.text.splitlines() if line.startswith(HEAD.rstrip())]
        if lines != head:
            self._editor.remove_lines(HEAD.rstrip())
            self._editor.insert_at_top(head)

    def _member_lines(self, key: str, value: Value, body: Sequence[str] | None) -> list[str]:
        """A member as a block below a line that says where it comes from."""
        name = write_document(key).rstrip("\n")
        head = f"{_MARK}{self._origin}."
        if not isinstance(value, Mapping) or not value:
            return [head, f"{name}: {_on_one_line(value)}"]
        lines = _lines_of(value) if body is None else body
        return [head, f"{name}:", *(f"  {line}" if line else line for line in lines)]

    def _compare(self) -> None:
        """The text must say what was meant; anchors that are used twice would show here."""
        if self._as_read() != self._meant:
            raise InvalidInputError(
                f"{self._into.name}: something that has to change is shared through an anchor; "
                "write out what is shared, then export again"
            )

    def _as_read(self) -> object:
        try:
            return thawed(read_document(self._editor.text, name=self._into.name).root)
        except InvalidInputError:
            return None  # an alias whose anchor is gone


def _at(root: dict[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    """The mapping at the path."""
    node = root
    for key in path:
        assert isinstance(key, str)
        node = node[key]
    return node


def _origin_of(pipeline: Configuration) -> str:
    return f"from {pipeline.name} ({pipeline.hash[:19]})"


def _lines_of(value: Value) -> list[str]:
    return write_document(value).rstrip("\n").split("\n")


def _on_one_line(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(write_document(one).rstrip() for one in value)}]"
    return write_document(value).rstrip("\n")
