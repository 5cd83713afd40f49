from datetime import timedelta
from typing import Any

import pytest
from tests.pipeline_builders import MINIMAL, a_configuration, a_request

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.streams import Stream, plan_streams


def plan(
    exporters: str, *, chosen: str | None = None, extensions: str = "", target: Target | None = None
) -> tuple[Stream, ...]:
    text = MINIMAL.replace(
        "exporters:\n  otlp_http:\n    endpoint: http://vendor.example\n",
        f"exporters: {exporters}\n",
    )
    configuration = a_configuration(
        f"extensions: {extensions}\n" + text.replace("[otlp_http]", "[first]")
    )
    ids = tuple(configuration.components[Kind.EXPORTER])
    request = a_request(
        meter_url="http://127.0.0.1:9/",
        exporter=chosen,
        target=target or Target(),
        environment={"FLUSH": "7s"},
    )
    return plan_streams(configuration, ids, variant="candidate", request=request)


def only(settings: str) -> Stream:
    (stream,) = plan(f"{{first: {settings}}}")
    return stream


def settings_of(stream: Stream) -> Any:
    return thawed(dict(stream.settings))


def test_an_exporter_becomes_a_stream_to_the_meter() -> None:
    (stream,) = plan("{first: {endpoint: http://vendor.example, headers: {api-key: secret}}}")
    assert stream.stream.id == "first"
    assert stream.stream.component == "otlp_http/phoenix_first"
    assert stream.stream.path == "/candidate/first/v1/metrics"
    assert stream.stream.is_judged
    assert settings_of(stream) == {
        "metrics_endpoint": "http://127.0.0.1:9/candidate/first/v1/metrics",
        "compression": "gzip",
        "sending_queue": {"enabled": True, "num_consumers": 1},
        "retry_on_failure": {
            "enabled": True,
            "initial_interval": "100ms",
            "max_interval": "1s",
            "max_elapsed_time": "30s",
        },
    }
    assert stream.holds_for == timedelta(0)


def test_an_older_target_gets_the_older_name() -> None:
    (stream,) = plan("{first: }", target=Target(version=(0, 143, 0)))
    assert stream.stream.component == "otlphttp/phoenix_first"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("{compression: zstd, compression_params: {level: 3}}", {"compression": "zstd", "compression_params": {"level": 3}}),
        ("{compression: none, compression_params: {level: 3}}", {"compression": "none"}),
        ("{compression: ''}", {"compression": "none"}),
        ("{compression: snappy}", {"compression": "gzip"}),
        ("{compression: {}}", {"compression": "none"}),
        ("{compression: {a: 1}}", {"compression": "gzip"}),
    ],
)  # fmt: skip
def test_compression_that_the_meter_reads_stays(written: str, kept: dict[str, Any]) -> None:
    settings = settings_of(only(written))
    assert {key: value for key, value in settings.items() if key.startswith("compression")} == kept


def test_another_compression_is_named() -> None:
    assert "compression snappy replaced by gzip" in only("{compression: snappy}").notes[0]


@pytest.mark.parametrize(
    "written", ["{sending_queue: {enabled: false}}", "{sending_queue: }", "{sending_queue: 5}"]
)
def test_the_queue_is_always_on(written: str) -> None:
    assert settings_of(only(written))["sending_queue"] == {"enabled": True, "num_consumers": 1}


def test_a_queue_that_was_off_is_named() -> None:
    assert "sending_queue was off" in only("{sending_queue: {enabled: false}}").notes[0]


def test_queue_settings_stay_but_one_consumer_keeps_the_order() -> None:
    stream = only(
        "{sending_queue: {queue_size: 5, num_consumers: 9, wait_for_result: true, batch: {flush_timeout: 3s}}}"
    )
    assert settings_of(stream)["sending_queue"] == {
        "queue_size": 5, "enabled": True, "num_consumers": 1, "batch": {"flush_timeout": "3s"},
    }  # fmt: skip
    assert stream.holds_for == timedelta(seconds=3)
    assert "wait_for_result left out" in stream.notes[0]


def test_a_batching_queue_holds_points_for_its_default_time() -> None:
    assert only("{sending_queue: {batch: {}}}").holds_for == timedelta(milliseconds=200)


def test_a_flush_timeout_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInputError, match=r"^a\.yaml:\d+:\d+: flush_timeout: not a duration"):
        only("{sending_queue: {batch: {flush_timeout: soon}}}")


def test_a_queue_on_disk_stays_on_disk() -> None:
    (stream,) = plan(
        "{first: {sending_queue: {storage: file_storage/q}}}", extensions="{file_storage/q: }"
    )
    assert settings_of(stream)["sending_queue"]["storage"] == "file_storage/q"


@pytest.mark.parametrize("storage", ["db_storage", "nowhere", "1"])
def test_a_queue_elsewhere_is_kept_in_memory_and_named(storage: str) -> None:
    (stream,) = plan(
        f"{{first: {{sending_queue: {{storage: {storage}}}}}}}", extensions="{db_storage: }"
    )
    assert "storage" not in settings_of(stream)["sending_queue"]
    assert f"sending_queue.storage {storage} left out" in stream.notes[0]


@pytest.mark.parametrize(
    ("exporter", "note"),
    [
        ("prometheus", "Prometheus labels may be fewer"),
        ("kafka/x", "not as what kafka makes of it"),
    ],
)
def test_what_the_counts_mean_is_named(exporter: str, note: str) -> None:
    streams = plan(f"{{first: , {exporter}: }}", chosen="first")
    assert any(note in line for line in streams[1].notes)


def test_the_chosen_exporter_is_judged() -> None:
    streams = plan("{otlp: , first: }", chosen="first")
    assert [(stream.stream.id, stream.stream.is_judged) for stream in streams] == [
        ("otlp", False),
        ("first", True),
    ]


def test_a_single_exporter_is_judged_whatever_is_chosen_for_the_other_variant() -> None:
    assert only("{}").stream.is_judged
    assert plan("{first: }", chosen="other")[0].stream.is_judged


@pytest.mark.parametrize(
    ("chosen", "message"), [(None, "several"), ("other", "'other' is none of them")]
)
def test_several_exporters_need_a_choice(chosen: str | None, message: str) -> None:
    with pytest.raises(
        InvalidInputError, match=rf"exporter: {message}.*--exporter: otlp, first \(candidate\)"
    ):
        plan("{otlp: , first: }", chosen=chosen)


def test_every_stream_has_a_path_of_its_own() -> None:
    streams = plan("{first/a: , first_a: , 'first/ä': , first: }", chosen="first")
    paths = [stream.stream.path for stream in streams]
    assert paths == [
        f"/candidate/{name}/v1/metrics" for name in ("first_a", "first_a_2", "first_", "first")
    ]
