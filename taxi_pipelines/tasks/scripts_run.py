"""What shell and Python tasks do, in a worker: files in, commands run, files and outputs out (S7, S8)."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import TaskFailed
from taxi_pipelines.tasks.python_environments import activated, python_environment
from taxi_pipelines.tasks.script_docker import (
    container_died,
    engine_answers,
    removal_arguments,
    run_arguments,
    write_configuration,
)
from taxi_pipelines.tasks.script_output import Printed, Reports
from taxi_pipelines.tasks.script_process import run_command
from taxi_pipelines.tasks.scripts import (
    DOCKER_NAMES,
    DockerRunner,
    Python,
    PythonCommands,
    PythonScript,
    Script,
    ShellCommands,
    ShellScript,
)
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import keep_output_files, private_folder, put_input_files, with_local_files

_IMAGE = "ubuntu"
_PYTHON_IMAGE = "python:3.13-slim"

Outputs = Mapping[str, Any]


def shell_commands(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the commands."""
    it = ShellCommands.model_validate(values)
    with private_folder(context.folder) as private:
        return _run(it, it.commands, context, private)


def shell_script(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the script."""
    it = ShellScript.model_validate(values)
    with private_folder(context.folder) as private:
        return _run(it, [it.script], context, private)


def python_commands(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the commands."""
    it = PythonCommands.model_validate(values)
    with private_folder(context.folder) as private:
        return _run(it, it.commands, context, private)


def python_script(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the script from a file."""
    it = PythonScript.model_validate(values)
    with private_folder(context.folder) as private:
        file = private / "script.py"
        with writable(file):
            file.write_text(with_local_files(context, it.script, private), encoding="utf-8")
        return _run(it, [f"python3 {shlex.quote(str(file))}"], context, private)


def _run(it: Script, commands: Sequence[str], context: WorkerContext, private: Path) -> Outputs:
    put_input_files(context, it.input_files)
    lines = [*(["set -e"] if it.fail_fast else []), *it.before_commands, *commands]
    text = with_local_files(context, "\n".join(lines), private)
    reports = Reports(context)
    output = Printed(context, reports, Level.INFO, private / "stdout.log")
    errors = Printed(context, reports, Level.ERROR, private / "stderr.log")
    with _place(it, text, context, private) as (arguments, variables):
        try:
            code = run_command(arguments, folder=context.folder, environment=variables, output=output, errors=errors)
        finally:
            output.close()
            errors.close()
    if arguments[0] == "docker":
        container_died(code)
    outputs = {
        "exitCode": code,
        "vars": reports.outputs,
        "outputFiles": keep_output_files(context, it.output_files, strict=code == 0),
        "stdOutLineCount": output.lines,
        "stdErrLineCount": errors.lines,
    }
    if code:
        signalled = f", killed by signal {code - 128}" if code > 128 else ""
        raise TaskFailed(f"the commands ended with exit code {code}{signalled}", outputs=outputs)
    return outputs


@contextmanager
def _place(
    it: Script, text: str, context: WorkerContext, private: Path
) -> Iterator[tuple[Sequence[str], Mapping[str, str]]]:
    """Where it runs: what to start, and with which variables."""
    command = [*it.interpreter, text]
    own = {name: plain_text(value) for name, value in it.env.items()}
    own = {"PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "WORKING_DIR": str(context.folder), **own}
    variables = {**_inherited(), **own}
    docker = _docker(it)
    image = it.container_image or (docker and docker.image) or (_PYTHON_IMAGE if isinstance(it, Python) else _IMAGE)
    if docker and engine_answers(docker, variables):
        if isinstance(it, Python) and it.dependencies:
            command[-1] = (
                f"pip install --quiet --root-user-action ignore -- {shlex.join(it.dependencies)}\n{command[-1]}"
            )
        with _container(docker, image, command, context, private, _importing(it, own, context.folder)) as arguments:
            yield arguments, _importing(it, variables, context.folder)
        return
    if docker:
        context.log(Level.WARN, f"there is no Docker engine: this runs as a process, not in the image {image}")
    with _environment(it, context, variables, stands_in=docker is not None) as environment:
        found = activated(environment, variables) if environment else variables
        yield command, _importing(it, found, context.folder)


def _importing(it: Script, variables: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """For Python: modules among the input files are found, though the script itself lies elsewhere."""
    if not isinstance(it, Python):
        return variables
    return {**variables, "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), variables.get("PYTHONPATH")]))}


def _docker(it: Script) -> DockerRunner | None:
    """Its options, where it is to run in a container."""
    chosen = dict(it.task_runner or {})
    kind = chosen.pop("type", None)
    if it.runner == "DOCKER" or (it.runner is None and kind is None and it.docker is not None):
        return it.docker or DockerRunner()
    return DockerRunner.model_validate(chosen) if kind in DOCKER_NAMES and it.runner is None else None


@contextmanager
def _container(
    options: DockerRunner,
    image: str,
    command: Sequence[str],
    context: WorkerContext,
    private: Path,
    own: Mapping[str, str],
) -> Iterator[list[str]]:
    name = private.name.removeprefix(".")
    write_configuration(options, private / name)
    try:
        yield run_arguments(options, image, command, name=name, folder=context.folder, variables=own)
    finally:
        subprocess.run(removal_arguments(options, name, private), capture_output=True, check=False)


@contextmanager
def _environment(
    it: Script, context: WorkerContext, variables: Mapping[str, str], *, stands_in: bool
) -> Iterator[Path | None]:
    """A Python environment, where the task wants packages, or may install some into what stands in for its image."""
    if not isinstance(it, Python) or not (it.dependencies or (stands_in and it.before_commands) or it.python_version):
        yield None
        return
    with python_environment(
        context.cache / "python",
        it.dependencies,
        version=it.python_version,
        with_uv=it.package_manager == "UV",
        shared=it.dependency_cache_enabled and not it.before_commands,
        variables=variables,
        say=lambda text: context.log(Level.INFO, text),
    ) as folder:
        yield folder


def _inherited() -> dict[str, str]:
    """The worker's variables, but for the secrets among them, and its own Python where there is no other."""
    given = os.environ  # noqa: TID251 - handed on to commands, not read
    found = {
        name: value for name, value in given.items() if not name.startswith("SECRET_") and name != "TAXI_SECRET_KEY"
    }
    found["PATH"] = os.pathsep.join(filter(None, [found.get("PATH"), str(Path(sys.executable).parent)]))
    return found
