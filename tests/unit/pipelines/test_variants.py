from datetime import timedelta
from typing import Any

import pytest
from tests.pipeline_builders import MINIMAL, a_configuration, a_request, with_scrapers

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.topologies import Topology, TopologyRequest
from phoenix_platform.pipelines.variants import plan_topology

PARTS = """\
receivers:
  host_metrics/cpu: {collection_interval: 60s, scrapers: {cpu: }}
  host_metrics/process: {collection_interval: 60s, scrapers: {process: }}
processors:
  batch:
  batch/slow: {timeout: 5s}
  interval: {interval: 90s}
  filter/x: {metrics: {metric: ['name == "a"']}}
  filter/phoenix_receiver: {metrics: {metric: ['name == "b"']}}
  cumulativetodelta/y:
  resource/env: {attributes: [{key: k, value: "${env:SOMEWHERE}", action: upsert}]}
exporters: {otlp_http: , debug: , otlp_http/disk: {sending_queue: {storage: file_storage/q}}}
connectors: {forward: }
extensions: {health_check: , file_storage/q: {directory: /var/q, compaction: {directory: /var/c, on_start: true}}}
service:
  extensions: [health_check, file_storage/q]
  telemetry: {metrics: {level: detailed}, traces: {processors: []}}
  pipelines:
"""


def plan_with(*pipelines: str, **changes: Any) -> Topology:
    """The catalog's baseline against a candidate with these pipelines."""
    text = PARTS + "".join(f"    {pipeline}\n" for pipeline in pipelines)
    baseline = catalog.get("process-baseline-v1").configuration
    return plan_topology(baseline, a_configuration(text, name="c.yaml"), a_request(**changes))


def service_of(config: dict[str, Any]) -> Any:
    return config["service"]["pipelines"]


PLAIN = "metrics: {receivers: [host_metrics/process], exporters: [otlp_http]}"


def test_the_source_scrapes_and_sends_to_the_meter() -> None:
    source = plan_with(PLAIN).source
    assert source["receivers"]["host_metrics"]["collection_interval"] == "1s"
    assert (
        source["exporters"]["otlp_http"]["metrics_endpoint"]
        == "http://127.0.0.1:9000/source/v1/metrics"
    )
    assert source["exporters"]["otlp_http"]["compression"] == "none"
    assert source["exporters"]["otlp_http"]["sending_queue"]["num_consumers"] == 1
    assert service_of(source) == {
        "metrics": {"receivers": ["host_metrics"], "exporters": ["otlp_http"]}
    }


def test_a_variant_listens_for_scrapes_and_sends_to_the_meter() -> None:
    candidate = plan_with(PLAIN).candidate
    assert candidate.config["receivers"] == {
        "otlp/phoenix": {
            "protocols": {
                "http": {"endpoint": "127.0.0.1:9004", "max_request_body_size": 64 * 2**20}
            }
        }
    }
    assert candidate.judged.path == "/candidate/otlp_http/v1/metrics"
    assert service_of(candidate.config)["metrics"]["exporters"] == ["otlp_http/phoenix_otlp_http"]


def test_every_collector_has_its_own_telemetry_and_none_of_the_users() -> None:
    topology = plan_with(PLAIN, instance="run-1")
    for config, port, instance in (
        (topology.source, 9001, "run-1-source"),
        (topology.baseline.config, 9003, "run-1-baseline"),
        (topology.candidate.config, 9005, "run-1-candidate"),
    ):
        assert config["service"]["telemetry"] == {
            "resource": {"service.instance.id": instance},
            "logs": {"level": "info"},
            "metrics": {
                "level": "normal",
                "readers": [
                    {
                        "pull": {
                            "exporter": {
                                "prometheus": {
                                    "host": "127.0.0.1",
                                    "port": port,
                                    "without_type_suffix": True,
                                    "without_units": True,
                                    "without_scope_info": True,
                                }
                            }
                        }
                    }
                ],
            },
        }


