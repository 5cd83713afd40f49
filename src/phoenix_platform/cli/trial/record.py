"""Writes the record of a trial: whole at every moment, readable after a crash."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from phoenix_platform.agent.run_facts import counts_of, usage_of_all
from phoenix_platform.agent.trials import Trial, variant_of
from phoenix_platform.analysis.answers import Answer, answer_columns
from phoenix_platform.analysis.costs import CostEstimate
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.analysis.verdicts import Conditions, Judgement
from phoenix_platform.cli.trial.options import TrialOptions
from phoenix_platform.cli.whole_files import put_whole
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.secrets import masked

PARTIAL_SUFFIX: Final = ".partial.json"


@dataclass(slots=True)
class TrialRecord:
    """What is written; the samples grow, the rest stands from the start."""

    run_id: str
    version: str
    options: TrialOptions
    started_at: datetime
    samples: list[Sample] = field(default_factory=list[Sample])
    answers: list[Answer] = field(default_factory=list[Answer])
    """To the queries of the plan, in the order in which they came."""
    prometheus: str | None = None
    """Who gave them; set when it is asked."""
    costs: tuple[CostEstimate, ...] = ()
    """Set at the end; a partial record has none."""

    @property
    def partial_path(self) -> Path:
        path = self.options.record
        return path.with_name(path.name.removesuffix(".json") + PARTIAL_SUFFIX)

    def write_partial(self, trial: Trial, conditions: Conditions) -> None:
        """Keep what there is so far beside the final path.

        Raises:
            UnavailableError: If it cannot be written.
        """
        write_whole(self.partial_path, self._document(trial, conditions, None, None))

    def write(
        self, trial: Trial, conditions: Conditions, judgement: Judgement, ended_at: datetime
    ) -> None:
        """Write the final record and remove the partial one.

        Raises:
            UnavailableError: If it cannot be written.
        """
        write_whole(self.options.record, self._document(trial, conditions, judgement, ended_at))
        self.partial_path.unlink(missing_ok=True)

    def _document(
        self,
        trial: Trial,
        conditions: Conditions,
        judgement: Judgement | None,
        ended_at: datetime | None,
    ) -> dict[str, Any]:
        options, topology = self.options, trial.topology
        return {
            "format": FORMAT,
            "id": self.run_id,
            "phoenix_version": self.version,
            "started_at": self.started_at,
            "ended_at": ended_at,
            "host": {
                "name": options.host.name,
                "processors": options.host.processors,
                "memory_bytes": options.host.memory_bytes,
                "processes": options.processes.total,
                "processes_with_unreadable_io": options.processes.unreadable_io,
            },
            "collector": {
                "distribution": options.binary.distribution,
                "version": options.binary.version,
                "upstream_version": options.binary.upstream_version,
                "build_id": options.binary.build_id,
                "sha256": options.binary.sha256,
            },
            "plan": options.plan,
            "conditions": conditions,
            "options": {
                "exporter": options.exporter,
                "ignore": sorted(options.ignore),
                "seed_load": options.seed_load,
                "seed": options.seed if options.seed_load else None,
                "max_host_cpu_share": options.max_host_cpu,
                "prometheus": self.prometheus,
            },
            "source": masked(topology.source),
            "variants": {
                variant.value: {
                    "name": configuration.name,
                    "content_hash": configuration.hash,
                    "configuration": masked(thawed(configuration.root)),
                    "config": masked(variant_of(topology, variant).config),
                    "relay_every": variant_of(topology, variant).relay_every,
                    "emits_every": variant_of(topology, variant).emits_every,
                    "holds_for": variant_of(topology, variant).holds_for,
                    "stand_ins": variant_of(topology, variant).stand_ins,
                    "drops_with": variant_of(topology, variant).drops_with,
                }
                for variant, configuration in (
                    (Variant.BASELINE, options.baseline),
                    (Variant.CANDIDATE, options.candidate),
                )
            },
            "notes": topology.notes,
            "not_measured": topology.not_measured,
            "ignored": topology.ignored,
            "counts": counts_of(trial),
            "usage": usage_of_all(trial),
            "idle_cpu_per_second": dict(trial.seen.idle_cpu_per_second),
            "losses": trial.meter.losses(),
            "series_by_metric": {
                variant.value: trial.meter.series_by_metric(variant) for variant in Variant
            },
            "samples": columns_of(self.samples),
            "answers": answer_columns(self.answers),
            "judgement": judgement,
            "costs": self.costs,
        }


def write_whole(path: Path, document: object) -> None:
    """Put the document there as JSON, in one step.

    Raises:
        UnavailableError: If the folder cannot be written.
    """
    put_whole(path, msgspec.json.encode(document), field="--record")
