"""Installing into a folder, as for an image; the unit is held to systemd's own check where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.data_folders import OF_ROOT, DataFolder
from phoenix_platform.agent.install import UNIT, Installation, install, uninstall, unit_text

pytestmark = pytest.mark.timeout(120)


def test_an_image_gets_the_unit_and_a_copy_of_the_collector_and_loses_them_again(
    tmp_path: Path, collector: CollectorBinary
) -> None:
    folder = DataFolder(OF_ROOT)
    installation = Installation(folder=folder, collector=collector, root=tmp_path)
    said = install(installation)
    copy = tmp_path / "var/lib/phoenix-agent/collector/otelcol"
    assert copy.stat().st_size == collector.path.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o755
    unit = tmp_path / "etc/systemd/system" / UNIT
    assert unit.read_text() == unit_text(folder)
    assert [sentence.partition(" ")[0] for sentence in said] == ["copied", "wrote"]
    said = uninstall(DataFolder(copy.parents[1]), purge=True, root=tmp_path)
    assert not unit.exists()
    assert not copy.parents[1].exists()
    assert len(said) == 2


def test_removing_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert uninstall(DataFolder(tmp_path / "none"), purge=False, root=tmp_path) == []


def test_the_service_has_two_capabilities_and_leaves_the_production_collector_alone() -> None:
    text = unit_text(DataFolder(Path("/srv/agent")), python="/usr/bin/python3")
    assert "AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH\n" in text
    assert "CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH\n" in text
    assert "KillMode=process\n" in text
    assert (
        "ExecStart=/usr/bin/python3 -m phoenix_platform agent run --data-directory /srv/agent\n"
        in text
    )


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine")
    unit = tmp_path / UNIT
    unit.write_text(unit_text(DataFolder(OF_ROOT)))
    done = subprocess.run(
        [program, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
