"""Who an agent is, on machines that are folders."""

from pathlib import Path

import msgspec
import pytest

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.identities import (
    Enrolment,
    MachineFacts,
    enrolment_in,
    identity_in,
    keep_credential,
    read_credential,
    read_machine,
    renamed,
)
from phoenix_platform.agent.whole_files import put_json
from phoenix_platform.core.clock import FixedClock, SystemClock
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from phoenix_platform.core.tokens import TokenKind, new_token

CLOCK = FixedClock()


def a_machine(
    root: Path, *, machine_id: str = "a1", product: str | None = None, address: str | None = None
) -> MachineFacts:
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").write_text(machine_id + "\n")
    if product:
        (root / "sys/class/dmi/id").mkdir(parents=True, exist_ok=True)
        (root / "sys/class/dmi/id/product_uuid").write_text(product)
    if address:
        (root / "sys/class/net/eth0/device").mkdir(parents=True, exist_ok=True)
        (root / "sys/class/net/eth0/address").write_text(address)
        (root / "sys/class/net/docker0").mkdir(exist_ok=True)
        (root / "sys/class/net/docker0/address").write_text("02:42:00:00:00:01")
    return read_machine(root)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


def an_enrolment(machine: MachineFacts) -> Enrolment:
    return Enrolment(
        server="https://phoenix.example.com",
        host_id="1",
        host_name="a",
        tenant_id="2",
        machine=machine,
        enrolled_at=CLOCK.now(),
    )


def test_an_agent_keeps_its_uid_over_restarts(folder: DataFolder, tmp_path: Path) -> None:
    machine = a_machine(tmp_path, product="p1", address="aa:bb")
    first = identity_in(folder, machine, SystemClock())
    assert len(first.instance_uid) == 32
    assert first.instance_uid[12] == "7"  # a UUIDv7
    assert identity_in(folder, machine, SystemClock()) == first


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"product": "p1", "address": "aa"}, {"product": "p2", "address": "aa"}),
        ({"address": "aa"}, {"address": "bb"}),
        ({"machine_id": "a1"}, {"machine_id": "a2"}),
    ],
    ids=["other firmware", "other network devices", "other machine id"],
)
def test_a_clone_gets_a_uid_of_its_own_and_does_not_use_the_enrolment(
    folder: DataFolder, tmp_path: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    original = identity_in(folder, a_machine(tmp_path / "1", **before), SystemClock())
    put_json(folder.enrolment, an_enrolment(original.machine))
    assert enrolment_in(folder, original) is not None
    clone = identity_in(folder, a_machine(tmp_path / "2", **after), SystemClock())
    assert clone.instance_uid != original.instance_uid
    assert clone.was == original.instance_uid
    assert enrolment_in(folder, clone) is None
    put_json(folder.enrolment, an_enrolment(clone.machine))
    assert enrolment_in(folder, clone) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"product": "p1", "address": "aa"}, {"product": "p1", "address": "bb"}),
        ({"product": "p1", "address": "aa"}, {"address": "aa", "machine_id": "a2"}),
        ({"product": "p1"}, {}),
    ],
    ids=["a new network card", "not root any more", "nothing else is known"],
)
def test_a_change_that_is_no_clone_keeps_the_uid(
    folder: DataFolder, tmp_path: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    original = identity_in(folder, a_machine(tmp_path / "1", **before), SystemClock())
    again = identity_in(folder, a_machine(tmp_path / "2", **after), SystemClock())
    assert again == original


def test_a_machine_without_any_id_is_no_clone_of_itself(folder: DataFolder, tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "empty")
    assert machine == MachineFacts()
    original = identity_in(folder, machine, SystemClock())
    assert identity_in(folder, machine, SystemClock()) == original


def test_ids_of_the_machine_are_kept_as_hashes_only(folder: DataFolder, tmp_path: Path) -> None:
    identity_in(folder, a_machine(tmp_path, machine_id="secretly-known"), CLOCK)
    assert "secretly-known" not in folder.identity.read_text()


def test_a_uid_that_the_control_plane_gives_is_kept(folder: DataFolder, tmp_path: Path) -> None:
    machine = a_machine(tmp_path)
    identity = renamed(folder, identity_in(folder, machine, CLOCK), "f" * 32)
    assert identity_in(folder, machine, CLOCK) == identity
    assert identity.instance_uid == "f" * 32


def test_a_renamed_agent_is_still_enrolled(folder: DataFolder, tmp_path: Path) -> None:
    machine = a_machine(tmp_path)
    original = identity_in(folder, machine, CLOCK)
    put_json(folder.enrolment, an_enrolment(original.machine))
    again = renamed(folder, original, "f" * 32)
    assert enrolment_in(folder, again) is not None


def test_the_credential_is_for_its_owner_alone(folder: DataFolder) -> None:
    with pytest.raises(NotFoundError, match="phoenix agent enroll"):
        read_credential(folder)
    credential = new_token(TokenKind.AGENT)
    keep_credential(folder, credential)
    assert folder.credential.stat().st_mode & 0o777 == 0o600
    assert read_credential(folder) == credential
    folder.credential.chmod(0o644)
    with pytest.raises(UnavailableError, match="chmod 600"):
        read_credential(folder)


def test_what_is_no_credential_is_not_kept(folder: DataFolder) -> None:
    with pytest.raises(InvalidInputError):
        keep_credential(folder, "hello")
    with pytest.raises(UnavailableError, match="kind key"):
        keep_credential(folder, new_token(TokenKind.API_KEY))
    assert not folder.credential.exists()


def test_a_file_that_somebody_changed_is_named(folder: DataFolder, tmp_path: Path) -> None:
    folder.identity.write_bytes(msgspec.json.encode({"instance_uid": 7}))
    with pytest.raises(InvalidInputError, match=r"identity\.json"):
        identity_in(folder, a_machine(tmp_path), CLOCK)


def test_one_folder_has_one_agent_at_a_time(folder: DataFolder) -> None:
    with folder.locked(), pytest.raises(ConflictError, match="another agent"), folder.locked():
        pass
    with folder.locked():
        pass
