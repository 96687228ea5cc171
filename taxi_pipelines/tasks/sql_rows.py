"""The rows of statements on their way into outputs: counted, kept, or written to a file, as the task says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.tasks.sql import FetchType
from taxi_pipelines.tasks.sql_values import plain
from taxi_pipelines.tasks.worker_context import WorkerContext

MOST_BYTES = 16 << 20
"""Bytes of JSON that all rows of a task's outputs may have together."""

Outputs = Mapping[str, Any]


class Rows:
    """Takes the rows of one statement after the other, in pieces: `add`, `add`, `end`, `add`, `end`. Nothing is stored before
    it is asked for, for the transaction may yet fail."""

    def __init__(self, fetching: FetchType, folder: Path) -> None:
        """`folder`: where rows are written, to be stored later."""
        self._fetching = fetching
        self._folder = folder
        self._bytes = 0
        self._ended: list[_Set] = []
        self._current: _Set | None = None

    def add(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Some rows of the current statement, perhaps none. Raises DiskFull, and PermanentError where they are too many."""
        if self._current is None:
            self._current = _Set(self._folder / f"rows-{len(self._ended) + 1}.jsonl")
        match self._fetching:
            case FetchType.NONE:
                return
            case FetchType.FETCH_ONE:
                self._keep(names, [] if self._current.rows else list(rows)[:1])
            case FetchType.FETCH:
                self._keep(names, rows)
            case FetchType.STORE:
                self._current.write(_line(dict(zip(names, map(plain, row), strict=True))) for row in rows)

    def end(self) -> None:
        """The current statement has no more rows."""
        if self._current is not None:
            self._ended.append(self._current)
        self._current = None

    def outputs(self, context: WorkerContext) -> list[Outputs]:
        """Of every statement that gave rows; files are stored now."""
        if self._fetching is FetchType.NONE:
            return []
        return [self._output(one, context) for one in self._ended]

    def last(self, context: WorkerContext) -> Outputs:
        """Of the last statement that gave rows."""
        del self._ended[:-1]
        return next(iter(self.outputs(context)), {})

    def measure(self, context: WorkerContext) -> None:
        """Kestra's metric."""
        fetched = self._fetching in (FetchType.FETCH, FetchType.FETCH_ONE)
        tags = {"fetch": str(fetched).lower(), "store": str(self._fetching is FetchType.STORE).lower()}
        context.metric("fetch.size", sum(one.size for one in self._ended), tags=tags)

    def _keep(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        assert self._current is not None
        for row in rows:
            found = dict(zip(names, map(plain, row), strict=True))
            self._bytes += len(_line(found))
            if self._bytes > MOST_BYTES:
                raise PermanentError(
                    f"the rows are larger than {MOST_BYTES:,} bytes", "write them to a file: fetchType: STORE"
                )
            self._current.rows.append(found)
            self._current.size += 1

    def _output(self, one: _Set, context: WorkerContext) -> Outputs:
        match self._fetching:
            case FetchType.STORE:
                return {"uri": context.keep_file(one.path), "size": one.size}
            case FetchType.FETCH_ONE:
                return {"row": one.rows[0] if one.rows else None, "size": one.size}
            case _:
                return {"rows": one.rows, "size": one.size}


class _Set:
    """The rows of one statement: in memory, or in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.size = 0

    def write(self, lines: Iterable[str]) -> None:
        with writable(self.path), self.path.open("a", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                self.size += 1


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
