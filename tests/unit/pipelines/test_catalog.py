import re
from dataclasses import replace

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


def test_the_catalog_has_the_pipelines_of_version_one() -> None:
    assert catalog.names() == (
        "process-baseline-v1",
        "process-topk-v1",
        "process-aggregated-v1",
        "process-adaptive-v1",
        "process-priority-v2",
        "process-priority-v1",
        "process-aggregated-stock-v1",
    )


@pytest.mark.parametrize(
    ("name", "hash_"),
    [
        (
            "process-baseline-v1",
            "sha256:0c4e38a51714b0e822606117ef44d46be60a9b8ee3ced3a4050d01553355439f",
        ),
        (
            "process-priority-v1",
            "sha256:8007dbdd85bedeb3bece027f631e81206fc5c2e43e8ae8c935671482f6c500f2",
        ),
        (
            "process-aggregated-stock-v1",
            "sha256:7caf2a4789815e38e1b9a11e834a06e60886882323895c69331a243643e1489d",
        ),
        (
            "process-topk-v1",
            "sha256:e32f6f4e2abb1d41f2530465fbb0ce706fce549e5c6384f591c590c6e9ed1314",
        ),
        (
            "process-aggregated-v1",
            "sha256:8b00a2f5c7b41a74dbdcf0ad8068fe16ce4ee455e22c4dab50d33b83c828fb3a",
        ),
        (
            "process-adaptive-v1",
            "sha256:227f6c745b951f56f415bca8099e8826899737eee1187690dd8faf7674b680c3",
        ),
        (
            "process-priority-v2",
            "sha256:8c36acf31a39e3cd029c2f352d2de47e08d5c7d04b39f7ae3eb9c1c87c8dc60b",
        ),
    ],
)
def test_a_published_version_never_changes(name: str, hash_: str) -> None:
    assert catalog.get(name).configuration.hash == hash_


@pytest.mark.parametrize("name", catalog.names())
def test_every_parameter_of_an_entry_has_its_default_in_the_configuration(name: str) -> None:
    entry = catalog.get(name)
    assert entry.parameters
    for parameter in entry.parameters:
        assert entry.default_of(parameter) is not None
        assert all((parameter.unit, parameter.limits, parameter.meaning))


def test_a_parameter_of_another_entry_has_no_default() -> None:
    baseline, topk = catalog.get("process-baseline-v1"), catalog.get("process-topk-v1")
    with pytest.raises(KeyError, match="processors"):
        baseline.default_of(topk.parameters[-1])
    deeper = replace(topk.parameters[0], path=(*topk.parameters[0].path, "unit"))
    with pytest.raises(KeyError, match="unit"):
        topk.default_of(deeper)


@pytest.mark.parametrize("name", ["process-topk-v1", "process-adaptive-v1", "process-priority-v2"])
def test_entries_with_reduce_keep_the_names_they_document(name: str) -> None:
    entry = catalog.get(name)
    reduce = entry.configuration.components[Kind.PROCESSOR]["reduce"]
    assert reduce.settings["critical"] == entry.kept_names
    assert entry.totals_preserved


def test_version_two_of_priority_keeps_the_processes_of_version_one() -> None:
    first, second = catalog.get("process-priority-v1"), catalog.get("process-priority-v2")
    as_globs = [name.replace(".*", "*").replace("\\.", ".") for name in first.kept_names]
    assert as_globs == list(second.kept_names)


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
        NotFoundError, match=r"no 'zzz'; there are process-baseline-v1, process-topk-v1"
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
