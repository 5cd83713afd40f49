"""What the control plane does about its fleet beside answering requests; `server.composition` starts it."""

import shutil
from pathlib import Path
from typing import Final

import structlog

from phoenix_platform.adapters.collectors.checks import CollectorChecks
from phoenix_platform.adapters.key_files.signers import signer_in
from phoenix_platform.analysis.certificates import Signer
from phoenix_platform.application.ports import AllTenants, Begin, Leases
from phoenix_platform.application.reconcilers.experiments import LEASE, ExperimentsReconciler
from phoenix_platform.application.reconcilers.rounds import Rounds
from phoenix_platform.core.clock import Clock
from phoenix_platform.server.settings import ServerSettings

CERTIFICATE_KEY_FILE: Final = "certificates.pem"
"""In the server's folder of the data directory; signs the certificates of experiments."""
_ON_PATH: Final = ("phoenix-otelcol", "otelcol-contrib")
_log = structlog.get_logger("phoenix.fleet")


def certificate_signer(settings: ServerSettings) -> Signer:
    """The key that signs certificates; made at the first start.

    Raises:
        InvalidInputError: If the key file holds no key, or others may read it.
        UnavailableError: If it cannot be read or made.
    """
    return signer_in(settings.folder / CERTIFICATE_KEY_FILE)


def experiments_rounds(
    settings: ServerSettings,
    *,
    signer: Signer,
    begin: Begin,
    all_tenants: AllTenants,
    leases: Leases,
    clock: Clock,
) -> Rounds:
    """The reconciler of experiments, ready to run."""
    reconciler = ExperimentsReconciler(
        begin=begin,
        checks=CollectorChecks(_collectors(settings)),
        signer=signer,
        clock=clock,
    )
    return Rounds(
        lease=LEASE,
        walk=reconciler.walk,
        leases=leases,
        all_tenants=all_tenants,
        clock=clock,
        note_failure=_note_failure,
    )


def _collectors(settings: ServerSettings) -> list[Path]:
    """Binaries that may be asked whether they take a configuration: those named, else those on the PATH."""
    if settings.fleet.collectors:
        return [path.expanduser() for path in settings.fleet.collectors]
    return [Path(found) for name in _ON_PATH if (found := shutil.which(name))]


def _note_failure(error: Exception) -> None:
    _log.warning("a round over the experiments failed; trying again", error=str(error))
