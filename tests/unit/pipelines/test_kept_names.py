import pytest
from tests.pipeline_builders import a_configuration, with_scrapers

from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.kept_names import kept_names

FILTERED = """
receivers:
  host_metrics: {{scrapers: {{process: {{}}}}}}
processors:
  filter/names:
    metrics:
      metric: ['{condition}']
  filter/other:
    metrics:
      metric: ['resource.attributes["process.executable.name"] != "beside"']
exporters:
  otlp_http: {{endpoint: "http://127.0.0.1:4318"}}
service:
  pipelines:
    metrics: {{receivers: [host_metrics], processors: [filter/names], exporters: [otlp_http]}}
"""
NAME = 'resource.attributes["process.executable.name"]'


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        pytest.param(f'{NAME} != "nginx"', {"nginx"}, id="one-name"),
        pytest.param(
            f'not IsMatch({NAME}, "^(nginx|php.*)$$")', {"nginx", "/php.*/"}, id="expression"
        ),
        pytest.param(f'{NAME} == "nginx"', set[str](), id="drops-a-name"),
        pytest.param(
            'resource.attributes["process.owner"] != "root"', set[str](), id="another-attribute"
        ),
        pytest.param('name != "process.cpu.time"', set[str](), id="metric-names"),
    ],
)
def test_names_are_those_that_a_processor_of_these_keeps(condition: str, names: set[str]) -> None:
    configuration = a_configuration(FILTERED.format(condition=condition))
    assert kept_names(configuration, ["filter/names"]) == names


def test_a_receiver_that_scrapes_only_some_names_keeps_them() -> None:
    configuration = with_scrapers(
        "{process: {include: {match_type: strict, names: [nginx, redis]}}}"
    )
    assert kept_names(configuration, ["filter/phoenix_receiver"]) == {"nginx", "redis"}


def test_the_names_of_the_priority_entry_are_known() -> None:
    entry = catalog.get("process-priority-v1").configuration
    names = kept_names(entry, ["filter/priority"])
    assert {"postgres", "nginx", "/clickhouse.*/", "beam.smp"} <= names