def test_own_processors_and_connectors_stay_unchanged_behind_the_stand_ins() -> None:
    topology = plan_with(
        "metrics/in: {receivers: [host_metrics/process], processors: [filter/x, batch], exporters: [forward]}",
        "metrics/out: {receivers: [forward], processors: [cumulativetodelta/y], exporters: [otlp_http]}",
    )
    config = topology.candidate.config
    assert config["processors"] == {
        "filter/x": {"metrics": {"metric": ['name == "a"']}},
        "batch": {},
        "cumulativetodelta/y": {},
    }
    assert config["connectors"] == {"forward": {}}
    assert service_of(config)["metrics/in"] == {
        "receivers": ["otlp/phoenix"],
        "processors": ["filter/x", "batch"],
        "exporters": ["forward"],
    }
    assert service_of(config)["metrics/out"]["receivers"] == ["forward"]
    assert topology.candidate.stand_ins == ()


def test_each_pipeline_sees_what_its_own_receivers_would_emit() -> None:
    candidate = plan_with(
        "metrics/a: {receivers: [host_metrics/cpu], exporters: [otlp_http]}",
        "metrics/b: {receivers: [host_metrics/process, host_metrics/cpu], exporters: [otlp_http]}",
    ).candidate
    assert candidate.stand_ins == ("filter/phoenix_receiver_metrics_a",)
    assert service_of(candidate.config)["metrics/a"]["processors"] == [
        "filter/phoenix_receiver_metrics_a"
    ]
    assert service_of(candidate.config)["metrics/b"] == {
        "receivers": ["otlp/phoenix"],
        "processors": [],
        "exporters": ["otlp_http/phoenix_otlp_http"],
    }


def test_a_stand_in_gets_a_name_of_its_own() -> None:
    candidate = plan_with(
        "metrics: {receivers: [host_metrics/cpu], processors: [filter/phoenix_receiver], exporters: [otlp_http]}"
    ).candidate
    assert candidate.stand_ins == ("filter/phoenix_receiver_",)
    assert service_of(candidate.config)["metrics"]["processors"] == [
        "filter/phoenix_receiver_",
        "filter/phoenix_receiver",
    ]


def test_stand_ins_filter_before_they_delete_what_the_filter_looks_at() -> None:
    topology = plan_topology(
        with_scrapers("{process: }"),
        with_scrapers(
            "{process: {include: {match_type: regexp, names: ['a$$']}, resource_attributes: {process.executable.name: {enabled: false}}}}"
        ),
        a_request(),
    )
    candidate = topology.candidate
    assert candidate.stand_ins == ("filter/phoenix_receiver", "transform/phoenix_receiver")
    (condition,) = candidate.config["processors"]["filter/phoenix_receiver"]["metrics"]["metric"]
    assert condition.endswith('(IsMatch(resource.attributes["process.executable.name"], "a$$"))')
    assert candidate.config["processors"]["transform/phoenix_receiver"] == {
        "error_mode": "ignore",
        "metric_statements": [
            {
                "context": "resource",
                "statements": ['delete_key(attributes, "process.executable.name")'],
            }
        ],
    }
    assert candidate.drops_with == ("filter/phoenix_receiver",)


def test_one_scraper_twice_in_a_pipeline_is_refused() -> None:
    text = MINIMAL.replace(
        "exporters:\n  o", "  host_metrics/2: {scrapers: {process: }}\nexporters:\n  o"
    ).replace("[host_metrics]", "[host_metrics, host_metrics/2]")
    with pytest.raises(
        InvalidInputError,
        match=r"^a\.yaml:6:31: pipeline metrics gets the scraper process from host_metrics and",
    ):
        plan_topology(a_configuration(text), a_configuration(), a_request())


