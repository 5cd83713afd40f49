"""The judgement of an experiment, kept up to date as samples come in; the reconcilers ask it.

`Judge` looks at each sample once, so it stays in memory between two looks. Nothing depends on that: whoever
begins anew reads everything again, and so does the judgement at the end, which the certificate must follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from phoenix_platform.analysis.answers import Answer, answer_columns
from phoenix_platform.analysis.certificates import Signer, make_certificate
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.analysis.verdicts import Conditions, Judge, Judgement, judge
from phoenix_platform.application.ports import UnitOfWork
from phoenix_platform.core.version import VERSION
from phoenix_platform.domain.experiments import (
    Experiment,
    ExperimentHost,
    ExperimentId,
    HostState,
    VariantPipeline,
)
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import Sample
from phoenix_platform.opamp.host_reports import RunReport
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.secrets import masked

_READ_AT_ONCE: Final = 5_000


@dataclass(slots=True)
class Judging:
    """One experiment's judge, and up to where it has read."""

    judge: Judge
    position: int = 0
    shown: Judgement | None = None
    """What those who look have seen last."""
    samples: list[Sample] = field(default_factory=list[Sample])
    answers: list[Answer] = field(default_factory=list[Answer])
    answer_position: int = 0

    @classmethod
    def of(cls, experiment: Experiment) -> "Judging":
        return cls(Judge(experiment.plan))

    async def read_on(self, work: UnitOfWork, experiment_id: ExperimentId) -> None:
        """Take in what came since the last look."""
        await self._read_answers(work, experiment_id)
        while True:
            samples, position = await work.samples.after(
                experiment_id, self.position, _READ_AT_ONCE
            )
            for sample in samples:
                self.judge.add(sample)
                self.samples.append(sample)
            self.position = position
            if len(samples) < _READ_AT_ONCE:
                return

    async def _read_answers(self, work: UnitOfWork, experiment_id: ExperimentId) -> None:
        while True:
            answers, self.answer_position = await work.answers.after(
                experiment_id, self.answer_position, _READ_AT_ONCE
            )
            for answer in answers:
                self.judge.add_answer(answer)
                self.answers.append(answer)
            if len(answers) < _READ_AT_ONCE:
                return

    def judgement(self, experiment: Experiment, *, at_end: bool) -> Judgement:
        conditions = conditions_of(experiment, at_end=at_end)
        if at_end:
            # From all that came, in its own order: what reads the record later must find the same. On the way,
            # an answer may have come before samples of earlier intervals.
            return judge(self.samples, experiment.plan, conditions, self.answers)
        return self.judge.judgement(conditions)


def conditions_of(experiment: Experiment, *, at_end: bool) -> Conditions:
    """What the judgement of an experiment depends on beside its samples.

    The interval in effect is that of the slowest host; idle CPU is that of the host with most, so that
    nobody's overhead is called the candidate's work.
    """
    intervals = [host.interval_seconds for host in experiment.hosts if host.interval_seconds]
    idle = [host.idle_cores for host in experiment.hosts if host.idle_cores is not None]
    seconds = max(intervals, default=experiment.plan.interval.total_seconds())
    return Conditions(
        interval=timedelta(seconds=seconds),
        idle_cores=max(idle, default=None),
        at_end=at_end,
        invalid_because=experiment.invalid_because,
        aborted_because=experiment.aborted_because,
        left=_left(experiment),
    )


def certificate_of(
    experiment: Experiment,
    judging: Judging,
    runs: Mapping[HostId, RunReport],
    judgement: Judgement,
    signer: Signer,
    *,
    at: datetime,
) -> bytes:
    """The signed record of a fleet's verdict, in the form of a trial's.

    Raises:
        InvalidInputError: If the judgement does not follow from the samples.
    """
    record = {
        "format": FORMAT,
        "id": str(experiment.id),
        "phoenix_version": VERSION,
        "started_at": experiment.started_at,
        "ended_at": at,
        "experiment": {
            "name": experiment.name,
            "selector": str(experiment.selector),
            "created_by": experiment.created_by,
            "quorum": experiment.quorum,
            "end_reason": experiment.end_reason,
            "load": experiment.load,
        },
        "hosts": [_host_facts(host, runs.get(host.host_id)) for host in experiment.hosts],
        "plan": experiment.plan,
        "conditions": conditions_of(experiment, at_end=True),
        "options": {"exporter": experiment.exporter, "ignore": sorted(experiment.ignore)},
        "variants": {
            "baseline": _variant_facts(experiment.baseline),
            "candidate": _variant_facts(experiment.candidate),
        },
        "samples": columns_of(judging.samples),
        "answers": answer_columns(judging.answers),
        "judgement": judgement,
    }
    return make_certificate(_as_json(record), signer)


def _left(experiment: Experiment) -> dict[str, int]:
    """Hosts that were left out after they had begun, and when."""
    return {
        host.name: int(host.since.timestamp() * 1e9)
        for host in experiment.hosts
        if host.state is HostState.EXCLUDED
    }


def _host_facts(host: ExperimentHost, run: RunReport | None) -> dict[str, Any]:
    return {
        "name": host.name,
        "state": host.state,
        "reason": host.reason,
        "since": host.since,
        "run_id": host.run_id,
        "idle_cores": host.idle_cores,
        "interval_seconds": host.interval_seconds,
        "facts": run.facts if run is not None else {},
    }


def _variant_facts(variant: VariantPipeline) -> dict[str, Any]:
    configuration = parse_configuration(variant.text, name=variant.reference)
    return {
        "name": variant.reference,
        "content_hash": variant.hash,
        "configuration": masked(thawed(configuration.root)),
    }


def _as_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as its file would hold it: what JSON cannot tell apart is the same."""
    return msgspec.json.decode(msgspec.json.encode(record), type=dict[str, Any])
