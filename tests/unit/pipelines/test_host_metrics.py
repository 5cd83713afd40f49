from datetime import timedelta

import pytest
from tests.pipeline_builders import with_scrapers

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.host_metrics import (
    HostMetrics,
    attribute_patterns,
    name_patterns,
    read_host_metrics,
)


def read(
    scrapers: str, options: str = "", environment: dict[str, str] | None = None
) -> HostMetrics:
    configuration = with_scrapers(scrapers, options=options)
    component = configuration.components[Kind.RECEIVER]["host_metrics"]
    return read_host_metrics(configuration, component, environment or {})


def test_the_interval_is_a_minute_unless_it_is_written() -> None:
    assert read("{process: }").interval == timedelta(minutes=1)
    assert read("{process: }", "collection_interval: ${env:UNSET}").interval == timedelta(minutes=1)
    assert read("{process: }", "collection_interval: 15s").interval == timedelta(seconds=15)


def test_settings_come_from_the_environment_where_they_say_so() -> None:
    receiver = read("{process: }", "collection_interval: ${env:EVERY}", {"EVERY": "5s"})
    assert receiver.interval == timedelta(seconds=5)


def test_options_without_effect_on_what_is_emitted_are_not_compared() -> None:
    receiver = read(
        "{process: {mute_process_name_error: true, mute_process_io_error: false, scrape_process_delay: 5s}}",
        "initial_delay: 5s\nmetadata_collection_interval: 5m\nroot_path: /hostfs",
    )
    assert receiver.others == {"root_path": "/hostfs"}
    assert receiver.scrapers["process"].others == {"scrape_process_delay": "5s"}


def test_a_metric_is_emitted_if_it_is_written_or_by_default() -> None:
    scraper = read(
        "{process: {metrics: {process.threads: {enabled: true}, process.cpu.time: {enabled: false},"
        " process.uptime: {}, process.new: {}}}}"
    ).scrapers["process"]
    assert scraper.emits("process.threads") is True
    assert scraper.emits("process.cpu.time") is False
    assert scraper.emits("process.memory.usage") is True
    assert scraper.emits("process.uptime") is False
    assert scraper.emits("process.new") is None


def test_an_attribute_is_there_if_it_is_written_or_by_default() -> None:
    scraper = read(
        "{process: {resource_attributes: {process.cgroup: {enabled: true}, process.owner: {enabled: false}}}}"
    ).scrapers["process"]
    assert scraper.has_attribute("process.cgroup") is True
    assert scraper.has_attribute("process.owner") is False
    assert scraper.has_attribute("process.pid") is True
    assert scraper.has_attribute("process.linux.cgroup") is False
    assert scraper.has_attribute("process.new") is None


def test_include_of_another_scraper_is_an_option_like_any_other() -> None:
    receiver = read("{disk: {include: {match_type: strict, devices: [sda]}}}")
    scraper = receiver.scrapers["disk"]
    assert (scraper.include, list(scraper.others)) == (None, ["include"])


def test_patterns_of_names_say_how_they_match() -> None:
    scraper = read("{process: {include: {match_type: regexp, names: [a, b]}}}").scrapers["process"]
    assert list(name_patterns(scraper.include, scraper.place)) == [("a", True), ("b", True)]


def test_patterns_of_values_say_how_they_match() -> None:
    scraper = read(
        "{process: {resource_attributes: {process.owner: {metrics_include: [{strict: a}, {regexp: b}, {strict: ''}]}}}}"
    ).scrapers["process"]
    include = scraper.attributes["process.owner"].include
    assert list(attribute_patterns(include, scraper.place)) == [("a", False), ("b", True)]


@pytest.mark.parametrize(
    ("scrapers", "options", "message"),
    [
        pytest.param("{}", "", r"^a\.yaml:2:3: host_metrics: no scrapers", id="no-scrapers"),
        pytest.param("[process]", "", r"^a\.yaml:3:5: expected a mapping", id="list-of-scrapers"),
        pytest.param("{process: {metrics: [a]}}", "", r"^a\.yaml:3:26: expected a mapping", id="list-of-metrics"),
        pytest.param(
            "{process: {metrics: {process.threads: {enabled: maybe}}}}", "", r"enabled: expected true or false", id="flag"
        ),
        pytest.param("{process: }", "collection_interval: often", r"^a\.yaml:3:5: collection_interval: not a dur", id="words"),
        pytest.param("{process: }", "collection_interval: 0s", r"^a\.yaml:3:5: .*must be above zero", id="zero"),
        pytest.param("{process: }", "root_path: ${file:/x}", r"^a\.yaml:2:3: host_metrics\.root_path: .*only the collector", id="file"),
    ],
)  # fmt: skip
def test_what_the_receiver_cannot_read_is_refused(
    scrapers: str, options: str, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(scrapers, options)


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ("{names: [a]}", "match_type: None; write strict or regexp"),
        ("{match_type: glob, names: [a]}", "match_type: 'glob'"),
        ("{match_type: strict, names: a}", "names: expected a list of texts"),
        ("{match_type: strict, names: [1]}", "names: expected a list of texts"),
        ("{match_type: strict}", "names: expected a list of texts"),
    ],
)
def test_patterns_of_names_that_the_receiver_refuses_are_refused(
    include: str, message: str
) -> None:
    scraper = read(f"{{process: {{include: {include}}}}}").scrapers["process"]
    with pytest.raises(InvalidInputError, match=message):
        list(name_patterns(scraper.include, scraper.place))


def test_patterns_of_values_must_be_a_list() -> None:
    scraper = read("{process: {}}").scrapers["process"]
    with pytest.raises(InvalidInputError, match="expected a list of"):
        list(attribute_patterns("a", scraper.place))