@pytest.mark.parametrize(
    ("processors", "dropping"),
    [
        (
            "[filter/x, batch, cumulativetodelta/y, interval, resource/env]",
            ("filter/x", "resource/env"),
        ),
        ("[batch]", ()),
    ],
)
def test_processors_that_may_drop_processes_are_named_in_order(
    processors: str, dropping: tuple[str, ...]
) -> None:
    line = f"metrics: {{receivers: [host_metrics/process], processors: {processors}, exporters: [otlp_http]}}"
    topology = plan_with(line, environment={"SOMEWHERE": "x"})
    assert topology.candidate.drops_with == dropping


def test_processors_beside_the_judged_stream_drop_nothing_from_it() -> None:
    topology = plan_with(
        PLAIN,
        "metrics/x: {receivers: [host_metrics/process], processors: [filter/x], exporters: [debug]}",
        exporter="otlp_http",
    )
    assert topology.candidate.drops_with == ()
    assert [(stream.id, stream.is_judged) for stream in topology.candidate.exporters] == [
        ("otlp_http", True),
        ("debug", False),
    ]


def test_batching_delays_along_the_whole_path() -> None:
    topology = plan_with(
        "metrics/in: {receivers: [host_metrics/process], processors: [batch/slow], exporters: [forward]}",
        "metrics/out: {receivers: [forward], processors: [batch], exporters: [otlp_http]}",
    )
    assert topology.baseline.holds_for == timedelta(0)
    assert topology.candidate.holds_for == timedelta(seconds=5.2)


def test_an_interval_processor_sets_how_often_a_variant_emits() -> None:
    topology = plan_with(
        "metrics: {receivers: [host_metrics/process], processors: [interval], exporters: [otlp_http]}"
    )
    assert topology.baseline.emits_every == timedelta(seconds=1)
    assert topology.candidate.emits_every == timedelta(seconds=90)
    assert (
        "candidate: an interval processor emits every 90 s, which is 90 scrapes of the trial"
        in topology.notes
    )


def test_a_duration_that_is_none_is_refused_with_its_place() -> None:
    text = MINIMAL.replace(
        "exporters:\n  o", "processors:\n  batch: {timeout: soon}\nexporters:\n  o"
    ).replace("      exporters", "      processors: [batch]\n      exporters")
    with pytest.raises(InvalidInputError, match=r"^a\.yaml:7:11: timeout: not a duration: 'soon'"):
        plan_topology(a_configuration(text), a_configuration(), a_request())


@pytest.mark.parametrize(
    ("baseline", "candidate", "every"),
    [
        ("60s", "60s", (1, 1)),
        ("60s", "1m0s", (1, 1)),
        ("10s", "60s", (1, 6)),
        ("2m", "30s", (4, 1)),
    ],
)
def test_the_longer_interval_gets_every_nth_scrape(
    baseline: str, candidate: str, every: tuple[int, int]
) -> None:
    topology = plan_topology(
        with_scrapers("{process: }", options=f"collection_interval: {baseline}"),
        with_scrapers("{process: }", options=f"collection_interval: {candidate}"),
        a_request(interval=timedelta(seconds=2)),
    )
    assert (topology.baseline.relay_every, topology.candidate.relay_every) == every
    assert topology.baseline.emits_every == every[0] * timedelta(seconds=2)
    assert topology.candidate.emits_every == every[1] * timedelta(seconds=2)


def test_what_the_trials_interval_stands_for_is_noted() -> None:
    topology = plan_topology(
        with_scrapers("{process: }", options="collection_interval: 10s"),
        with_scrapers(
            "{process: {metrics: {process.cpu.utilization: {enabled: true}}}}",
            options="collection_interval: 60s",
        ),
        a_request(),
    )
    assert topology.notes == (
        "the trial's interval of 1 s stands for a collection_interval of 10 s",
        "candidate: gets one scrape in 6 (collection_interval 60 s); cpu.utilization covers the last scrape only",
    )


