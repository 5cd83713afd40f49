import pytest
from tests.pipeline_builders import a_configuration

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.ledger_paths import ledger_paths


def with_ledgers(first: str, second: str = "{}") -> Configuration:
    return a_configuration(f"""
receivers:
  host_metrics: {{scrapers: {{process: {{}}}}}}
processors:
  reduce: {first}
  reduce/two: {second}
  reduce/unused: {{ledger: {{path: /unused, max_megabytes: 1}}}}
  batch: {{}}
exporters:
  otlp_http: {{endpoint: "http://127.0.0.1:4318"}}
service:
  pipelines:
    metrics: {{receivers: [host_metrics], processors: [reduce, reduce/two, batch], exporters: [otlp_http]}}
""")


def test_every_ledger_of_a_processor_that_runs_is_found_once() -> None:
    ledger = "{ledger: {path: /var/lib/a, max_megabytes: 1}}"
    assert ledger_paths(with_ledgers(ledger, ledger), {}) == ("/var/lib/a",)
    other = with_ledgers(ledger, "{ledger: {path: /var/lib/b, max_megabytes: 1}}")
    assert ledger_paths(other, {}) == ("/var/lib/a", "/var/lib/b")


def test_a_configuration_without_a_ledger_has_no_path() -> None:
    assert ledger_paths(with_ledgers("{}", "{ledger: null}"), {}) == ()


def test_a_path_is_read_as_the_collector_reads_it() -> None:
    configuration = with_ledgers("{ledger: {path: '${env:STATE:-/state}/l', max_megabytes: 1}}")
    assert ledger_paths(configuration, {}) == ("/state/l",)
    assert ledger_paths(configuration, {"STATE": "/else"}) == ("/else/l",)


@pytest.mark.parametrize("path", ["'${env:STATE}'", "' '", "null", "7", "'${file:/etc/path}'"])
def test_what_is_no_path_is_refused_with_its_place(path: str) -> None:
    configuration = with_ledgers(f"{{ledger: {{path: {path}, max_megabytes: 1}}}}")
    with pytest.raises(InvalidInputError, match=r"^a\.yaml:5:\d+: reduce: ledger\.path: "):
        ledger_paths(configuration, {})
