"""Lets this host into a fleet: a single-use token against a credential of its own. `phoenix agent enroll`."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from phoenix_platform.agent.addresses import is_safe
from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.host import count_processes, read_host
from phoenix_platform.agent.identities import Enrolment, Identity, keep_credential
from phoenix_platform.agent.whole_files import put_json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.core.tokens import TokenKind, check_token
from phoenix_platform.core.version import VERSION

_PATH: Final = "/api/v1/enroll"
_SECONDS: Final = 30.0


class _Answer(msgspec.Struct, frozen=True):
    host_id: str
    tenant_id: str
    credential: str


class _Problem(msgspec.Struct, frozen=True):
    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """How the user wants this host to be enrolled."""

    server: str
    """URL of the control plane."""
    token: str
    """Single-use, short-lived."""
    labels: Mapping[str, str]
    host_name: str | None = None
    """Its name in the fleet; None for the kernel's."""
    ca_file: str | None = None
    """Absolute path."""
    allows_plain_http: bool = False


async def enroll(
    request: EnrolmentRequest, *, folder: DataFolder, identity: Identity, clock: Clock
) -> Enrolment:
    """Exchange the token; enrolment and credential are kept in the folder.

    Raises:
        InvalidInputError: If the URL or the token is wrong, or the control plane refuses it.
        ConflictError: If a host of that name is enrolled already.
        UnavailableError: If the control plane cannot be reached, or the folder not be written.
    """
    if check_token(request.token) is not TokenKind.ENROLLMENT:
        raise InvalidInputError("token: no enrolment token; those begin with phx_enr_")
    url = _checked(request.server, allows_plain_http=request.allows_plain_http)
    name = request.host_name or read_host().name
    answer = await _exchange(url, _body(request, identity, name), request.ca_file)
    keep_credential(folder, answer.credential)
    enrolment = Enrolment(
        server=url,
        host_id=answer.host_id,
        host_name=name,
        tenant_id=answer.tenant_id,
        machine=identity.machine,
        enrolled_at=clock.now(),
        ca_file=request.ca_file,
    )
    put_json(folder.enrolment, enrolment, durably=True)
    return enrolment


def trust_of(ca_file: str | None) -> ssl.SSLContext:
    """The system's certificates, and those of the file.

    Raises:
        InvalidInputError: If the file holds none.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(f"ca_file: no certificates in {ca_file}: {error}") from error
    return context


def _checked(server: str, *, allows_plain_http: bool) -> str:
    try:
        url = httpx.URL(server.rstrip("/"))
    except httpx.InvalidURL as error:
        raise InvalidInputError(f"server: {server!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInputError(f"server: {server!r} is no URL such as https://phoenix.example.com")
    if url.path not in ("", "/"):
        raise InvalidInputError(f"server: {server!r} has a path; give the control plane's root")
    if not allows_plain_http and not is_safe(url):
        raise InvalidInputError(
            f"server: {server} is not https, and the credential would cross the network in the clear; use "
            "https, or accept it with --allow-plain-http"
        )
    return str(url).rstrip("/")


def _body(request: EnrolmentRequest, identity: Identity, host_name: str) -> dict[str, Any]:
    host, processes = read_host(), count_processes()
    return {
        "token": request.token,
        "instance_uid": identity.instance_uid,
        "host_name": host_name,
        "labels": dict(request.labels),
        "facts": {
            "agent_version": VERSION,
            "boot_id": host.boot_id,
            "processors": host.processors,
            "memory_bytes": host.memory_bytes,
            "processes": processes.total,
        },
    }


async def _exchange(server: str, body: dict[str, Any], ca_file: str | None) -> _Answer:
    try:
        async with httpx.AsyncClient(verify=trust_of(ca_file), timeout=_SECONDS) as client:
            response = await client.post(server + _PATH, json=body)
    except httpx.HTTPError as error:
        raise UnavailableError(f"server: {server} cannot be reached: {error}") from error
    if not response.is_success:
        raise _refusal(server, response)
    try:
        return msgspec.json.decode(response.content, type=_Answer)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise UnavailableError(f"server: {server} is no Phoenix control plane: {error}") from error


def _refusal(server: str, response: httpx.Response) -> PhoenixError:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except (msgspec.ValidationError, msgspec.DecodeError):
        problem = _Problem()
    words = problem.detail or problem.title or response.reason_phrase
    message = f"{server}: {words} ({response.status_code})"
    match response.status_code:
        case HTTPStatus.CONFLICT:
            return ConflictError(message)
        case HTTPStatus.NOT_FOUND:
            return NotFoundError(f"{message}; is that the control plane's URL?")
        case status if status == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            return UnavailableError(message)
        case _:
            return InvalidInputError(message)
