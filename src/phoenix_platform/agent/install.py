"""The agent as a systemd service: its unit, its user, its collector. `phoenix agent install|uninstall`.

It runs as a user of its own, with the two capabilities that reading other users' processes takes, and
nothing else of root's.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.data_folders import DataFolder
from phoenix_platform.agent.privileges import NEEDED
from phoenix_platform.agent.production_processes import marked_pids
from phoenix_platform.core.errors import UnavailableError

UNIT: Final = "phoenix-agent.service"
USER: Final = "phoenix-agent"
ENVIRONMENT_FILE: Final = "/etc/phoenix-agent.env"
_UNITS: Final = Path("etc/systemd/system")
_COLLECTOR: Final = "collector/otelcol"
_COMMAND_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    folder: DataFolder
    """Absolute."""
    collector: CollectorBinary
    root: Path = Path("/")
    """Elsewhere: files only, as for an image; no user is made and nothing is started."""

    @property
    def unit(self) -> Path:
        return self.root / _UNITS / UNIT

    @property
    def own_collector(self) -> Path:
        """The service's copy: the one it was copied from may be replaced, or be in somebody's home."""
        return self.root / self.folder.path.relative_to("/") / _COLLECTOR

    @property
    def is_here(self) -> bool:
        return self.root == Path("/")


def unit_text(folder: DataFolder, python: str = sys.executable) -> str:
    """The unit file."""
    capabilities = " ".join(NEEDED)
    return f"""\
[Unit]
Description=Phoenix agent: experiments on telemetry pipelines
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={USER}
Group={USER}
ExecStart={python} -m phoenix_platform agent run --data-directory {folder.path}
Environment=PHOENIX_COLLECTOR={folder.path / _COLLECTOR}
# Values that configurations name with ${{env:...}}
EnvironmentFile=-{ENVIRONMENT_FILE}
Restart=always
RestartSec=5
# The production collector outlives a restart of the agent; experiments are ended by their own watchdog.
KillMode=process
OOMPolicy=continue
TimeoutStopSec=60

# To read what processes of other users do; nothing else of root's.
AmbientCapabilities={capabilities}
CapabilityBoundingSet={capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
ReadWritePaths={folder.path}
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def install(installation: Installation) -> Sequence[str]:
    """Put everything in place and start the service; what was done, one sentence each.

    Raises:
        ConflictError: If an agent that was started by hand uses the folder.
        UnavailableError: If this is not root, there is no systemd, or a step of it fails.
    """
    if installation.is_here:
        _check_host()
        if not installation.unit.exists():
            with installation.folder.locked():
                pass  # nobody uses it
    return list(_install(installation))


def uninstall(folder: DataFolder, *, purge: bool, root: Path = Path("/")) -> Sequence[str]:
    """Stop and remove the service, and the production collector that nobody would keep any more.

    `purge` also removes the folder, with the identity and samples that were not delivered.

    Raises:
        UnavailableError: If this is not root, or a step fails.
    """
    return list(_uninstall(folder, root / _UNITS / UNIT, purge=purge, is_here=root == Path("/")))


def _check_host() -> None:
    if os.geteuid() != 0:
        raise UnavailableError("not root: a service can only be installed by root; use sudo")
    if not Path("/run/systemd/system").is_dir():
        raise UnavailableError(
            "there is no systemd here; print the unit with --print, or run phoenix agent run under what "
            "starts your programs"
        )


def _install(installation: Installation) -> Iterator[str]:
    folder = installation.root / installation.folder.path.relative_to("/")
    try:
        if installation.is_here and _make_user(installation.folder.path):
            yield f"made the user {USER}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = installation.own_collector
        own.parent.mkdir(mode=0o755, exist_ok=True)
        temporary = own.with_name(".otelcol")
        shutil.copyfile(installation.collector.path, temporary)
        temporary.chmod(0o755)
        temporary.replace(own)
        yield f"copied the collector {installation.collector.path} to {own}"
        if installation.is_here:
            _give(folder)
        installation.unit.parent.mkdir(parents=True, exist_ok=True)
        installation.unit.write_text(unit_text(installation.folder), encoding="utf-8")
        yield f"wrote {installation.unit}"
    except OSError as error:
        raise UnavailableError(f"cannot install: {error}") from error
    if installation.is_here:
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", UNIT)
        _run("systemctl", "restart", UNIT)
        yield f"started {UNIT}; see phoenix agent status --data-directory {installation.folder.path}"


def _uninstall(folder: DataFolder, unit: Path, *, purge: bool, is_here: bool) -> Iterator[str]:
    if is_here:
        _check_host()
    if unit.exists():
        if is_here:
            _run("systemctl", "disable", "--now", UNIT)
        unit.unlink()
        if is_here:
            _run("systemctl", "daemon-reload")
        yield f"removed {unit}"
    if count := _end_production(folder):
        yield f"stopped {count} production collector{'s' if count > 1 else ''}"
    if purge:
        with folder.locked():  # not under an agent that was started by hand
            pass
        shutil.rmtree(folder.path, ignore_errors=True)
        yield f"removed {folder.path}"


def _end_production(folder: DataFolder) -> int:
    pids = list(marked_pids(folder.production))
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked_pids(folder.production):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while any(marked_pids(folder.production)) and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(pids)


def _make_user(home: Path) -> bool:
    """Whether it was not there."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run(
            "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(home),
            "--shell", "/usr/sbin/nologin", USER,
        )  # fmt: skip
        return True
    return False


def _give(folder: Path) -> None:
    """Everything in the folder to the service's user, but the collector: what runs it cannot change."""
    user = pwd.getpwnam(USER)
    os.chown(folder, user.pw_uid, user.pw_gid)
    for place, folders, files in os.walk(folder):
        if place == str(folder) and "collector" in folders:
            folders.remove("collector")
        for name in (*folders, *files):
            os.chown(Path(place, name), user.pw_uid, user.pw_gid, follow_symlinks=False)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - commands of the system, with arguments of ours
            command, capture_output=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]}: {error}") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word of why"]
        raise UnavailableError(f"{' '.join(command)}: {words[-1]}")
