"""Running the real collector for a moment, and reading what it wrote."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phoenix_platform.pipelines.emission import write_document


def refusal_of(
    binary: Path, config: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> str | None:
    """What the collector's own `validate` says against a configuration; None if nothing."""
    file = folder / "config.yaml"
    file.write_text(write_document(dict(config)), "utf-8")
    done = subprocess.run(
        [binary, "validate", "--config", file],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=dict(environment),
    )
    return None if done.returncode == 0 else done.stderr


@dataclass(frozen=True, slots=True)
class Emitted:
    """What reached a file exporter, apart from values and times."""

    names: frozenset[str]
    """Executable names of processes."""
    metrics: frozenset[str]
    attributes: frozenset[str]
    """Keys of resource attributes."""


def run_until_written(
    binary: Path, config: Mapping[str, Any], files: list[Path], folder: Path
) -> None:
    """Run until every file has two lines: two requests, thus two scrapes."""
    file = folder / "config.yaml"
    file.write_text(write_document(dict(config)), "utf-8")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([binary, "--config", file], stderr=log)
    try:
        deadline = time.monotonic() + 20
        while any(not path.exists() or path.read_text("utf-8").count("\n") < 2 for path in files):
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            assert time.monotonic() < deadline, "nothing was written within 20 s"
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(10)


def emitted(path: Path) -> Emitted:
    names, metrics, attributes = set[str](), set[str](), set[str]()
    for line in path.read_text("utf-8").splitlines():
        for resource in json.loads(line).get("resourceMetrics", []):
            values = {
                entry["key"]: next(iter(entry["value"].values()), "")
                for entry in resource["resource"].get("attributes", [])
            }
            attributes |= set(values)
            names |= {str(values[key]) for key in values if key == "process.executable.name"}
            metrics |= {
                metric["name"] for scope in resource["scopeMetrics"] for metric in scope["metrics"]
            }
    return Emitted(frozenset(names), frozenset(metrics), frozenset(attributes))
