"""Record anew what every catalog entry makes of the recorded scrapes: `python -m tests.golden`, then review the diff."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden.recordings import FOLDER, configuration_of, recorded

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.pipelines import catalog

if __name__ == "__main__":
    collector = find_collector(None, AgentSettings())
    for entry in catalog.entries():
        case = FOLDER / entry.name
        case.mkdir(exist_ok=True)
        (case / "in.yaml").write_text(entry.text, "utf-8")
        with TemporaryDirectory() as folder:
            text = recorded(configuration_of(entry.name), collector, Path(folder))
        (case / "out.yaml").write_text(text, "utf-8")
