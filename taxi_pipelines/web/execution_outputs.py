"""What an execution's tasks put out, and what they measured: files found among the values, metrics summed up by task."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.records import Metric
from taxi_pipelines.flow_interfaces import Files

MOST_SIZES = 20
"""Files whose sizes are asked for at a time: in a bucket each is a request."""

_FILE = re.compile(r"kestra:///(?:[^/]+/)+executions/([^/]+)/.+")
_LOOKED_INTO = (
    ".csv",
    ".tsv",
    ".parquet",
    ".json",
    ".jsonl",
    ".ndjson",
    ".ion",
    ".txt",
    ".log",
    ".md",
    ".yaml",
    ".sql",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A stored file among outputs; of this execution or, where a subflow made it, of another one."""

    uri: str
    execution_id: str
    size: int | None = None

    @property
    def name(self) -> str:
        """Its last part."""
        return unquote(self.uri.rpartition("/")[2])

    @property
    def download(self) -> str:
        """Where the API gives it."""
        return f"/api/v1/executions/{self.execution_id}/file?path={quote(self.uri, safe='')}"

    @property
    def preview(self) -> str:
        """Its beginning, below the outputs; empty where its name is of no kind that can be shown."""
        if not self.name.lower().endswith(_LOOKED_INTO):
            return ""
        return f"/executions/{self.execution_id}/outputs?preview={quote(self.uri, safe='')}#preview"


def file_of(value: object) -> StoredFile | None:
    """The file that a value names."""
    found = _FILE.fullmatch(value) if isinstance(value, str) and len(value) < 2_000 else None
    return StoredFile(uri=found[0], execution_id=found[1]) if found else None


def files_in(value: Any, files: Files) -> dict[str, StoredFile]:
    """All files that values name, by URI; the first of them with their sizes."""
    found: dict[str, StoredFile] = {}
    for text in _texts(value):
        if text not in found and (file := file_of(text)):
            size = files.size(text) if len(found) < MOST_SIZES else None
            found[text] = StoredFile(uri=text, execution_id=file.execution_id, size=size)
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """One metric of one task, over all its task runs. A timer's values are seconds."""

    task_id: str
    name: str
    type: str
    count: int
    total: float
    largest: float

    @property
    def is_size(self) -> bool:
        """Whether it counts bytes."""
        return self.name.endswith(("bytes", "memory.peak", "size"))


def sums_of(metrics: Iterable[Metric], runs: Sequence[TaskRun]) -> list[Sum]:
    """By task in the order they ran, and by name."""
    task_ids = {run.id: run.task_id for run in runs}
    values: dict[tuple[str, str, str], list[float]] = {}
    for one in metrics:
        values.setdefault((task_ids.get(one.task_run_id, ""), one.name, one.type), []).append(one.value)
    order = {task_id: place for place, task_id in enumerate(dict.fromkeys(task_ids.values()))}
    return [
        Sum(task_id=task_id, name=name, type=type, count=len(those), total=sum(those), largest=max(those))
        for (task_id, name, type), those in sorted(values.items(), key=lambda item: (order.get(item[0][0], 0), item[0]))
    ]
