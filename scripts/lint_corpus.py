"""Lint the public configurations that tests/lint_corpus.json lists, and write what was found.

    scripts/lint_corpus.py FOLDER [COLLECTOR]

FOLDER has a clone of each repository, as OWNER+NAME or OWNER+NAME/repo, or the files, named by their sha256
with `.yaml`. The files are not ours and not stored; their hashes are checked. Findings go to
tests/lint_corpus_findings.json: the diff of it is what a change of a rule does to real configurations.

With COLLECTOR every file is also mended as by `--fix` for the release of that binary, which must accept it
if it accepts the original. Components that the binary lacks are replaced by `nop` (processors and extensions
left out) in both; what else it refuses is counted.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, canonical_type, parse_component_id
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.lint.distributions import PHOENIX, Standing, get_distribution
from phoenix_platform.pipelines.lint.linting import fixed, lint

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/lint_corpus.json"
FINDINGS = ROOT / "tests/lint_corpus_findings.json"


def main() -> int:
    named, *more = sys.argv[1:]
    folder, collector = Path(named), more[0] if more else None
    files = json.loads(LIST.read_text("utf-8"))
    found: dict[str, list[str]] = {}
    rules: Counter[str] = Counter()
    texts: dict[str, str] = {}
    missing = 0
    for file in files:
        body = _body(folder, file)
        if body is None or hashlib.sha256(body).hexdigest() != file["sha256"]:
            missing += 1
            print(
                f"not there, or another file: {file['repository']} {file['commit']} {file['path']}"
            )
            continue
        text = texts[file["sha256"]] = body.decode("utf-8")
        findings = lint(text, name=file["path"])
        rules.update(one.rule for one in findings)
        found[f"{file['repository']}@{file['commit'][:12]}:{file['path']}"] = [
            " ".join((f"{one.line}:{one.column}", one.severity, one.rule, one.component)).rstrip()
            for one in findings
        ]
    if not missing:
        FINDINGS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    for rule, number in rules.most_common():
        print(f"{number:5}  {rule}")
    print(f"{len(found)} files linted, {sum(rules.values())} findings, {missing} files missing")
    refused = _refused_when_fixed(texts, collector) if collector else 0
    return int(missing > 0 or refused > 0)


def _refused_when_fixed(texts: dict[str, str], collector: str) -> int:
    """How many files the collector accepts as they are and refuses when fixed."""
    ours = get_distribution(PHOENIX)
    accepted = changed = refused = 0
    for key, text in texts.items():
        if not _accepts(collector, text):
            continue
        accepted += 1
        mended = fixed(text, name=key, distribution=ours)
        changed += mended != text
        if not _accepts(collector, mended):
            refused += 1
            print(f"refused when fixed: {key}")
    print(f"{accepted} accepted by the collector, {changed} of them fixed, {refused} refused then")
    return refused


def _reduced(text: str) -> str | None:
    """The part of a configuration that our collector has the components for; None if it cannot be read."""
    try:
        root = thawed(parse_configuration(text, name="file").root)
    except InvalidInputError:
        return None
    ours = get_distribution(PHOENIX)

    def is_there(kind: Kind, id_: str) -> bool:
        type_ = parse_component_id(id_, field="").type
        return ours.standing(kind, canonical_type(kind, type_), None) is Standing.PRESENT

    gone: dict[Kind, set[str]] = {}
    for kind in Kind:
        section = root.get(kind.section) or {}
        gone[kind] = {id_ for id_ in section if not is_there(kind, id_)}
        root[kind.section] = {id_: value for id_, value in section.items() if id_ not in gone[kind]}
    for kind in (Kind.RECEIVER, Kind.EXPORTER):
        root[kind.section]["nop"] = None
    for pipeline in root["service"]["pipelines"].values():
        for kind in (Kind.RECEIVER, Kind.PROCESSOR, Kind.EXPORTER):
            lost = gone[kind] | gone[Kind.CONNECTOR]
            ids = [id_ for id_ in pipeline.get(kind.section) or () if id_ not in lost]
            pipeline[kind.section] = ids or ([] if kind is Kind.PROCESSOR else ["nop"])
    extensions = root["service"].get("extensions") or ()
    root["service"]["extensions"] = [id_ for id_ in extensions if id_ not in gone[Kind.EXTENSION]]
    return write_document(root)


def _accepts(collector: str, whole: str) -> bool:
    text = _reduced(whole)
    if text is None:
        return False
    names = set(re.findall(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)", text))
    environment = {name: _value_of(name) for name in names}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        command = [collector, "validate", "--config", file.name]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def _value_of(name: str) -> str:
    """A value that a variable of that name may have."""
    kinds = {
        "MIB|PERCENT|LIMIT|PORT|MEMORY|SIZE": "100",
        "METRICS_LEVEL|VERBOSITY": "basic",
        "LEVEL": "info",
        "INTERVAL|TIMEOUT": "10s",
        "URL": "http://127.0.0.1:4318",
        "ENDPOINT": "127.0.0.1:4317",
    }
    return next((value for kind, value in kinds.items() if re.search(kind, name)), "127.0.0.1")


def _body(folder: Path, file: dict[str, str]) -> bytes | None:
    path = folder / f"{file['sha256']}.yaml"
    if path.is_file():
        return path.read_bytes()
    clone = folder / file["repository"].replace("/", "+")
    inner = clone / "repo"
    command = [
        "git",
        "-C",
        str(inner if inner.is_dir() else clone),
        "show",
        f"{file['commit']}:{file['path']}",
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
