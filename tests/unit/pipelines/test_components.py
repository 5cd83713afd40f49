import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import (
    RENAMES,
    ComponentId,
    Kind,
    Rename,
    Target,
    canonical_type,
    parse_component_id,
    parse_version,
)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("otlp", ComponentId("otlp")),
        ("otlp/a", ComponentId("otlp", "a")),
        (" otlp / a ", ComponentId("otlp", "a")),
        ("filter/a/b", ComponentId("filter", "a/b")),
        ("host_metrics/1", ComponentId("host_metrics", "1")),
    ],
)
def test_component_ids_are_read(text: str, id_: ComponentId) -> None:
    assert parse_component_id(text, field="x") == id_


def test_a_component_id_is_written_as_it_is_read() -> None:
    assert str(ComponentId("otlp")) == "otlp"
    assert str(ComponentId("otlp", "a")) == "otlp/a"


@pytest.mark.parametrize("text", ["", "/a", "otlp/", "9a", "a-b", "a b"])
def test_malformed_component_ids_are_refused(text: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"^x: not a component id: .* write type or type/name$"
    ):
        parse_component_id(text, field="x")


@pytest.mark.parametrize("rename", RENAMES, ids=lambda rename: rename.old)
def test_both_names_of_a_type_are_one(rename: Rename) -> None:
    assert canonical_type(rename.kind, rename.old) == rename.new
    assert canonical_type(rename.kind, rename.new) == rename.new


def test_a_name_is_old_for_its_own_kind_only() -> None:
    assert canonical_type(Kind.RECEIVER, "otlp") == "otlp"
    assert canonical_type(Kind.EXPORTER, "otlp") == "otlp_grpc"


@pytest.mark.parametrize("rename", RENAMES, ids=lambda rename: rename.old)
def test_a_binary_gets_the_name_it_knows(rename: Rename) -> None:
    old = Target.of_components({rename.kind: [rename.old]})
    new = Target.of_components({rename.kind: [rename.new]})
    for written in (rename.old, rename.new):
        assert old.has(rename.kind, written)
        assert new.has(rename.kind, written)
        assert old.type_to_write(rename.kind, written) == rename.old
        assert new.type_to_write(rename.kind, written) == rename.new


def test_a_release_gets_the_new_name_from_the_release_that_has_it() -> None:
    before, since = Target(version=(0, 150, 9)), Target(version=(0, 151, 0))
    assert before.type_to_write(Kind.RECEIVER, "host_metrics") == "hostmetrics"
    assert since.type_to_write(Kind.RECEIVER, "host_metrics") == "host_metrics"


def test_a_rename_of_unknown_date_is_written_old_for_a_release_and_new_without_one() -> None:
    assert (
        Target(version=(0, 161, 0)).type_to_write(Kind.PROCESSOR, "delta_to_rate") == "deltatorate"
    )
    assert Target().type_to_write(Kind.PROCESSOR, "deltatorate") == "delta_to_rate"


def test_a_type_that_was_never_renamed_stays() -> None:
    assert Target(version=(0, 100, 0)).type_to_write(Kind.PROCESSOR, "filter") == "filter"


def test_a_binary_that_was_not_asked_lacks_nothing() -> None:
    assert Target().has(Kind.PROCESSOR, "anything")


def test_a_binary_lacks_what_it_does_not_print() -> None:
    target = Target.of_components({Kind.PROCESSOR: ["filter"]})
    assert not target.has(Kind.PROCESSOR, "transform")
    assert not target.has(Kind.RECEIVER, "filter")


def test_a_users_id_changes_only_where_its_type_is_too_new() -> None:
    old = Target.of_components({Kind.PROCESSOR: ["cumulativetodelta", "filter"]})
    assert old.id_to_write(Kind.PROCESSOR, "cumulative_to_delta/a") == "cumulativetodelta/a"
    assert old.id_to_write(Kind.PROCESSOR, "filter/a") == "filter/a"
    assert Target().id_to_write(Kind.PROCESSOR, "cumulativetodelta/a") == "cumulativetodelta/a"


@pytest.mark.parametrize("text", ["0.161.0", "v0.161.0", " 0.161.0-dev "])
def test_versions_are_read(text: str) -> None:
    assert parse_version(text, field="x") == (0, 161, 0)


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^x: not a version: 'latest'"):
        parse_version("latest", field="x")


def test_a_kind_names_its_section() -> None:
    assert Kind.PROCESSOR.section == "processors"
