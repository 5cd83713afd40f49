"""The parts of a running agent that others ask; `daemon` makes them, once."""

from dataclasses import dataclass

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.identities import Enrolment, Identity
from phoenix_platform.agent.production import ProductionKeeper
from phoenix_platform.agent.reconciling import Reconciler
from phoenix_platform.agent.reports import HostReporter
from phoenix_platform.core.clock import Clock


@dataclass(slots=True, kw_only=True)
class HostParts:
    folder: DataFolder
    identity: Identity
    enrolment: Enrolment | None
    """None: without a control plane."""
    reconciler: Reconciler
    production: ProductionKeeper
    reporter: HostReporter
    clock: Clock
