"""Experiments as the API shows them; the routes of experiments call it."""

from datetime import datetime
from typing import Any

import msgspec

from phoenix_platform.application.experiments import Forecast
from phoenix_platform.domain.experiments import Experiment, Transition, VariantPipeline
from phoenix_platform.wire.v1.experiments import (
    ExperimentHostView,
    ExperimentView,
    ForecastView,
    HostForecastView,
    LoadRequest,
    TransitionView,
    VariantView,
)


def view_of(experiment: Experiment, judged: tuple[bytes, datetime] | None = None) -> ExperimentView:
    load = experiment.load
    return ExperimentView(
        id=experiment.id,
        name=experiment.name,
        selector=str(experiment.selector),
        baseline=_variant(experiment.baseline),
        candidate=_variant(experiment.candidate),
        plan=_plan(experiment),
        load=None if load is None else LoadRequest(profile=load.profile, seed=load.seed),
        quorum=experiment.quorum,
        phase=experiment.phase,
        verdict=experiment.verdict,
        end_reason=experiment.end_reason,
        created_at=experiment.created_at,
        created_by=experiment.created_by,
        starts_at=experiment.starts_at,
        started_at=experiment.started_at,
        running_since=experiment.running_since,
        deadline=experiment.deadline,
        ended_at=experiment.ended_at,
        hosts=[
            ExperimentHostView(
                host_id=host.host_id,
                name=host.name,
                state=host.state,
                reason=host.reason,
                log_tail=list(host.log_tail),
                since=host.since,
            )
            for host in experiment.hosts
        ],
        judgement=None if judged is None else msgspec.json.decode(judged[0], type=dict[str, Any]),
        judged_at=None if judged is None else judged[1],
        version=experiment.version,
    )


def transition_view_of(transition: Transition) -> TransitionView:
    return TransitionView(
        number=transition.number,
        before=transition.before,
        after=transition.after,
        trigger=transition.trigger,
        actor=transition.actor,
        reason=transition.reason,
        at=transition.at,
    )


def forecast_view_of(forecast: Forecast) -> ForecastView:
    experiment = forecast.experiment
    return ForecastView(
        hosts=[
            HostForecastView(
                host_id=one.host.id,
                name=one.host.name,
                is_connected=one.is_connected,
                in_experiments=list(one.in_experiments),
                cpu_cores=one.cpu_cores,
            )
            for one in forecast.hosts
        ],
        baseline=_variant(experiment.baseline),
        candidate=_variant(experiment.candidate),
        plan=_plan(experiment),
    )


def _variant(variant: VariantPipeline) -> VariantView:
    return VariantView(reference=variant.reference, hash=variant.hash)


def _plan(experiment: Experiment) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(experiment.plan), type=dict[str, Any])
