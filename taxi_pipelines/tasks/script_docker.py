"""Commands in a container: whether there is a Docker engine, and how its command line is told what a task wants."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.tasks.scripts import DockerRunner

_PULL = {"IF_NOT_PRESENT": "missing", "ALWAYS": "always", "NEVER": "never"}
_ANSWER_WITHIN = 20


def engine_answers(options: DockerRunner, variables: Mapping[str, str]) -> bool:
    """Whether there is a Docker engine that this task could use."""
    program = shutil.which("docker", path=variables.get("PATH"))
    if program is None:
        return False
    command = [program, *_host(options), "info", "--format", "{{.ServerVersion}}"]
    try:
        answer = subprocess.run(command, env=variables, capture_output=True, timeout=_ANSWER_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def run_arguments(
    options: DockerRunner, image: str, command: Sequence[str], *, name: str, folder: Path, variables: Iterable[str]
) -> list[str]:
    """The command line: the working folder has the same path inside, so that paths hold. Only the variables named are passed."""
    found = [*_program(options, folder / name), "run", "--rm", "--init", "--name", name]
    found += ["--volume", f"{folder}:{folder}", "--workdir", str(folder), "--pull", _PULL[options.pull_policy]]
    for option, values in _lists(options, variables).items():
        found += [part for value in values for part in (option, str(value))]
    single = {
        "--network": options.network_mode,
        "--user": options.user,
        "--cpus": (options.cpu or {}).get("cpus"),
        "--memory": _size((options.memory or {}).get("memory")),
        "--shm-size": _size(options.shm_size),
        "--entrypoint": options.entry_point[0] if options.entry_point else None,
    }
    found += [part for option, value in single.items() if value is not None for part in (option, str(value))]
    found += ["--privileged"] if options.privileged else []
    return [*found, image, *(options.entry_point or [])[1:], *command]


def removal_arguments(options: DockerRunner, name: str, folder: Path) -> list[str]:
    """Ends the container, if it is still there: killing its client does not."""
    return [*_program(options, folder / name), "rm", "--force", name]


def write_configuration(options: DockerRunner, place: Path) -> None:
    """What the client has to know of registries, where the task says so."""
    if not _configured(options):
        return
    found: dict[str, Any] = (
        json.loads(options.config) if isinstance(options.config, str) else dict(options.config or {})
    )
    if login := options.credentials:
        registry = str(login.get("registry") or "https://index.docker.io/v1/")
        told = login.get("auth") or _basic(login.get("username"), login.get("password"))
        found.setdefault("auths", {})[registry] = {"auth": told}
    with writable(place):
        place.mkdir()
        (place / "config.json").write_text(json.dumps(found), encoding="utf-8")


def container_died(code: int) -> None:
    """Raises PermanentError for the exit code by which Docker itself says that the container never ran."""
    if code == 125:
        raise PermanentError("Docker could not run the container", "its own message is in the log")


def _program(options: DockerRunner, place: Path) -> list[str]:
    return ["docker", *_host(options), *(["--config", str(place)] if _configured(options) else [])]


def _configured(options: DockerRunner) -> bool:
    return bool(options.config or options.credentials)


def _host(options: DockerRunner) -> list[str]:
    return ["--host", options.host] if options.host else []


def _lists(options: DockerRunner, variables: Iterable[str]) -> dict[str, Iterable[str]]:
    return {
        "--env": variables,
        "--volume": options.volumes,
        "--add-host": options.extra_hosts,
        "--publish": options.port_bindings,
    }


def _size(value: object) -> str | None:
    """Kestra writes 512MB or 512Mb where Docker's client says 512m."""
    return None if value is None else str(value).lower().removesuffix("b")


def _basic(username: object, password: object) -> str:
    return base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()
