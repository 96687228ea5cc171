"""Two emulators of Google's services, each in an environment of its own, as processes on free ports of loopback.

They are not among our own requirements: bqemulator pins other versions of what we use. The environments are made once and
kept in the user's cache, by the versions in them. Both share a folder, because bqemulator reads gs:// from files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.listing_proxy import listing_proxy

STORAGE = ("gcp-storage-emulator==2026.7.19",)
BIGQUERY = (
    "bqemulator==1.4.0",
    "numpy",
    "duckdb==1.5.5",
    "duckdb-extensions==1.5.5",
    "duckdb-extension-spatial==1.5.5",
)
_SPATIAL = "from duckdb_extensions import import_extension; import_extension('spatial')"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "taxi-pipelines" / "venvs"
_START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Emulators:
    """Their addresses."""

    storage: str
    bigquery: str


@contextmanager
def emulators(folder: Path) -> Iterator[Emulators]:
    """Both, empty, with their files in the folder; ended in the end. Skips the test where they cannot be had."""
    storage = _environment("gcp-storage-emulator", STORAGE)
    bigquery = _environment("bqemulator", BIGQUERY, prepare=_SPATIAL)
    objects = folder / "storage"
    objects.mkdir()
    with ExitStack() as running:
        port = _free_port()
        command = ["-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
        running.enter_context(_process(storage, command, objects, {}, port))
        rest, grpc = _free_port(), _free_port()
        command = ["-m", "bqemulator", "start", "--rest-port", str(rest), "--grpc-port", str(grpc)]
        root = {"BQEMU_GCS_LOCAL_ROOT": str(objects / ".cloudstorage")}
        running.enter_context(_process(bigquery, command, folder, root, rest))
        url = running.enter_context(listing_proxy(f"http://127.0.0.1:{rest}"))
        yield Emulators(storage=f"http://127.0.0.1:{port}", bigquery=url)


def _environment(name: str, packages: Sequence[str], prepare: str = "pass") -> Path:
    """The folder of a virtual environment with these packages, made where it is not there yet; `prepare` is run in it once."""
    mark = hashlib.sha256(" ".join((sys.version, *packages)).encode()).hexdigest()[:12]
    folder = _CACHE / f"{name}-{mark}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        ready = folder / "ready"
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(folder))
            _run(*_python(folder), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)
            _run(*_python(folder), "-c", prepare, home=folder)
            ready.touch()
    return folder


def _run(*command: str, home: Path | None = None) -> None:
    env = {**os.environ, **({"HOME": str(home)} if home else {})}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        reason = f"the emulators cannot be installed: {said[-1] if said else command}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def _python(folder: Path) -> list[str]:
    return [str(folder / "bin" / "python")]


@contextmanager
def _process(venv: Path, command: Sequence[str], cwd: Path, env: Mapping[str, str], port: int) -> Iterator[None]:
    log = cwd / f"{command[1]}.log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(venv), **env}
    with log.open("wb") as output:
        running = subprocess.Popen(
            [*_python(venv), *command], cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(running, port, log)
            yield
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_for(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and running.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"{log.name} did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
