"""Shell and Python as tasks, and the task runners that say where they run. The work itself is in `scripts_run`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from taxi_pipelines.task_types import Properties, Role, Typed, TypeSpec

_PLUGIN = "io.kestra.plugin.scripts."
_RUN = "taxi_pipelines.tasks.scripts_run:"

DOCKER = "io.kestra.plugin.scripts.runner.docker.Docker"
DOCKER_NAMES = (DOCKER, "io.kestra.plugin.scripts.runner.docker.DockerTaskRunner", "runner.docker.Docker", "docker")


class ProcessRunner(Properties):
    """A process of this machine."""


class DockerRunner(Properties):
    """A container. Where there is no Docker engine, the commands run as a process, and the log says so."""

    image: str | None = Field(default=None, description="The image; the task's `containerImage` if not given.")
    pull_policy: Literal["IF_NOT_PRESENT", "ALWAYS", "NEVER"] = Field(
        default="IF_NOT_PRESENT", description="When to pull the image: IF_NOT_PRESENT, ALWAYS or NEVER."
    )
    host: str | None = Field(default=None, description="The engine's address; the client's own default if not given.")
    config: dict[str, Any] | str | None = Field(default=None, description="A Docker `config.json`, as a map or text.")
    credentials: dict[str, Any] | None = Field(
        default=None, description="A registry's `registry`, `username` and `password`, or `auth`."
    )
    user: str | None = Field(default=None, description="Who runs inside; the image's user if not given.")
    entry_point: list[str] = Field(default=[], description="Instead of the image's entry point.")
    network_mode: str | None = Field(default=None, description="The network, such as `host`.")
    extra_hosts: list[str] = Field(default=[], description="More names of hosts, as NAME:ADDRESS.")
    port_bindings: list[str] = Field(default=[], description="Ports to publish, as HOST:CONTAINER.")
    volumes: list[str] = Field(default=[], description="Folders to see inside, as HERE:THERE.")
    cpu: dict[str, Any] | None = Field(default=None, description="`cpus`: how many it may use.")
    memory: dict[str, Any] | None = Field(default=None, description="`memory`: how much it may use, such as 512MB.")
    shm_size: str | None = Field(default=None, description="The size of /dev/shm.")
    privileged: bool = Field(default=False, description="Whether it may do everything the host may.")
    file_handling_strategy: Literal["VOLUME", "MOUNT"] = Field(
        default="MOUNT", description="Accepted for Kestra's sake: the working folder is always mounted."
    )
    delete: bool = Field(default=True, description="Accepted for Kestra's sake: the container is always removed.")
    wait: bool = Field(default=True, description="Accepted for Kestra's sake: the container is always waited for.")


class Script(Properties):
    """What all scripts have in common."""

    before_commands: list[str] = Field(default=[], description="Commands to run first, in the same shell.")
    env: dict[str, Any] = Field(default={}, description="Variables of the environment.")
    input_files: dict[str, Any] = Field(
        default={}, description="Files to put into the working folder first: name → text, or the URI of a stored file."
    )
    output_files: list[str] = Field(
        default=[],
        description="Globs of files to store afterwards; a file that is named without a wildcard must be there.",
    )
    interpreter: list[str] = Field(
        default=["/bin/sh", "-c"], min_length=1, description="What is given all commands as one text."
    )
    fail_fast: bool = Field(default=True, description="Whether the first command that fails ends the task (`set -e`).")
    task_runner: Annotated[dict[str, Any] | None, Typed(Role.TASK_RUNNER)] = Field(
        default=None, description="Where it runs: a process of this machine if not given."
    )
    container_image: str | None = Field(default=None, description="The image, where it runs in a container.")
    runner: Literal["PROCESS", "DOCKER"] | None = Field(default=None, description="The old way to write `taskRunner`.")
    docker: DockerRunner | None = Field(default=None, description="Options of the old `runner: DOCKER`.")
    warning_on_std_err: bool = Field(
        default=False, description="Accepted for Kestra's sake: what stderr says changes no state."
    )
    target_os: Literal["AUTO", "LINUX", "WINDOWS"] = Field(
        default="AUTO", alias="targetOS", description="Accepted for Kestra's sake: commands are the interpreter's."
    )


class ShellCommands(Script):
    """Commands for the shell."""

    commands: list[str] = Field(min_length=1, description="The commands: all run in one shell, one after the other.")


class ShellScript(Script):
    """A script for the shell."""

    script: str = Field(min_length=1, description="The script's text.")


class Python(Script):
    """What Python tasks have in common."""

    dependencies: list[str] = Field(
        default=[], description="Packages to install first, as pip names them, into an environment kept for this set."
    )
    dependency_cache_enabled: bool = Field(
        default=True, description="Whether that environment is kept; with `beforeCommands` it never is."
    )
    package_manager: Literal["UV", "PIP"] = Field(
        default="UV", description="What installs them: UV, where it is on the PATH, or PIP."
    )
    python_version: str | None = Field(default=None, description="Which Python the environment has, such as 3.12.")


class PythonCommands(Python):
    """Commands that use Python."""

    commands: list[str] = Field(min_length=1, description="The commands: all run in one shell, one after the other.")


class PythonScript(Python):
    """A Python script."""

    script: str = Field(min_length=1, description="The script's text.")


OUTPUTS = {
    "exitCode": "The exit code; 128 and more where a signal ended it.",
    "vars": 'What lines such as `::{"outputs":{"rows":7}}::` say, or `Kestra.outputs({"rows": 7})` in Python.',
    "outputFiles": "The stored files: relative path → URI.",
    "stdOutLineCount": "How many lines it printed.",
    "stdErrLineCount": "How many lines it printed on stderr.",
}

RUNNERS = (
    TypeSpec(
        name="io.kestra.plugin.core.runner.Process",
        aliases=(
            "io.kestra.plugin.core.runner.ProcessTaskRunner",
            "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
            "io.kestra.plugin.scripts.runner.Process",
            "runner.Process",
            "process",
        ),
        title="Runs as a process of this machine.",
        role=Role.TASK_RUNNER,
        properties=ProcessRunner,
        example="type: process",
    ),
    TypeSpec(
        name=DOCKER,
        aliases=DOCKER_NAMES[1:],
        title="Runs in a container where there is a Docker engine, else as a process.",
        role=Role.TASK_RUNNER,
        properties=DockerRunner,
        example="type: docker\npullPolicy: IF_NOT_PRESENT",
    ),
)

SCRIPTS = (
    TypeSpec(
        name=f"{_PLUGIN}shell.Commands",
        aliases=("shell.commands",),
        title="Runs commands in a shell.",
        properties=ShellCommands,
        outputs=OUTPUTS,
        run=f"{_RUN}shell_commands",
        example='type: shell.commands\ncommands:\n  - echo "vendor,rows" > a.csv\noutputFiles:\n  - "*.csv"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}shell.Script",
        aliases=("shell.script",),
        title="Runs a shell script.",
        properties=ShellScript,
        outputs=OUTPUTS,
        run=f"{_RUN}shell_script",
        example='type: shell.script\nscript: |\n  echo \'::{"outputs":{"rows":7}}::\'',
    ),
    TypeSpec(
        name=f"{_PLUGIN}python.Script",
        aliases=("python.script",),
        title="Runs a Python script.",
        properties=PythonScript,
        outputs=OUTPUTS,
        run=f"{_RUN}python_script",
        example='type: python.script\nscript: |\n  print("hello from Python")',
    ),
    TypeSpec(
        name=f"{_PLUGIN}python.Commands",
        aliases=("python.commands",),
        title="Runs commands that use Python.",
        properties=PythonCommands,
        outputs=OUTPUTS,
        run=f"{_RUN}python_commands",
        example="type: python.commands\ninputFiles:\n  main.py: print(6 * 7)\ncommands:\n  - python3 main.py",
    ),
)
