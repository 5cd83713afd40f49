"""Who this agent is: the instance uid of OpAMP, and the machine it was given to.

Clones of a machine share the data folder and so the uid. An agent that finds itself on another machine
takes a new uid and leaves the credential alone; where the two look the same, the boot id that each
reports tells the control plane that they are two.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.whole_files import put_json, put_whole, read_json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import NotFoundError, UnavailableError
from phoenix_platform.core.hashing import sha256_of
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.tokens import TokenKind, check_token

ROOT: Final = Path("/")


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What tells machines apart, hashed: machine ids are not for others to know."""

    machine_id: str | None = None
    """/etc/machine-id, which clones share until somebody makes a new one."""
    product: str | None = None
    """The firmware's id of the (virtual) machine; only root can read it."""
    addresses: tuple[str, ...] = ()
    """MAC addresses of its network devices."""

    def may_be(self, other: "MachineFacts") -> bool:
        """Whether nothing says that the two are different machines."""
        if self.product and other.product:
            return self.product == other.product
        if self.addresses and other.addresses:
            return bool(set(self.addresses) & set(other.addresses))
        return self.machine_id == other.machine_id or None in (self.machine_id, other.machine_id)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    instance_uid: str
    """UUIDv7, 32 hexadecimal digits."""
    machine: MachineFacts
    created_at: datetime
    was: str | None = None
    """The uid of the machine that this one was cloned from."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """With whom this host is enrolled; the credential lies apart."""

    server: str
    """URL of the control plane, without a path."""
    host_id: str
    host_name: str
    """Its name in the fleet; in every sample."""
    tenant_id: str
    machine: MachineFacts
    """That was enrolled; a clone of it is not."""
    enrolled_at: datetime
    endpoint: str | None = None
    """Of OpAMP, where the control plane moved it to."""
    ca_file: str | None = None
    """Certificates that the control plane's may be signed with, beside the system's."""


def read_machine(root: Path = ROOT) -> MachineFacts:
    """Look at this machine."""
    addresses = {
        sha256_of(text.encode())
        for device in _network_devices(root)
        if (text := _text_of(device / "address"))
    }
    return MachineFacts(
        machine_id=_hashed(root / "etc/machine-id"),
        product=_hashed(root / "sys/class/dmi/id/product_uuid"),
        addresses=tuple(sorted(addresses)),
    )


def identity_in(folder: DataFolder, machine: MachineFacts, clock: Clock) -> Identity:
    """The identity kept there; a new one on the first start, and on a clone of the machine.

    Raises:
        InvalidInputError: If the file holds something else.
        UnavailableError: If it cannot be read or written.
    """
    known = read_json(folder.identity, Identity)
    if known is not None and machine.may_be(known.machine):
        return known
    identity = Identity(
        instance_uid=new_id(clock).hex,
        machine=machine,
        created_at=clock.now(),
        was=known.instance_uid if known else None,
    )
    put_json(folder.identity, identity, durably=True)
    return identity


def renamed(folder: DataFolder, identity: Identity, instance_uid: str) -> Identity:
    """The identity with the uid that the control plane gave it; kept from now on.

    Raises:
        UnavailableError: If it cannot be written.
    """
    changed = msgspec.structs.replace(identity, instance_uid=instance_uid)
    put_json(folder.identity, changed, durably=True)
    return changed


def enrolment_in(folder: DataFolder, identity: Identity) -> Enrolment | None:
    """With whom this machine is enrolled; None if it is not, as a clone of one that is.

    Raises:
        InvalidInputError: If the file holds something else.
        UnavailableError: If it cannot be read.
    """
    enrolment = read_json(folder.enrolment, Enrolment)
    if enrolment is None or not identity.machine.may_be(enrolment.machine):
        return None
    return enrolment


def keep_credential(folder: DataFolder, credential: str) -> None:
    """Keep it, for the owner of the folder alone.

    Raises:
        InvalidInputError: If it is no agent's credential.
        UnavailableError: If it cannot be written.
    """
    kind = check_token(credential)
    if kind is not TokenKind.AGENT:
        raise UnavailableError(f"credential: the control plane sent one of kind {kind}")
    put_whole(folder.credential, credential.encode(), durably=True)


def read_credential(folder: DataFolder) -> str:
    """The credential of this agent.

    Raises:
        NotFoundError: If there is none.
        UnavailableError: If it cannot be read, or others can read it.
    """
    path = folder.credential
    try:
        if path.stat().st_mode & 0o077:
            raise UnavailableError(f"credential: others may read {path}; chmod 600 {path}")
        return path.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise NotFoundError("credential: none; run phoenix agent enroll") from error
    except OSError as error:
        raise UnavailableError(f"credential: cannot read {path}: {error.strerror}") from error


def _network_devices(root: Path) -> Iterator[Path]:
    """Those with hardware behind them, real or virtual: bridges and tunnels get a new address at each boot."""
    folder = root / "sys/class/net"
    with suppress(OSError):
        yield from (device for device in folder.iterdir() if (device / "device").exists())


def _hashed(path: Path) -> str | None:
    text = _text_of(path)
    return sha256_of(text.encode()) if text else None


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
