"""Desired states for tests of the agent."""

from datetime import timedelta
from uuid import UUID

from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.opamp.desired_state import (
    DesiredExperiment,
    DesiredLimits,
    DesiredLoad,
    DesiredPipeline,
    DesiredState,
)
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import parse_configuration

BASELINE = "process-baseline-v1"


def a_pipeline(text_or_name: str) -> DesiredPipeline:
    """Of the catalog, or of a text."""
    if "\n" not in text_or_name:
        entry = catalog.get(text_or_name)
        return DesiredPipeline(name=entry.name, hash=entry.configuration.hash, text=entry.text)
    configuration = parse_configuration(text_or_name, name="own")
    return DesiredPipeline(name="own", hash=configuration.hash, text=text_or_name)


def an_experiment(
    candidate: str = "process-topk-v1",
    *,
    seconds: float = 600,
    critical: tuple[str, ...] = (),
    max_host_cpu_share: float = 1.0,
    id_: str | None = None,
    load: DesiredLoad | None = None,
) -> DesiredExperiment:
    return DesiredExperiment(
        id=id_ or str(new_id(SystemClock())),
        name="try it",
        baseline=a_pipeline(BASELINE),
        candidate=a_pipeline(candidate),
        interval_seconds=1,
        production_interval_seconds=60,
        deadline=SystemClock().now() + timedelta(seconds=seconds),
        limits=DesiredLimits(max_host_cpu_share=max_host_cpu_share),
        critical=critical,
        load=load,
    )


def a_state(
    *experiments: DesiredExperiment,
    loads: tuple[DesiredLoad, ...] = (),
    production: DesiredPipeline | None = None,
) -> DesiredState:
    return DesiredState(
        host_id=str(UUID(int=7)), experiments=experiments, loads=loads, production=production
    )
