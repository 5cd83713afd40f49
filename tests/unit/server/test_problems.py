from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest
from litestar.exceptions import HTTPException, ValidationException

import phoenix_platform
from phoenix_platform.core.errors import (
    InvalidInputError,
    NotFoundError,
    PhoenixError,
    UnavailableError,
)
from phoenix_platform.domain.sign_ins import UnauthenticatedError
from phoenix_platform.server.errors import TooManyRequestsError
from phoenix_platform.server.problems import STATUS_OF, headers_of, problem_of, status_of

LAYERS = {"core", "domain", "application", "wire", "opamp", "analysis", "server", "adapters"}


def descendants(error: type[PhoenixError]) -> Iterator[type[PhoenixError]]:
    yield error
    for child in error.__subclasses__():
        yield from descendants(child)


def every_error() -> list[type[PhoenixError]]:
    """Those of all modules that the server can meet; importing one must not start anything."""
    for module in walk_packages(phoenix_platform.__path__, "phoenix_platform."):
        if module.name.split(".")[1] in LAYERS and ".migrations" not in module.name:
            import_module(module.name)
    return sorted(set(descendants(PhoenixError)), key=lambda one: one.__qualname__)


@pytest.mark.parametrize("error", every_error())
def test_every_error_has_a_status(error: type[PhoenixError]) -> None:
    assert 400 <= status_of(error) < 600


def test_no_error_but_bugs_is_our_fault_without_being_said_so_in_the_table() -> None:
    named = set(STATUS_OF) - {PhoenixError}
    silent = [
        error.__qualname__
        for error in every_error()
        if error is not PhoenixError
        and not named & set(error.__mro__)
        # What a client makes of our answers never comes out of the server.
        and not error.__module__.startswith("phoenix_platform.client.")
    ]
    assert silent == ["IncompleteRouteError"], "give them a line in STATUS_OF"


def test_an_error_tells_its_code_its_facts_and_its_text() -> None:
    problem = problem_of(NotFoundError("host: no h1", host="h1"), request_id="r1")
    assert (problem.status, problem.code, problem.type) == (404, "not-found", "/problems/not-found")
    assert (problem.detail, problem.facts, problem.request_id) == (
        "host: no h1",
        {"host": "h1"},
        "r1",
    )


@pytest.mark.parametrize(
    "error",
    [ValueError("password=hunter2"), HTTPException("secret", status_code=500)],
    ids=["bug", "framework"],
)
def test_a_bug_tells_nothing_but_where_to_look(error: Exception) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (500, "internal")
    assert "hunter2" not in problem.detail
    assert "secret" not in problem.detail


def test_a_value_that_does_not_fit_is_named_by_its_path() -> None:
    error = ValidationException(
        extra=[{"key": "limit", "message": "Expected `int`", "source": "query"}]
    )
    problem = problem_of(error)
    assert (problem.status, problem.code) == (422, InvalidInputError.code)
    assert [(one.path, one.message) for one in problem.fields] == [
        ("query.limit", "Expected `int`")
    ]


def test_an_error_says_when_to_try_again_and_how_to_sign_in() -> None:
    assert headers_of(TooManyRequestsError("slow down", retry_after_seconds=1.2)) == {
        "Retry-After": "2"
    }
    assert headers_of(UnavailableError("database: away")) == {"Retry-After": "2"}
    assert "WWW-Authenticate" in headers_of(UnauthenticatedError("who?"))
    assert headers_of(NotFoundError("no")) == {}
