"""What the tasks that touch the world need of their worker, beyond what every heavy task sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from taxi_pipelines.task_types import TaskContext
from taxi_pipelines.work_interfaces import GoogleAccess


class WorkerContext(TaskContext, Protocol):
    """A `TaskContext` of a worker."""

    @property
    def secrets(self) -> Sequence[str]:
        """Values to mask in what the task writes elsewhere than into its log."""
        ...

    @property
    def cache(self) -> Path:
        """A folder for what is worth keeping between task runs; all workers of a home share it."""
        ...

    @property
    def block_private_hosts(self) -> bool:
        """Whether requests to loopback, private, link-local and metadata addresses are refused."""
        ...

    @property
    def rewrite_hosts(self) -> Mapping[str, str]:
        """Hosts to ask instead of those that flows name; see `tasks.hosts`."""
        ...

    @property
    def google(self) -> GoogleAccess:
        """What the settings say of Google Cloud."""
        ...

    @property
    def identity(self) -> Mapping[str, str]:
        """Which task run this is: its namespace, flow_id, execution_id, task_id, task_run_id."""
        ...

    def open_file(self, uri: str) -> BinaryIO:
        """The bytes of a stored file, without a copy of it. Raises NotFound."""
        ...

    def file_size(self, uri: str) -> int | None:
        """Bytes of a stored file; None where there is no such file."""
        ...

    def remove_file(self, uri: str) -> bool:
        """Removes a stored file; whether it was there."""
        ...
