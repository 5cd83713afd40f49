"""The head of the report: the answer, how far it reaches, what it costs, and what would change it."""

from dataclasses import dataclass

from phoenix_platform.analysis.explanations import lost_totals_sentences
from phoenix_platform.analysis.verdicts import Scope
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.sections.losses import lost_names
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import SIGN_OF, answer, moment, whole
from phoenix_platform.metering.samples import Variant

_SCOPE_OF = {
    Scope.FIRST_STAGE: "Speaks for a first stage: this host, this time, nothing of other hours.",
    Scope.FLEET: "Speaks for the fleet: the run was as long as a business cycle.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    tone: str
    """The verdict's word, or `none`."""
    sign: str
    answer: str
    candidate: str
    baseline: str
    host: str
    started_at: str
    scope: str
    reasons: tuple[str, ...]
    price: tuple[str, ...]
    """What is given up for the saving."""
    needed: tuple[str, ...]
    warnings: tuple[str, ...]


def head_of(subject: Subject) -> Head:
    judgement = subject.judgement
    verdict = None if subject.is_broken_off else judgement.verdict
    return Head(
        tone=verdict.value if verdict else "none",
        sign=SIGN_OF[verdict],
        answer=answer(judgement, is_broken_off=subject.is_broken_off),
        candidate=short_name(subject.name_of(Variant.CANDIDATE)),
        baseline=short_name(subject.name_of(Variant.BASELINE)),
        host=subject.trial.place,
        started_at=moment(subject.trial.started_at),
        scope=_SCOPE_OF[judgement.scope],
        reasons=_reasons(subject),
        price=tuple(_price(subject)),
        needed=judgement.needed,
        warnings=_warnings(subject),
    )


def _reasons(subject: Subject) -> tuple[str, ...]:
    """Those that do not stand in another column already."""
    elsewhere = {*_lost_totals(subject), *subject.judgement.needed}
    return tuple(reason for reason in subject.judgement.reasons if reason not in elsewhere)


def _warnings(subject: Subject) -> tuple[str, ...]:
    if subject.is_broken_off:
        verdict = subject.judgement.verdict
        alone = f" Its samples alone would say: {verdict}." if verdict else ""
        known = "What follows is what was known when it broke off."
        return (f"The record ends without a verdict. {known}{alone}",)
    if count := len(subject.contradictions):
        shown = "This page shows what the samples say; its end lists the differences."
        return (f"The record contradicts its own samples in {count} places. {shown}",)
    return ()


def _price(subject: Subject) -> list[str]:
    sentences: list[str] = []
    if lost := lost_names(subject):
        processes = sum(loss.processes - loss.visible.get(Variant.CANDIDATE, 0) for loss in lost)
        sentences.append(
            f"{whole(processes)} processes have no series of their own any more "
            f"({whole(len(lost))} executable name{'s' if lost[1:] else ''})."
        )
    return [*sentences, *_lost_totals(subject)] or ["Nothing that was measured."]


def _lost_totals(subject: Subject) -> list[str]:
    return lost_totals_sentences(subject.judgement.fidelity, subject.trial.plan)
