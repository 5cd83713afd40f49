"""Real databases for tests: a PostgreSQL server of our own per run, and for each test a database with the schema.

A plugin of tests/conftest.py. `database_url` runs a test on SQLite and on PostgreSQL.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from phoenix_platform.adapters.sql.migrations.running import migrate

INSTALL = "apt-get install -y --no-install-recommends postgresql"
OWNER = "phoenix"
"""Owns the databases and migrates them; an ordinary role, which row-level security binds."""
TEMPLATE = "phoenix_template"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A running server; trusts whoever reaches its socket."""

    programs: Path
    folder: Path

    def url(self, database: str, role: str = OWNER) -> str:
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def sql(self, statement: str, *, database: str = "postgres", role: str = "postgres") -> str:
        """Run it with psql; by default as superuser, as nothing of ours ever does."""
        command: list[str | Path] = [
            self.programs / "psql",
            *("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
            *("-h", str(self.folder), "-U", role, "-d", database, "-c", statement),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_database(self, template: str = TEMPLATE) -> str:
        """Make a database, empty if `template` is `template0`; its name."""
        name = f"phoenix_{os.getpid()}_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, database: str) -> None:
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """The server, with an ordinary role and a template that has the schema; without programs it fails with the fix."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="phoenix-pg-", dir="/tmp"))
    _give_away(folder)
    try:
        _run(
            [programs / "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8"],
            ["--locale=C.UTF-8", "-D", folder / "data"],
            folder,
        ).wait()
        server = _run(
            [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="],
            ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"],
            folder,
        )
        try:
            _wait_until_ready(programs, folder, server)
            found = Postgresql(programs, folder)
            found.sql(f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER")
            found.sql(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
            asyncio.run(_migrated(found.url(TEMPLATE)))
            yield found
        finally:
            server.send_signal(signal.SIGQUIT)  # nothing of it is kept
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql: Postgresql) -> Iterator[str]:
    """A database of its own with the schema."""
    name = postgresql.new_database()
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrated(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    file = tmp_path / "phoenix.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the schema: once on each."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


async def _migrated(url: str) -> None:
    await migrate(url)


def _programs() -> Path:
    """Where initdb and postgres are; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    pytest.fail(f"PostgreSQL is not installed, and repositories are tested on it: sudo {INSTALL}")


def _give_away(folder: Path) -> None:
    """PostgreSQL refuses to run as root; nobody must own the folder then."""
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _run(
    program: list[str | Path], options: list[str | Path], folder: Path
) -> "subprocess.Popen[bytes]":
    """Start it as an ordinary user; what it says goes into a file."""
    owner = folder.stat()
    with (folder / "log").open("ab") as log:
        if os.getuid() != 0:
            return subprocess.Popen([*program, *options], stdout=log, stderr=log)
        return subprocess.Popen(
            [*program, *options],
            stdout=log,
            stderr=log,
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
        )


def _wait_until_ready(programs: Path, folder: Path, server: "subprocess.Popen[bytes]") -> None:
    ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", folder, "-t", "1"]
    for _ in range(600):
        if server.poll() is not None:
            break
        if subprocess.run(ready, check=False).returncode == 0:
            return
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"PostgreSQL does not start: {(folder / 'log').read_text('utf-8')}")
