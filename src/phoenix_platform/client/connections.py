"""One control plane over HTTP: signs, times, repeats and reads requests. Every noun of `client` sends through it.

What may be repeated is what has one effect however often it comes: reads, and changes with an `Idempotency-Key`.
Everything that changes something carries one, except where the answer is a secret, which the server does not store.
"""

import ipaddress
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from phoenix_platform.client.credentials import Credential, FixedToken
from phoenix_platform.client.errors import code_of, error_of
from phoenix_platform.client.retries import Random, Retries
from phoenix_platform.core.clock import Clock, SystemClock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError, UnavailableError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.version import VERSION

T = TypeVar("T")

_PASSING: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_NOT_YET_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures of which it is known that the server did not see the request."""
_IN_FLIGHT: Final = "request-in-flight"
_LONGEST_WAIT_SECONDS: Final = 60.0
"""A `Retry-After` beyond this is an error now rather than a command that stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a control plane is."""

    url: str
    ca_file: str | None = None
    """Certificates to trust beside the system's, PEM."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInputError(
                f"server: {self.url!r} is no address; write https://phoenix.example"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidInputError("server: an address only, without credentials, ? and #")

    @property
    def is_on_this_machine(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name; only this one means this machine wherever one asks
            return host == "localhost"

    @property
    def is_encrypted(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    def tls(self) -> ssl.SSLContext | None:
        """How to trust the server; None without TLS.

        Raises:
            InvalidInputError: If the file with certificates cannot be read.
        """
        if not self.is_encrypted:
            return None
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise InvalidInputError(
                    f"ca_file: {self.ca_file} holds no certificates: {error}"
                ) from error
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    body: msgspec.Struct | None = None
    version: int | None = None
    """Of what is changed, as it was read (`If-Match`)."""
    takes_key: bool = True
    """Whether the route takes an `Idempotency-Key`."""

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def is_repeatable(self) -> bool:
        return self.takes_key or not self.changes


class Connection:
    """Requests to one control plane, as somebody. Threads may share it; close it at the end."""

    def __init__(
        self,
        address: Address,
        credential: Credential | None = None,
        *,
        retries: Retries | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        share: Random = random.random,
    ) -> None:
        self.address = address
        self.credential = credential or FixedToken()
        self.retries = retries or Retries()
        self.clock = clock or SystemClock()
        self.sleep = sleep
        self.share = share
        tls = address.tls()
        self._http = httpx.Client(
            base_url=address.url,
            headers={"User-Agent": f"phoenix/{VERSION}", "Accept": "application/json"},
            verify=True if tls is None else tls,
            trust_env=not address.is_on_this_machine,  # no proxy stands between a machine and itself
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def get(
        self, path: str, kind: type[T], params: Mapping[str, str | int | None] | None = None
    ) -> T:
        """What is at this path; parameters that are None are left out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self._decoded(self.send(Request(method="GET", path=path, params=given)), kind)

    def get_bytes(self, path: str) -> bytes:
        return self.send(Request(method="GET", path=path)).content

    def change(self, request: Request, kind: type[T]) -> T:
        """Send a change and read its answer."""
        return self._decoded(self.send(request), kind)

    def send(self, request: Request) -> httpx.Response:
        """The answer, if it is one of success.

        Raises:
            PhoenixError: What the server refused, or why it cannot be reached.
        """
        body = None if request.body is None else msgspec.json.encode(request.body)
        headers = self._headers(request)
        deadline = self.clock.monotonic() + self.retries.deadline_seconds
        has_renewed = False
        for attempt in count(1):
            token = self.credential.token()
            signed = headers if token is None else {**headers, "Authorization": f"Bearer {token}"}
            left = deadline - self.clock.monotonic()
            asked = 0.0
            try:
                response = self._http.request(
                    request.method,
                    request.path,
                    params=request.params,
                    content=body,
                    headers=signed,
                    timeout=max(min(self.retries.attempt_seconds, left), 0.1),
                )
            except httpx.TransportError as error:
                failure: PhoenixError = self.unreachable(error)
                may_repeat = request.is_repeatable or isinstance(error, _NOT_YET_SENT)
            else:
                if response.is_success:
                    return response
                failure = error_of(response.status_code, response.content)
                may_repeat, asked = _passes(request, response, failure), _retry_after(response)
                is_refused = response.status_code == HTTPStatus.UNAUTHORIZED and token is not None
                if is_refused and not has_renewed and self.credential.renew(token or ""):
                    has_renewed = True
                    continue
            wait = self.retries.wait_seconds(attempt, self.share(), at_least=asked)
            is_last = attempt >= self.retries.max_attempts
            if not may_repeat or is_last or self.clock.monotonic() + wait >= deadline:
                raise failure
            self.sleep(wait)
        raise AssertionError  # counting does not end

    def unreachable(self, error: Exception) -> UnavailableError:
        """What to say when nobody answers."""
        fix = (
            "start it with phoenix serve, or choose another with --context"
            if self.address.is_on_this_machine
            else "check the address and the network"
        )
        reason = str(error) or type(error).__name__
        return UnavailableError(f"server: {self.address.url} does not answer ({reason}); {fix}")

    def _headers(self, request: Request) -> dict[str, str]:
        headers: dict[str, str] = {}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.changes and request.takes_key:
            headers["Idempotency-Key"] = str(new_id(self.clock))
        if request.version is not None:
            headers["If-Match"] = f'"{request.version}"'
        return headers

    def _decoded(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnavailableError(
                f"server: {self.address.url} answered what this version of phoenix does not know: {error}"
            ) from error


def _passes(request: Request, response: httpx.Response, failure: PhoenixError) -> bool:
    """Whether the same request may be answered otherwise soon."""
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return _retry_after(response) <= _LONGEST_WAIT_SECONDS  # it was not even looked at
    if code_of(failure) == _IN_FLIGHT:
        return True
    return request.is_repeatable and response.status_code in _PASSING


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
