from datetime import timedelta
from typing import Any

import pytest
from tests.pipeline_builders import with_scrapers

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.host_metrics import HostMetrics, read_host_metrics
from phoenix_platform.pipelines.scrapes import Reading, Scrape, StandIn, plan_scrape

SCOPE = (
    'IsMatch(instrumentation_scope.name, "hostmetricsreceiver/(internal/scraper/)?{}(scraper)?$")'
)
IDENTITY = {"process.pid": {"enabled": True}, "process.executable.name": {"enabled": True}}


def plan(
    baseline: str,
    candidate: str,
    *,
    options: tuple[str, str] = ("", ""),
    ignore: frozenset[str] = frozenset(),
) -> Scrape:
    receivers: list[HostMetrics] = []
    for name, scrapers, lines in zip("ab", (baseline, candidate), options, strict=True):
        configuration = with_scrapers(scrapers, options=lines, name=f"{name}.yaml")
        component = configuration.components[Kind.RECEIVER]["host_metrics"]
        receivers.append(read_host_metrics(configuration, component, {}))
    readings = [
        Reading(name, "metrics", receiver.scrapers)
        for name, receiver in zip("ab", receivers, strict=True)
    ]
    return plan_scrape(receivers, readings, interval=timedelta(seconds=1), ignore=ignore)


def scrapers_of(scrape: Scrape) -> Any:
    return thawed(scrape.receiver["scrapers"])


def of(scrape: Scrape, variant: str) -> StandIn:
    return scrape.stand_ins[variant, "metrics"]


def test_equal_settings_need_no_stand_in() -> None:
    settings = "{process: {include: {match_type: strict, names: [a]}, metrics: {process.threads: {enabled: true}}}}"
    scrape = plan(settings, settings, options=("root_path: /h", "root_path: /h"))
    assert thawed(scrape.receiver) == {
        "collection_interval": "1s",
        "initial_delay": "0s",
        "root_path": "/h",
        "scrapers": {
            "process": {
                "mute_process_all_errors": True,
                "include": {"match_type": "strict", "names": ["a"]},
                "metrics": {"process.threads": {"enabled": True}},
                "resource_attributes": IDENTITY,
            }
        },
    }
    assert of(scrape, "a") == of(scrape, "b") == StandIn()
    assert scrape.ignored == ()


def test_a_scraper_of_one_variant_is_kept_from_the_other() -> None:
    scrape = plan("{process: , load: }", "{process: , cpu: {}}")
    assert list(scrapers_of(scrape)) == ["cpu", "load", "process"]
    assert of(scrape, "a") == StandIn(conditions=(SCOPE.format("cpu"),))
    assert of(scrape, "b") == StandIn(conditions=(SCOPE.format("load"),))


def test_a_metric_of_one_variant_is_kept_from_the_other() -> None:
    scrape = plan(
        "{process: {metrics: {process.threads: {enabled: true}}}}",
        "{process: {metrics: {process.disk.io: {enabled: false}}}}",
    )
    assert scrapers_of(scrape)["process"]["metrics"] == {
        "process.threads": {"enabled": True},
        "process.disk.io": {"enabled": True},
    }
    assert of(scrape, "a") == StandIn()
    assert of(scrape, "b") == StandIn(
        conditions=('name == "process.disk.io"', 'name == "process.threads"')
    )


def test_a_metric_that_neither_wants_is_not_scraped() -> None:
    off = "{process: {metrics: {process.disk.io: {enabled: false}}}}"
    scrape = plan(off, off)
    assert scrapers_of(scrape)["process"]["metrics"] == {"process.disk.io": {"enabled": False}}
    assert of(scrape, "a") == StandIn()


def test_a_metric_of_a_later_release_that_both_write_is_scraped() -> None:
    scrape = plan(
        "{process: {metrics: {process.new: {enabled: true}}}}",
        "{process: {metrics: {process.new: {enabled: false}}}}",
    )
    assert of(scrape, "b") == StandIn(conditions=('name == "process.new"',))


