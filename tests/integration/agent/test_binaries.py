"""Which collector is used, and what is said about those that are none."""

from dataclasses import replace
from pathlib import Path

import pytest

from phoenix_platform.agent.binaries import (
    BinarySource,
    CollectorBinary,
    find_collector,
    inspect,
    missing_components,
)
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.errors import NotFoundError, UnavailableError
from phoenix_platform.pipelines.components import Kind

COMPONENTS = """\
buildinfo: {command: otelcol-x, version: 9.9.9}
receivers:
  - name: hostmetrics
    module: github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver v0.149.0
  - {name: otlp, module: go.opentelemetry.io/collector/receiver/otlpreceiver v0.149.0}
processors: []
exporters:
  - {name: nop, module: go.opentelemetry.io/collector/exporter/nopexporter v0.148.0}
  - {name: ours, module: example.com/ours v0.1.0}
"""


def a_program(
    path: Path, *, version: str = "otelcol-x version 9.9.9", components: str = COMPONENTS
) -> Path:
    """A program that answers like a collector."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!/bin/sh\ncase $1 in --version) echo '{version}';; *) cat <<'E'\n{components}E\nesac\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentSettings:
    """A home without any collector."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return AgentSettings(
        collector=None, cache_directory=tmp_path / "cache", data_directory=tmp_path / "data"
    )


def test_a_binary_says_what_it_is_and_what_it_has(tmp_path: Path) -> None:
    binary = inspect(a_program(tmp_path / "x"))
    assert (binary.distribution, binary.version) == ("otelcol-x", "9.9.9")
    assert (binary.upstream_version, binary.build_id) == ("0.149.0", None)
    assert binary.components[Kind.RECEIVER] == {"hostmetrics", "otlp"}
    assert binary.components[Kind.CONNECTOR] == frozenset()
    assert len(binary.sha256) == 64


def test_the_first_in_the_order_of_precedence_is_used(
    settings: AgentSettings, tmp_path: Path
) -> None:
    found: list[BinarySource] = []
    a_program(tmp_path / "path" / "otelcol-contrib")
    found.append(find_collector(None, settings).source)
    a_program(settings.built_collector)
    found.append(find_collector(None, settings).source)
    a_program(settings.installed_collector)
    found.append(find_collector(None, settings).source)
    in_environment = settings.model_copy(update={"collector": a_program(tmp_path / "env")})
    found.append(find_collector(None, in_environment).source)
    found.append(find_collector(a_program(tmp_path / "named"), in_environment).source)
    assert found == [
        BinarySource.PATH,
        BinarySource.BUILT,
        BinarySource.INSTALLED,
        BinarySource.ENVIRONMENT,
        BinarySource.NAMED,
    ]


def test_without_any_the_message_says_how_to_get_one(settings: AgentSettings) -> None:
    with pytest.raises(
        NotFoundError, match=r"no collector on this host; .*make collector.*install --from"
    ):
        find_collector(None, settings)


def test_a_named_one_that_is_not_there_is_not_replaced_by_another(
    settings: AgentSettings, tmp_path: Path
) -> None:
    a_program(settings.built_collector)
    with pytest.raises(NotFoundError, match=r"--collector: .*missing does not exist"):
        find_collector(tmp_path / "missing", settings)
    gone = settings.model_copy(update={"collector": tmp_path / "gone"})
    with pytest.raises(NotFoundError, match=r"PHOENIX_COLLECTOR: .*gone does not exist"):
        find_collector(None, gone)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            "#!/bin/sh\necho GNU version 3 or later", "names no version", id="another-program"
        ),
        pytest.param("#!/bin/sh\necho no luck >&2; exit 3", "exit code 3: no luck", id="fails"),
        pytest.param("#!/bin/sh\nexit 3", "exit code 3: no word of why", id="fails-silently"),
        pytest.param("\x7fELF nonsense", "for another system or processor", id="another-processor"),
        pytest.param(
            "#!/bin/sh\n[ $1 = components ] || echo x version 1.0.0",
            "not what a collector prints",
            id="no-list",
        ),
        pytest.param(
            "#!/bin/sh\n[ $1 = components ] && echo 'receivers: 3' || echo x version 1.0.0",
            "not what a collector prints",
            id="malformed-list",
        ),
    ],
)
def test_what_is_no_collector_is_named_with_the_reason(
    tmp_path: Path, script: str, words: str
) -> None:
    program = tmp_path / "x"
    program.write_text(script)
    program.chmod(0o755)
    with pytest.raises(UnavailableError, match=words):
        inspect(program)


def test_a_file_without_the_right_to_run_is_named_with_the_fix(tmp_path: Path) -> None:
    program = a_program(tmp_path / "x")
    program.chmod(0o644)
    with pytest.raises(UnavailableError, match=r"not executable; chmod \+x"):
        inspect(program)


def test_what_is_missing_is_named_by_kind_and_newest_type(tmp_path: Path) -> None:
    binary = inspect(a_program(tmp_path / "x"))
    needed = {
        Kind.RECEIVER: ["host_metrics", "filelog"],
        Kind.EXPORTER: ["otlphttp", "otlp_http", "nop"],
        Kind.EXTENSION: [],
    }
    assert missing_components(binary, needed) == {
        Kind.RECEIVER: ("file_log",),
        Kind.EXPORTER: ("otlp_http",),
    }


@pytest.mark.collector
def test_the_collector_of_this_host_reports_its_version_and_components(
    collector: CollectorBinary,
) -> None:
    again = inspect(collector.path)
    assert replace(again, source=collector.source) == collector
    assert {"host_metrics", "otlp"} <= collector.components[Kind.RECEIVER]
    assert collector.upstream_version is not None
    if collector.distribution == "phoenix-otelcol":
        assert collector.version == f"0.1.0+{collector.build_id}"