def test_intervals_without_a_whole_ratio_are_refused_or_ignored() -> None:
    variants = [
        with_scrapers("{process: }", options=f"collection_interval: {n}s", name=f"{n}.yaml")
        for n in (10, 25)
    ]
    with pytest.raises(
        InvalidInputError, match=r"^25\.yaml:3:5: .*10 s at 10\.yaml:2:3, 25 s.*no whole number"
    ):
        plan_topology(variants[0], variants[1], a_request())
    accepted = plan_topology(
        variants[0], variants[1], a_request(ignore=frozenset({"collection_interval"}))
    )
    assert (accepted.baseline.relay_every, accepted.candidate.relay_every) == (1, 1)
    assert accepted.ignored[0].endswith("; both got every scrape")


def test_receivers_of_one_variant_need_one_interval() -> None:
    text = PARTS.replace(
        "{collection_interval: 60s, scrapers: {cpu: }}",
        "{collection_interval: 10s, scrapers: {cpu: }}",
    )
    both = "metrics: {receivers: [host_metrics/cpu, host_metrics/process], exporters: [otlp_http]}"
    candidate = a_configuration(f"{text}    {both}\n", name="c.yaml")
    with pytest.raises(
        InvalidInputError, match=r"^c\.yaml:3:26: .*all host_metrics receivers of a variant"
    ):
        plan_topology(candidate, candidate, a_request())
    accepted = plan_topology(
        candidate, candidate, a_request(ignore=frozenset({"collection_interval"}))
    )
    assert len(accepted.ignored) == 2


def test_extensions_run_only_where_something_refers_to_them() -> None:
    candidate = plan_with(
        "metrics: {receivers: [host_metrics/process], exporters: [otlp_http/disk]}"
    ).candidate
    own = "/run/trial/candidate/file_storage_q"
    assert candidate.config["extensions"] == {
        "file_storage/q": {"directory": own, "compaction": {"directory": own, "on_start": True}}
    }
    assert candidate.config["service"]["extensions"] == ["file_storage/q"]
    assert candidate.folders == (own,)
    assert "extensions" not in plan_with(PLAIN).candidate.config


REDUCING = (
    "metrics: {receivers: [host_metrics/process], processors: [reduce/x], exporters: [otlp_http]}"
)


def plan_reduce(settings: str) -> Topology:
    text = PARTS.replace("processors:\n", f"processors:\n  reduce/x: {settings}\n", 1)
    configuration = a_configuration(f"{text}    {REDUCING}\n", name="c.yaml")
    return plan_topology(a_configuration(), configuration, a_request())


def test_reduce_keeps_its_settings_and_writes_its_ledger_apart_from_productions() -> None:
    topology = plan_reduce(
        "{critical: ['nginx*'], ledger: {path: /var/l, max_megabytes: 4}, storage: file_storage/q}"
    )
    candidate = topology.candidate
    ledger, storage = "/run/trial/candidate/reduce_x", "/run/trial/candidate/file_storage_q"
    assert candidate.config["processors"]["reduce/x"] == {
        "critical": ["nginx*"],
        "ledger": {"path": f"{ledger}/ledger.jsonl", "max_megabytes": 4},
        "storage": "file_storage/q",
    }
    assert candidate.config["extensions"]["file_storage/q"]["directory"] == storage
    assert candidate.folders == (ledger, storage)
    assert candidate.drops_with == ("reduce/x",)
    assert not [note for note in topology.notes if "reduce" in note]


def test_reduce_without_files_needs_no_folder() -> None:
    candidate = plan_reduce("{top_k: {cpu: 1}, ledger: }").candidate
    assert candidate.config["processors"]["reduce/x"] == {"top_k": {"cpu": 1}, "ledger": None}
    assert candidate.folders == ()


