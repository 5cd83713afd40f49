"""The two configurations, and what differs between them: by meaning, then by text."""

from collections.abc import Mapping
from difflib import unified_diff

from phoenix_platform.cli.reports.blocks import Block, Listing, Prose, Section, Table
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import RecordedVariant, Subject
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Variant
from phoenix_platform.pipelines.configurations import read_configuration
from phoenix_platform.pipelines.diffs import Change, semantic_diff
from phoenix_platform.pipelines.emission import write_document

_LONGEST_VALUE = 240
"""Characters of a setting in the table; the whole of it is in the text below."""


def configurations(subject: Subject) -> Section:
    texts = {variant: _text(subject.trial.variants[variant]) for variant in Variant}
    known = {variant: text for variant, text in texts.items() if text is not None}
    blocks: list[Block] = []
    if len(known) == len(Variant):
        blocks += [_meaning(known), *_difference(known)]
    for variant in Variant:
        if variant not in known:
            blocks.append(Prose(paragraphs=(f"Configuration of the {variant}: no data.",)))
            continue
        title = f"The {variant}, {short_name(subject.name_of(variant))}"
        blocks.append(Listing(title=title, text=known[variant]))
    return Section(
        anchor="configurations",
        title="Configurations",
        lead="As their authors wrote them; what looks like a secret is masked.",
        blocks=tuple(blocks),
    )


def _text(recorded: RecordedVariant) -> str | None:
    tree = recorded.configuration if recorded.configuration is not None else recorded.config
    return None if tree is None else write_document(tree)


def _meaning(texts: Mapping[Variant, str]) -> Block:
    """What the differences do to the data; none can be said of text that is no configuration."""
    try:
        before, after = (read_configuration(texts[v], name=v.value)[0] for v in Variant)
    except InvalidInputError as error:
        return Prose(paragraphs=(f"What differs by meaning: no data ({short_name(str(error))}).",))
    changes = semantic_diff(before, after)
    if not changes:
        return Prose(paragraphs=("By their meaning the two configurations are the same.",))
    return Table(
        caption="What differs, by meaning",
        columns=("where", "what", "baseline", "candidate", "what it does"),
        rows=tuple(map(_row, changes)),
        is_wordy=True,
    )


def _row(change: Change) -> tuple[str, ...]:
    return (
        short_name(change.component),
        _value(change.what),
        _value(change.before),
        _value(change.after),
        change.effect,
    )


def _value(text: str | None) -> str:
    if text is None:
        return "–"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _difference(texts: Mapping[Variant, str]) -> list[Block]:
    before, after = (texts[variant].splitlines() for variant in Variant)
    lines = list(unified_diff(before, after, "baseline", "candidate", lineterm="", n=2))
    if not lines:
        return []
    title = "What differs, by text"
    return [Listing(title=title, text="\n".join(lines), is_difference=True, is_open=True)]
