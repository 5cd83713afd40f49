"""What Python knows of the reduce processor is what its Go configuration says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from phoenix_platform.metering.metrics import ADDITIVITY_OF, RESOLUTION_OF, Additivity
from phoenix_platform.pipelines.exports.builds import BUILT_WITH, MODULE, SOURCE, VERSION
from phoenix_platform.pipelines.lint.distributions import show_version
from phoenix_platform.pipelines.reduce_settings import CHOICES, DEFAULTS, KEYS

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "collector/processor/reduceprocessor"
CONFIG: Final = (FOLDER / "config.go").read_text("utf-8")
STRUCT: Final = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD: Final = re.compile(r"^\t\w+ +(\S+) +`mapstructure:\"(\w+)\"`", re.MULTILINE)


def structs() -> dict[str, dict[str, str]]:
    """By name: the keys of each struct with the Go type behind it."""
    return {
        name: {key: type_ for type_, key in FIELD.findall(body)}
        for name, body in STRUCT.findall(CONFIG)
    }


def keys_of(
    name: str, known: dict[str, dict[str, str]], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    yield path, frozenset(known[name])
    for key, type_ in known[name].items():
        inner = type_.removeprefix("[]").removeprefix("*")
        if inner in known:
            yield from keys_of(inner, known, (*path, key))


def test_lint_knows_every_key_of_the_processor_and_no_other() -> None:
    assert dict(keys_of("Config", structs())) == dict(KEYS)


def test_the_words_of_a_choice_are_those_of_the_processor() -> None:
    known = {
        key: frozenset(re.findall(rf"^\t\w+ {type_} = \"(\w*)\"$", CONFIG, re.MULTILINE))
        for key, type_ in (("on_unknown", "OnUnknown"), ("output_temporality", "Temporality"))
    }
    assert known == dict(CHOICES)


def test_the_defaults_are_those_of_the_processor() -> None:
    (body,) = re.findall(r"func createDefaultConfig.*?return &Config\{\n(.*?)^\t\}", CONFIG, re.MULTILINE | re.DOTALL)  # fmt: skip
    written = dict(re.findall(r"(\w+): +([\d_]+)", body))
    assert int(written["Margin"]) == DEFAULTS["top_k", "margin"]
    assert int(written["LeaveAfter"]) == DEFAULTS["top_k", "leave_after"]
    assert int(written["BucketLinger"]) == DEFAULTS["bucket_linger",]
    assert int(written["ForgetAfter"]) == DEFAULTS["forget_after",]
    assert int(written["MaxProcesses"].replace("_", "")) == DEFAULTS["max_processes",]
    assert re.findall(r"OnUnknown: +OnUnknownKeep", body)


def test_metering_sums_the_metrics_that_the_processor_sums() -> None:
    metrics = (FOLDER / "metrics.go").read_text("utf-8")
    table = dict(re.findall(r"\"(process\.[\w.]+)\": +(increases|currentValues),", metrics))
    words = {Additivity.INCREASES: "increases", Additivity.CURRENT_VALUES: "currentValues"}
    assert table == {name: words[how] for name, how in ADDITIVITY_OF.items()}
    (steps,) = re.findall(r"resolutionOf = map\[string\]float64\{(.*?)\}", metrics)
    assert {name: float(step) for name, step in re.findall(r"\"([\w.]+)\": ([\d.]+)", steps)} == dict(RESOLUTION_OF)  # fmt: skip


def test_an_export_names_the_module_that_our_own_collector_is_built_with() -> None:
    assert f"module {MODULE}\n" in (FOLDER / "go.mod").read_text("utf-8")
    manifest = (ROOT / "collector/manifest.yaml").read_text("utf-8")
    assert f"- gomod: {MODULE} {VERSION}" in manifest
    assert f"receiver/hostmetricsreceiver v{show_version(BUILT_WITH)}\n" in manifest
    assert (ROOT / SOURCE).samefile(FOLDER)
