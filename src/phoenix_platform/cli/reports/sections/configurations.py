"""The two configurations, and what differs between them."""

from collections.abc import Iterator
from difflib import unified_diff

from phoenix_platform.cli.reports.blocks import Block, Listing, Prose, Section
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import RecordedVariant, Subject
from phoenix_platform.metering.samples import Variant
from phoenix_platform.pipelines.emission import write_document


def configurations(subject: Subject) -> Section:
    texts = {variant: _text(subject.trial.variants[variant]) for variant in Variant}
    baseline, candidate = (texts[variant] for variant in Variant)
    blocks: list[Block] = []
    if baseline is not None and candidate is not None:
        blocks.append(_difference(subject, baseline, candidate))
    for variant in Variant:
        recorded, text = subject.trial.variants[variant], texts[variant]
        if text is None:
            blocks.append(Prose(paragraphs=(f"Configuration of the {variant}: no data.",)))
            continue
        title = f"{variant}: {short_name(recorded.name)} ({recorded.content_hash or 'no hash'})"
        blocks.append(Listing(title=title, text=text))
    return Section(
        anchor="configurations",
        title="Configurations",
        lead="As their authors wrote them; what looks like a secret is masked.",
        blocks=tuple(blocks),
    )


def _text(recorded: RecordedVariant) -> str | None:
    tree = recorded.configuration if recorded.configuration is not None else recorded.config
    return None if tree is None else write_document(tree)


def _difference(subject: Subject, baseline: str, candidate: str) -> Block:
    lines = list(_lines(baseline, candidate))
    if not lines:
        return Prose(paragraphs=("The two configurations are the same.",))
    title = "From the baseline's text to the candidate's"
    return Listing(title=title, text="\n".join(lines), is_difference=True, is_open=True)


def _lines(baseline: str, candidate: str) -> Iterator[str]:
    diff = unified_diff(
        baseline.splitlines(), candidate.splitlines(), "baseline", "candidate", lineterm="", n=2
    )
    yield from diff
