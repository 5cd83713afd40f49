"""Enrolling with a real HTTP server."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.control_planes import ControlPlaneForTests

from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.enrolment import EnrolmentRequest, enroll, trust_of
from phoenix_platform.agent.identities import (
    Identity,
    enrolment_in,
    identity_in,
    read_credential,
    read_machine,
)
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, UnavailableError
from phoenix_platform.core.tokens import TokenKind, new_token

pytestmark = pytest.mark.timeout(120)
CLOCK = SystemClock()


@pytest.fixture
def plane() -> Generator[ControlPlaneForTests]:
    with ControlPlaneForTests() as plane:
        yield plane


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


@pytest.fixture
def identity(folder: DataFolder) -> Identity:
    return identity_in(folder, read_machine(), CLOCK)


def a_request(server: str, token: str, **more: bool) -> EnrolmentRequest:
    return EnrolmentRequest(
        server=server,
        token=token,
        labels={"env": "test"},
        allows_plain_http=more.get("allows_plain_http", False),
    )


async def test_a_token_is_exchanged_for_a_credential_that_is_kept(
    plane: ControlPlaneForTests, folder: DataFolder, identity: Identity
) -> None:
    request = a_request(plane.url + "/", plane.token)
    enrolment = await enroll(request, folder=folder, identity=identity, clock=CLOCK)
    assert enrolment_in(folder, identity) == enrolment
    assert (enrolment.server, enrolment.host_id) == (plane.url, plane.host_id)
    assert enrolment.host_name == os.uname().nodename
    assert read_credential(folder) == plane.credential
    (sent,) = plane.enrolments
    assert sent["instance_uid"] == identity.instance_uid
    assert sent["facts"]["processors"] > 0


async def test_the_control_planes_words_are_passed_on(
    plane: ControlPlaneForTests, folder: DataFolder, identity: Identity
) -> None:
    request = a_request(plane.url, new_token(TokenKind.ENROLLMENT))
    with pytest.raises(InvalidInputError, match="token: unknown"):
        await enroll(request, folder=folder, identity=identity, clock=CLOCK)
    assert not folder.credential.exists()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("http://phoenix.example.com", "not https"),
        ("https://phoenix.example.com/api", "has a path"),
        ("phoenix.example.com", "is no URL such as"),
        ("ftp://phoenix.example.com", "is no URL such as"),
    ],
)
async def test_a_url_that_will_not_do_is_refused_before_the_token_leaves(
    folder: DataFolder, identity: Identity, server: str, words: str
) -> None:
    request = a_request(server, new_token(TokenKind.ENROLLMENT))
    with pytest.raises(InvalidInputError, match=words):
        await enroll(request, folder=folder, identity=identity, clock=CLOCK)


async def test_a_token_of_another_kind_does_not_leave(
    plane: ControlPlaneForTests, folder: DataFolder, identity: Identity
) -> None:
    request = a_request(plane.url, new_token(TokenKind.API_KEY))
    with pytest.raises(InvalidInputError, match="phx_enr_"):
        await enroll(request, folder=folder, identity=identity, clock=CLOCK)
    assert not plane.enrolments


async def test_a_control_plane_that_is_away_is_named(
    plane: ControlPlaneForTests, folder: DataFolder, identity: Identity
) -> None:
    plane.go()
    request = a_request(plane.url, plane.token)
    with pytest.raises(UnavailableError, match=f"{plane.url} cannot be reached"):
        await enroll(request, folder=folder, identity=identity, clock=CLOCK)
    plane.come()


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(InvalidInputError, match=r"empty\.pem"):
        trust_of(str(tmp_path / "empty.pem"))
