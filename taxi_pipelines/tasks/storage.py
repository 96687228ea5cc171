"""Files of executions as tasks: their sizes, joined, deleted, brought into a working folder. The work is in `storage_run`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from taxi_pipelines.domain.records import Level
from taxi_pipelines.task_types import Effects, Facts, Properties, TypeSpec

_PLUGIN = "io.kestra.plugin.core.storage."
_OLD = "io.kestra.core.tasks.storages."
_RUN = "taxi_pipelines.tasks.storage_run:"


class PurgeCurrentExecutionFiles(Properties):
    """The files of this execution."""


class LocalFiles(Properties):
    """Files of the working folder."""

    inputs: dict[str, Any] = Field(
        default={}, description="Files to put there: name → text, or the URI of a stored file."
    )
    outputs: list[str] = Field(default=[], description="Globs of files to store.")


class Size(Properties):
    """A file to measure."""

    uri: str = Field(description="The stored file's URI.")


class Concat(Properties):
    """Files to join."""

    files: list[str] = Field(description="The URIs of stored files, in order.")
    separator: str | None = Field(default=None, description="What to put after each of them.")
    extension: str = Field(default=".tmp", description="How the name of the new file ends.")


class DeleteFile(Properties):
    """A file to remove."""

    uri: str = Field(description="The stored file's URI.")
    error_on_missing: bool = Field(default=False, description="Whether a missing file is a failure.")


def perform_purge(properties: PurgeCurrentExecutionFiles, facts: Facts) -> Effects:
    """Removes every file of the execution, those of its inputs too."""
    place = f"kestra:///{facts.namespace.replace('.', '/')}/{facts.flow_id}/executions/{facts.execution_id}"
    return Effects(removed_files=(place,), logs=((Level.INFO, "the files of this execution are removed"),))


STORAGE = (
    TypeSpec(
        name=f"{_PLUGIN}PurgeCurrentExecutionFiles",
        aliases=(f"{_OLD}PurgeExecution", f"{_PLUGIN}PurgeExecution", "storage.purge"),
        title="Removes the files of this execution.",
        properties=PurgeCurrentExecutionFiles,
        perform=perform_purge,
        example="type: storage.purge",
    ),
    TypeSpec(
        name=f"{_PLUGIN}LocalFiles",
        aliases=(f"{_OLD}LocalFiles", "storage.localFiles"),
        title="Puts files into the working folder, or stores some of it.",
        properties=LocalFiles,
        outputs={"uris": "The stored files: relative path → URI.", "outputFiles": "The same."},
        run=f"{_RUN}local_files",
        repeatable=True,
        example='type: storage.localFiles\ninputs:\n  zones.csv: id,borough\noutputs: ["*.csv"]',
    ),
    TypeSpec(
        name=f"{_PLUGIN}Size",
        aliases=(f"{_OLD}Size", "storage.size"),
        title="Measures a stored file.",
        properties=Size,
        outputs={"size": "Its bytes."},
        run=f"{_RUN}size",
        repeatable=True,
        example="type: storage.size\nuri: \"{{ outputs.files.outputFiles['trips.csv'] }}\"",
    ),
    TypeSpec(
        name=f"{_PLUGIN}Concat",
        aliases=(f"{_OLD}Concat", "storage.concat"),
        title="Joins stored files.",
        properties=Concat,
        outputs={"uri": "The new file's URI."},
        run=f"{_RUN}concat",
        repeatable=True,
        example='type: storage.concat\nfiles: "{{ outputs.files.outputFiles | values }}"\nextension: .csv',
    ),
    TypeSpec(
        name=f"{_PLUGIN}Delete",
        aliases=(f"{_OLD}Delete", "storage.delete"),
        title="Removes a stored file.",
        properties=DeleteFile,
        outputs={"uri": "The file's URI.", "deleted": "Whether it was there."},
        run=f"{_RUN}delete",
        repeatable=True,
        example="type: storage.delete\nuri: \"{{ outputs.files.outputFiles['trips.csv'] }}\"",
    ),
)
