"""What tasks on stored files do, in a worker."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import NotFound
from taxi_pipelines.tasks.storage import Concat, DeleteFile, LocalFiles, Size
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import inner_path, keep_output_files, private_folder, put_input_files


def local_files(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Writes the inputs, then stores the outputs."""
    it = LocalFiles.model_validate(values)
    put_input_files(context, it.inputs)
    kept = keep_output_files(context, it.outputs)
    return {"uris": kept, "outputFiles": kept}


def size(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Puts out the size. Raises NotFound."""
    it = Size.model_validate(values)
    found = context.file_size(it.uri)
    if found is None:
        raise _missing(it.uri)
    return {"size": found}


def concat(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Stores the files as one. Raises NotFound."""
    it = Concat.model_validate(values)
    with private_folder(context.folder) as private:
        target = private / inner_path(f"concat{it.extension}").name
        part = private / "part"
        with writable(target), target.open("wb") as file:
            for uri in it.files:
                context.fetch_file(uri, part)
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
                file.write((it.separator or "").encode())
        return {"uri": context.keep_file(target)}


def delete(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Removes the file. Raises NotFound where it must be there."""
    it = DeleteFile.model_validate(values)
    deleted = context.remove_file(it.uri)
    if not deleted and it.error_on_missing:
        raise _missing(it.uri)
    return {"uri": it.uri, "deleted": deleted}


def _missing(uri: str) -> NotFound:
    return NotFound(f"there is no file {uri}", "look at the outputs of the task that made it")
