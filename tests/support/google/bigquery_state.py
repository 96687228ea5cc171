"""What the fake BigQuery holds, and the form in which its handlers get what was asked."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from tests.support.google.bigquery_catalog import Catalog
from tests.support.google.bigquery_data import Data
from tests.support.google.bigquery_jobs import Job, JobBook
from tests.support.google.bigquery_layout import TableName, table_name
from tests.support.google.bigquery_project import Projects
from tests.support.google.storage_state import StorageState


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call: the parts of its path, its query, its headers (names in lower case), its JSON body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def project(self) -> str:
        """Of the path."""
        return self.path["project"]

    @property
    def table(self) -> TableName:
        """Of the path; a partition may be named in it."""
        return table_name({"datasetId": self.path["dataset"], "tableId": self.path["table"]}, self.project)

    def flag(self, name: str) -> bool:
        """A true or false of the query."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A number of the query."""
        return int(self.query.get(name) or default)


class BigQueryState:
    """Datasets, tables, rows, jobs, and what a test may turn: `clock`, `jobs` (polls, faults), `projects`, `page_rows`.

    One lock: every call is answered by itself, as if it were instant.
    """

    def __init__(self, storage: StorageState | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.storage = storage
        self.lock = RLock()
        self._default_clock = clock
        self._folder = _new_folder()
        self.data = Data()
        self.clear()

    def clear(self) -> None:
        """As if just made."""
        with self.lock:
            self.clock = self._default_clock
            self.page_rows = 50_000
            self._folder.cleanup()
            self._folder = _new_folder()
            self.data.connection.close()
            self.data = Data()
            self.catalog = Catalog(data=self.data, now_ms=self.now_ms)
            self.jobs = JobBook(now_ms=self.now_ms)
            self.projects = Projects()
            self.uploads: dict[str, Upload] = {}
            self.request_ids: dict[tuple[str, str], Job] = {}

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.clock() * 1000)

    def new_file(self, name: str) -> Path:
        """A path of its own for uploaded content."""
        return Path(self._folder.name) / f"{uuid.uuid4().hex}-{name}"


def _new_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fake-bigquery-", ignore_cleanup_errors=True)


@dataclass(kw_only=True)
class Upload:
    """A resumable upload: the job it is for, and what has arrived."""

    project: str
    resource: Mapping[str, Any]
    content: Path
    size: int = 0
    answer: dict[str, Any] | None = field(default=None)