@pytest.mark.parametrize("storage", ["health_check", "redis_storage"])
def test_reduce_keeps_its_state_in_memory_where_its_storage_is_productions(storage: str) -> None:
    topology = plan_reduce(f"{{top_k: {{cpu: 1}}, storage: {storage}}}")
    assert topology.candidate.config["processors"]["reduce/x"] == {"top_k": {"cpu": 1}}
    (note,) = [note for note in topology.notes if "reduce" in note]
    assert note.startswith(
        f"candidate processor reduce/x (c.yaml:5:31): storage {storage} left out, its state is in memory"
    )


def test_extensions_that_extensions_refer_to_run_too() -> None:
    text = PARTS.replace(
        "health_check: ,", "encoding: {inner: health_check}, health_check: ,"
    ).replace(
        "batch/slow: {timeout: 5s}", "batch/slow: {timeout: 5s, with: encoding, again: encoding}"
    )
    line = "metrics: {receivers: [host_metrics/process], processors: [batch/slow], exporters: [otlp_http]}"
    candidate = plan_topology(
        a_configuration(), a_configuration(f"{text}    {line}\n"), a_request()
    ).candidate
    assert candidate.config["service"]["extensions"] == ["encoding", "health_check"]
    assert candidate.folders == ()


def test_unset_variables_get_dummies_and_are_listed() -> None:
    line = "metrics: {receivers: [host_metrics/process], processors: [resource/env], exporters: [otlp_http]}"
    topology = plan_with(line)
    assert topology.environment == {"SOMEWHERE": "phoenix-dummy"}
    assert "SOMEWHERE is not set; the trial sets it to 'phoenix-dummy'" in topology.notes
    assert plan_with(line, environment={"SOMEWHERE": ""}).environment == {}


def test_variables_of_exporters_that_are_replaced_need_nothing() -> None:
    text = MINIMAL.replace("http://vendor.example", "${env:VENDOR}")
    assert (
        plan_topology(a_configuration(text), a_configuration(text), a_request()).environment == {}
    )


def test_what_takes_no_part_is_named_with_its_variant() -> None:
    topology = plan_with(PLAIN, "logs: {receivers: [host_metrics/cpu], exporters: [debug]}")
    assert topology.not_measured == ("candidate: pipeline logs (c.yaml:20:5): another signal",)


def test_names_are_those_of_the_target() -> None:
    target = Target.of_components(
        {
            Kind.RECEIVER: ["hostmetrics", "otlp"],
            Kind.EXPORTER: ["otlphttp"],
            Kind.PROCESSOR: ["cumulativetodelta", "transform", "groupbyattrs"],
        }
    )
    stock = catalog.get("process-aggregated-stock-v1").configuration
    topology = plan_topology(stock, stock, a_request(target=target))
    assert list(topology.source["receivers"]) == ["hostmetrics"]
    assert list(topology.source["exporters"]) == ["otlphttp"]
    assert list(topology.candidate.config["exporters"]) == ["otlphttp/phoenix_otlp_http"]
    assert service_of(topology.candidate.config)["metrics"]["processors"][0] == "cumulativetodelta"
    assert next(iter(topology.candidate.config["processors"])) == "cumulativetodelta"


def test_what_the_target_lacks_is_named_with_its_place() -> None:
    target = Target.of_components({Kind.RECEIVER: ["host_metrics"], Kind.EXPORTER: ["otlp_http"]})
    line = (
        "metrics: {receivers: [host_metrics/cpu], processors: [filter/x], exporters: [otlp_http]}"
    )
    with pytest.raises(InvalidInputError) as caught:
        plan_with(line, target=target)
    assert str(caught.value) == (
        "the collector lacks the receiver otlp, the processor filter (c.yaml:8:3); "
        "name one that has them with --collector PATH"
    )


def test_an_interval_of_a_trial_is_above_zero() -> None:
    with pytest.raises(InvalidInputError, match=r"^interval: must be above zero"):
        a_request(interval=timedelta(0))


def test_a_request_needs_only_where_things_are() -> None:
    request: TopologyRequest = a_request()
    assert (request.exporter, request.ignore, request.environment) == (None, frozenset(), {})
