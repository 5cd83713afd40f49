"""The unmodified OpAMP supervisor with a real collector, as processes (`scripts/supervisor.sh` builds both)."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPLY_SECONDS = 4
"""`config_apply_timeout`: only after it does the supervisor say APPLIED."""

PATIENCE_SECONDS = 300.0
"""It connects in 0.3 s, sometimes in 10.6 s; on a busy machine its bootstrap run alone may take a minute."""


@cache
def binaries() -> Path:
    """The folder with `opampsupervisor` and `interop-otelcol`."""
    found = subprocess.run(
        [ROOT / "scripts/supervisor.sh"], check=True, capture_output=True, text=True
    )
    return Path(found.stdout.strip())


@dataclass(frozen=True, slots=True)
class Supervisor:
    process: asyncio.subprocess.Process
    folder: Path

    def log(self) -> str:
        return (self.folder / "supervisor.log").read_text()

    def agent_starts(self) -> int:
        """How often it started the collector, the bootstrap run included."""
        return self.log().count("Starting agent")

    def config_on_disk(self) -> str:
        return (self.folder / "storage/effective.yaml").read_text()


def configuration(folder: Path, endpoint: str, credential: str) -> dict[str, object]:
    """The supervisor's own configuration, as an operator would write it."""
    return {
        "server": {
            "endpoint": endpoint,
            "headers": {"Authorization": f"Bearer {credential}"},
        },
        "capabilities": {
            "accepts_remote_config": True,
            "reports_remote_config": True,
            "reports_effective_config": True,
            "reports_health": True,
            "reports_available_components": True,
            "reports_heartbeat": True,
            "accepts_restart_command": True,
        },
        "agent": {
            "executable": str(binaries() / "interop-otelcol"),
            "config_apply_timeout": f"{APPLY_SECONDS}s",
            "bootstrap_timeout": "300s",
            # Else every collector of this machine wants port 8888 for its own metrics.
            "args": ["--set=service.telemetry.metrics.level=none"],
        },
        "storage": {"directory": str(folder / "storage")},
        "telemetry": {"logs": {"level": "debug", "output_paths": [str(folder / "supervisor.log")]}},
    }


@asynccontextmanager
async def supervisor(
    folder: Path, endpoint: str, credential: str, *, host_name: str | None = None
) -> AsyncGenerator[Supervisor]:
    """Run it while the block lasts, on a host of this name (needs root); the folder keeps what it remembers."""
    settings = folder / "supervisor.yaml"
    settings.write_text(json.dumps(configuration(folder, endpoint, credential)))
    renamed = ("unshare", "--uts", "sh", "-c", f'hostname {host_name}; exec "$@"', "sh")
    process = await asyncio.create_subprocess_exec(
        *(() if host_name is None else renamed),
        binaries() / "opampsupervisor",
        "--config",
        settings,
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Supervisor(process, folder)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                process.kill()
                await process.wait()
        with suppress(ProcessLookupError):  # a collector that it left behind
            os.killpg(process.pid, signal.SIGKILL)