def test_a_setting_without_enabled_leaves_the_default_of_the_release() -> None:
    settings = "{process: {metrics: {process.new: {aggregation_strategy: sum}}}}"
    assert scrapers_of(plan(settings, settings))["process"]["metrics"] == {
        "process.new": {"aggregation_strategy": "sum"}
    }


def test_attributes_of_one_variant_are_deleted_for_the_other() -> None:
    scrape = plan(
        "{process: {resource_attributes: {process.cgroup: {enabled: true}, process.pid: {enabled: false}}}}",
        "{process: {resource_attributes: {process.command_line: {enabled: false}}}}",
    )
    assert scrapers_of(scrape)["process"]["resource_attributes"] == IDENTITY | {
        "process.cgroup": {"enabled": True},
        "process.command_line": {"enabled": True},
    }
    assert of(scrape, "a") == StandIn(attributes=("process.pid",))
    assert of(scrape, "b") == StandIn(attributes=("process.cgroup", "process.command_line"))


def test_names_of_one_variant_are_kept_from_the_other_exactly() -> None:
    scrape = plan(
        "{process: }",
        "{process: {include: {match_type: regexp, names: ['^a\\d\"', b]}, exclude: {match_type: strict, names: [ab]}}}",
    )
    assert "include" not in scrapers_of(scrape)["process"]
    name = 'resource.attributes["process.executable.name"]'
    process = SCOPE.format("process")
    assert of(scrape, "a") == StandIn()
    assert of(scrape, "b") == StandIn(
        conditions=(
            rf'{process} and not (IsMatch({name}, "^a\\d\"") or IsMatch({name}, "b"))',
            f'{process} and ({name} == "ab")',
        ),
        drops_processes=True,
    )


def test_an_empty_list_of_names_filters_nothing() -> None:
    scrape = plan("{process: }", "{process: {include: {match_type: strict, names: []}}}")
    assert of(scrape, "b") == StandIn()


def test_values_of_one_variant_are_kept_from_the_other_exactly() -> None:
    scrape = plan(
        "{process: }",
        "{process: {resource_attributes: {process.owner: {metrics_include: [{strict: a}], metrics_exclude: [{regexp: ^b}]}}}}",
    )
    value, process = 'String(resource.attributes["process.owner"])', SCOPE.format("process")
    assert of(scrape, "b") == StandIn(
        conditions=(
            f'{process} and not ({value} == "a")',
            f'{process} and (IsMatch({value}, "^b"))',
        ),
        drops_processes=True,
    )


def test_values_that_both_variants_filter_alike_are_filtered_by_the_source() -> None:
    settings = "{process: {resource_attributes: {process.owner: {metrics_exclude: [{strict: a}]}}}}"
    scrape = plan(settings, settings)
    assert scrapers_of(scrape)["process"]["resource_attributes"]["process.owner"] == {
        "enabled": True,
        "metrics_exclude": [{"strict": "a"}],
    }
    assert of(scrape, "a") == StandIn()


def test_an_attribute_that_is_not_there_filters_nothing() -> None:
    scrape = plan(
        "{process: {resource_attributes: {process.owner: {enabled: false, metrics_exclude: [{strict: a}]}}}}",
        "{process: {resource_attributes: {process.owner: {metrics_exclude: [{strict: a}]}}}}",
    )
    assert of(scrape, "a") == StandIn(attributes=("process.owner",))
    assert of(scrape, "b").drops_processes


