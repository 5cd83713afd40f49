"""What this agent tells its control plane over OpAMP, and what it does with what it is told."""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from phoenix_platform.agent.connection import Access
from phoenix_platform.agent.host import read_host
from phoenix_platform.agent.host_parts import HostParts
from phoenix_platform.agent.identities import (
    Enrolment,
    keep_credential,
    renamed,
)
from phoenix_platform.agent.whole_files import put_json
from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.core.version import VERSION
from phoenix_platform.opamp.clients import Told
from phoenix_platform.opamp.desired_state import CONFIG_KEY, CONTENT_TYPE
from phoenix_platform.opamp.facts import (
    ConfigFile,
    ConnectionOffer,
    CustomMessage,
    Description,
    Health,
    Outcome,
    RemoteConfig,
    Status,
)
from phoenix_platform.opamp.host_reports import CAPABILITY, MESSAGE_TYPE, encode_host_report
from phoenix_platform.opamp.instance_uids import InstanceUid

_LOG: Final = logging.getLogger(__name__)


class AgentsControlPlane:
    """The control plane as the agent knows it; `connection` talks to it."""

    def __init__(
        self,
        parts: HostParts,
        enrolment: Enrolment,
        access: Access,
        access_changed: Callable[[Access], None],
    ) -> None:
        self._parts = parts
        self._folder = parts.folder
        self._enrolment = enrolment
        self._access = access
        self._reconciler = parts.reconciler
        self._production = parts.production
        self._access_changed = access_changed
        self._started_unix_nano = parts.clock.unix_nano()
        self._refused: Status | None = None
        """The newest offer, if it could not even be read."""
        self._access_status: Status | None = None

    def told(self) -> Told:
        return Told(
            description=self._description(),
            health=self._health(),
            effective=self._effective(),
            config_status=self._refused or self._config_status(),
            connection_status=self._access_status,
            custom_capabilities=(CAPABILITY,),
        )

    def report(self) -> CustomMessage:
        return CustomMessage(
            CAPABILITY, MESSAGE_TYPE, encode_host_report(self._parts.reporter.report())
        )

    def take_config(self, config: RemoteConfig) -> None:
        file = config.files.get(CONFIG_KEY)
        try:
            if file is None:
                self._refuse(config, f"there is no {CONFIG_KEY} in it; this is a Phoenix agent")
                return
            digest = self._reconciler.want(file.body, offered_hash=config.hash)
        except PhoenixError as error:
            self._refuse(config, str(error))
        else:
            self._refused = None
            _LOG.info("desired state taken", extra={"hash": digest})

    def take_name(self, instance_uid: InstanceUid) -> None:
        try:
            self._parts.identity = renamed(self._folder, self._parts.identity, instance_uid)
        except PhoenixError as error:
            # The next start comes with the old one, and is renamed again.
            _LOG.warning("new instance uid cannot be kept", extra={"reason": str(error)})
        _LOG.info("renamed by the control plane", extra={"instance_uid": instance_uid})

    def take_access(self, access: Access, offer: ConnectionOffer) -> None:
        self._access_status = Status(offer.hash, Outcome.APPLIED)
        if access == self._access:
            return
        self._access = access
        self._access_changed(access)
        try:
            keep_credential(self._folder, access.credential)
            if access.endpoint != self._enrolment.endpoint:
                self._enrolment = msgspec.structs.replace(self._enrolment, endpoint=access.endpoint)
                put_json(self._folder.enrolment, self._enrolment, durably=True)
        except PhoenixError as error:
            self._access_status = Status(offer.hash, Outcome.FAILED, str(error))
        else:
            _LOG.info("connection settings taken")

    def refuse_access(self, offer: ConnectionOffer, reason: str) -> None:
        self._access_status = Status(offer.hash, Outcome.FAILED, reason)
        _LOG.warning("connection settings refused", extra={"reason": reason})

    def _refuse(self, config: RemoteConfig, reason: str) -> None:
        self._refused = Status(config.hash, Outcome.FAILED, reason)
        _LOG.warning("desired state refused", extra={"reason": reason})

    def _config_status(self) -> Status | None:
        kept = self._reconciler.kept
        if kept is None:
            return None
        if (failure := self._production.failure) is not None:
            return Status(kept.offered_hash, Outcome.FAILED, failure)
        applied = self._reconciler.applied
        is_applied = applied is not None and applied.hash == kept.hash
        outcome = Outcome.APPLIED if is_applied else Outcome.APPLYING
        return Status(kept.offered_hash, outcome)

    def _effective(self) -> dict[str, ConfigFile] | None:
        body = self._reconciler.effective()
        return None if body is None else {CONFIG_KEY: ConfigFile(body, CONTENT_TYPE)}

    def _health(self) -> Health:
        failure = self._production.failure
        return Health(
            is_healthy=failure is None,
            error=failure or "",
            started_unix_nano=self._started_unix_nano,
        )

    def _description(self) -> Description:
        host = read_host()
        return Description(
            identifying={
                "service.name": "phoenix-agent",
                "service.instance.id": self._parts.identity.instance_uid,
                "service.version": VERSION,
            },
            other={
                "host.name": self._enrolment.host_name,
                "os.type": "linux",
                # Two machines with one uid are told apart by it.
                "host.boot_id": host.boot_id or "",
            },
        )
