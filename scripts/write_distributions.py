"""Write the tables of which component is in which release of which distribution.

    scripts/write_distributions.py CLONE

CLONE is a clone, with tags, of github.com/open-telemetry/opentelemetry-collector-releases. Its builder
manifests say it for `otelcol`, `otelcol-contrib` and `otelcol-k8s`, our own says it for `phoenix-otelcol`.
What is written (`pipelines/lint/distributions.yaml`) are names and versions only. Run it after an upstream
release; the diff is the review.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "src/phoenix_platform/pipelines/lint/distributions.yaml"
UPSTREAM = ("otelcol", "otelcol-contrib", "otelcol-k8s")
KINDS = ("receiver", "processor", "exporter", "connector", "extension")
SECTION = re.compile(r"^(receivers|processors|exporters|connectors|extensions):", re.MULTILINE)
MODULE = re.compile(
    r"^\s+-\s+(?:gomod|import):\s*\"?(\S+?)\"?(?:\s+(v\S+))?\s*(?:#.*)?$", re.MULTILINE
)

TYPE_OF_MODULE = {
    "asapauthextension": "asapclient",
    "awscontainerinsightreceiver": "awscontainerinsightreceiver",
    "ballastextension": "memoryballast",
    "jaegerthrifthttpexporter": "jaegerthrift",
    "metricsgenerationprocessor": "experimentalmetricsgeneration",
    "oauth2clientauthextension": "oauth2client",
    "oidcauthextension": "oidc",
    "podmanreceiver": "podmanstats",
    "simpleprometheusreceiver": "prometheussimple",
}
"""Types that are not their module's name without its kind; types are without underscores here."""


HEADER = """\
# Which component is in which release of which distribution: names and versions, read from the builder
# manifests of the distributions by scripts/write_distributions.py. Types stand without their underscores.
# A list is: the first release with it, the first without it, the first with it again, and so on.
"""
OLDEST = (0, 34, 0)
"""Earlier tags of the releases were trials."""


@dataclass(frozen=True)
class Table:
    first: str
    last: str
    components: dict[str, dict[str, list[str]]]


def main() -> int:
    clone = sys.argv[1]
    tags = _git(clone, "tag").split()
    numbers = (tag[1:].split(".") for tag in tags if re.fullmatch(r"v0\.\d+\.\d+", tag))
    releases = sorted(release for one in numbers if (release := tuple(map(int, one))) >= OLDEST)
    tables = {}
    for distribution in UPSTREAM:
        seen = {}
        for release in releases:
            path = f"v{_text(release)}:distributions/{distribution}/manifest.yaml"
            manifest = _git(clone, "show", path, must=False)
            if manifest and _components(manifest):
                seen[_text(release)] = _components(manifest)
        tables[distribution] = _table(seen)
    own = (ROOT / "collector/manifest.yaml").read_text("utf-8")
    version = max(
        re.findall(r"v(0\.\d+\.\d+)", own), key=lambda text: tuple(map(int, text.split(".")))
    )
    tables["phoenix-otelcol"] = _table({version: _components(own)})
    OUTPUT.write_text(HEADER + "".join(_lines(tables)), "utf-8")
    return 0


def _lines(tables: dict[str, Table]) -> Iterator[str]:
    for distribution, table in sorted(tables.items()):
        yield f"{distribution}:\n  first: {table.first}\n  last: {table.last}\n"
        for kind, components in table.components.items():
            yield f"  {kind}:\n"
            yield from (f"    {type_}: [{', '.join(at)}]\n" for type_, at in components.items())


def _components(manifest: str) -> set[tuple[str, str]]:
    """Kind and type (without underscores) of every component of a manifest."""
    found = set()
    parts = SECTION.split(
        re.split(r"^(?:replaces|providers|converters):", manifest, flags=re.MULTILINE)[0]
    )
    for section, body in zip(parts[1::2], parts[2::2], strict=True):
        kind = section.removesuffix("s")
        for module, _ in MODULE.findall(body):
            name = re.sub(r"/v\d+$", "", module).rpartition("/")[2]
            found.add((kind, TYPE_OF_MODULE.get(name, name.removesuffix(kind))))
    return found


def _table(seen: dict[str, set[tuple[str, str]]]) -> Table:
    components: dict[str, dict[str, list[str]]] = {kind: {} for kind in KINDS}
    for kind, type_ in sorted(set().union(*seen.values())):
        changes: list[str] = []
        for release, has in seen.items():
            is_there = len(changes) % 2 == 1
            if ((kind, type_) in has) != is_there:
                changes.append(release)
        components[kind][type_] = changes
    return Table(next(iter(seen)), next(reversed(seen)), components)


def _text(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


def _git(clone: str, *arguments: str, must: bool = True) -> str:
    done = subprocess.run(
        ["git", "-C", clone, *arguments], capture_output=True, text=True, check=must
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