def test_an_empty_list_of_values_keeps_nothing() -> None:
    scrape = plan(
        "{process: }", "{process: {resource_attributes: {process.owner: {metrics_include: []}}}}"
    )
    assert of(scrape, "b").conditions == (f"{SCOPE.format('process')} and not (false)",)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            "scrape_process_delay: 60s", "scrape_process_delay: 1m", id="duration-spelled-otherwise"
        ),
        pytest.param("scrape_process_delay: 0s", "", id="default-written-once"),
        pytest.param(
            "scrape_process_delay: ", "scrape_process_delay: 0s", id="null-for-the-default"
        ),
        pytest.param("mute_process_io_error: true", "mute_process_io_error: false", id="log-only"),
    ],
)
def test_settings_that_mean_the_same_are_the_same(first: str, second: str) -> None:
    scrape = plan(f"{{process: {{{first}}}}}", f"{{process: {{{second}}}}}")
    assert of(scrape, "a") == of(scrape, "b") == StandIn()


DIFFERENCES = [
    pytest.param("{process: {scrape_process_delay: 5s}}", "{process: }", "scrape_process_delay", id="delay"),
    pytest.param(
        "{process: {metrics: {process.cpu.time: {attributes: []}}}}", "{process: }", "attributes", id="metric-attributes"
    ),
    pytest.param(
        "{process: {metrics: {process.cpu.time: {aggregation_strategy: avg}}}}",
        "{process: {metrics: {process.cpu.time: {aggregation_strategy: sum}}}}",
        "process.metrics.process.cpu.time.aggregation_strategy",
        id="aggregation",
    ),
    pytest.param(
        "{process: {metrics: {process.new: {enabled: true}}}}", "{process: }", "enabled", id="unknown-default"
    ),
    pytest.param(
        "{process: {metrics: {'process.cpu.time@v1': {enabled: true}}}}",
        "{process: {metrics: {'process.cpu.time@v1': {enabled: false}}}}",
        "enabled",
        id="shape-of-a-metric",
    ),
    pytest.param(
        "{process: {resource_attributes: {process.owner: {new: 1}}}}", "{process: }", "new", id="unknown-attribute-setting"
    ),
    pytest.param(
        "{disk: {include: {match_type: strict, devices: [a]}}}", "{disk: }", "disk.include", id="devices"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "key"), DIFFERENCES)
def test_differences_that_no_processor_makes_up_for_are_refused(
    first: str, second: str, key: str
) -> None:
    option = key.rpartition(".")[2]
    with pytest.raises(
        InvalidInputError,
        match=rf"^{option}: .* at a\.yaml:3:\d+, .* at b\.yaml:3:\d+: one scrape .* --ignore {option}$",
    ):
        plan(first, second)


@pytest.mark.parametrize(("first", "second", "key"), DIFFERENCES)
def test_differences_that_are_accepted_are_named(first: str, second: str, key: str) -> None:
    scrape = plan(first, second, ignore=frozenset({key}))
    (ignored,) = scrape.ignored
    assert ignored.endswith("; both ran with the first")


def test_the_first_value_runs_where_a_difference_is_accepted() -> None:
    scrape = plan(
        "{process: {scrape_process_delay: 5s}}", "{process: {scrape_process_delay: 9s}}",
        ignore=frozenset({"process.scrape_process_delay"}),
    )  # fmt: skip
    assert scrapers_of(scrape)["process"]["scrape_process_delay"] == "5s"


def test_options_of_the_receiver_must_agree_too() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^root_path: '/h' at a\.yaml:3:5, '' at b\.yaml:2:3: "
    ):
        plan("{process: }", "{process: }", options=("root_path: /h", ""))


def test_an_option_is_ignored_by_its_own_name_only() -> None:
    with pytest.raises(InvalidInputError, match=r"^timeout: "):
        plan(
            "{process: }",
            "{process: }",
            options=("timeout: 1s", ""),
            ignore=frozenset({"out", "imeout"}),
        )


def test_dollars_reach_the_collector_unchanged() -> None:
    settings = "{process: {include: {match_type: regexp, names: ['^a$$']}}}"
    scrape = plan(settings, settings)
    assert scrapers_of(scrape)["process"]["include"]["names"] == ["^a$$"]
