import re

import pytest

from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.findings import findings_in

LOAD_PROFILE = [
    "phx-api",
    "phx-db",
    "phx-cache",
    "phx-web",
    "phx-worker",
    "phx-cron",
    "phx-batch",
    "phx-logger",
    "phx-sidecar",
]
"""Executable names of `phoenix loadsim`."""


def test_the_catalog_has_the_three_first_pipelines() -> None:
    assert catalog.names() == (
        "process-baseline-v1",
        "process-priority-v1",
        "process-aggregated-stock-v1",
    )


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_is_a_configuration_without_findings(name: str) -> None:
    entry = catalog.get(name)
    assert findings_in(entry.configuration) == ()
    assert entry.configuration.name == name


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_says_what_it_is(name: str) -> None:
    entry = catalog.get(name)
    assert name.endswith(f"-v{entry.version}")
    assert all((entry.purpose, entry.keeps, entry.loses, entry.tested_collectors))


def test_an_unknown_name_gets_the_nearest_suggested() -> None:
    with pytest.raises(
        NotFoundError, match=r"no 'process-prioritie-v1'; did you mean process-priority-v1\?"
    ):
        catalog.get("process-prioritie-v1")


def test_a_name_far_from_all_gets_the_list() -> None:
    with pytest.raises(
        NotFoundError, match=r"no 'zzz'; there are process-baseline-v1, process-priority-v1"
    ):
        catalog.get("zzz")


def test_priority_keeps_the_names_it_documents() -> None:
    entry = catalog.get("process-priority-v1")
    condition = str(entry.configuration.components[Kind.PROCESSOR]["filter/priority"].settings)
    # What stands between ^( and )$$ in the filter, an OTTL escape undone.
    groups = [
        group.replace("\\\\\\\\", "\\") for group in re.findall(r"\^\((.*?)\)\$\$", condition)
    ]
    assert "|".join(groups).split("|") == list(entry.kept_names)


def test_priority_keeps_some_of_the_load_profile_and_drops_most() -> None:
    patterns = catalog.get("process-priority-v1").kept_names
    kept = [
        name for name in LOAD_PROFILE if any(re.fullmatch(pattern, name) for pattern in patterns)
    ]
    assert kept == ["phx-api", "phx-db"]
