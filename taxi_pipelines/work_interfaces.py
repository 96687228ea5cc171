"""What the engine needs of where attempts run: orders that go out to workers, and what comes back from them.

Workers see this and nothing else of the orchestrator's interfaces (flow_interfaces.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State


@dataclass(frozen=True, kw_only=True, slots=True)
class GoogleAccess:
    """What the settings say of Google Cloud: for tasks that say nothing else. Emulators are HOST:PORT, or URLs."""

    project: str | None = None
    credentials: str | None = field(default=None, repr=False)
    impersonate: str | None = None
    storage_emulator: str | None = None
    bigquery_emulator: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkOrder:
    """An attempt at a task, ready for a worker: plain picklable data, every template rendered.

    `run`: the `module:function` that does the work. `secrets`: what to mask in all it prints. `folder`: where it may work;
    `cache`: where it may keep what is worth it. `rewrite_hosts`: what to ask instead, HOST or HOST:PORT both.
    """

    execution_id: str
    task_run_id: str
    task_id: str
    attempt: int
    namespace: str
    flow_id: str
    run: str
    properties: Mapping[str, Any]
    timeout: timedelta | None
    log_level: Level
    folder: Path
    files_root: str
    cache: Path
    secrets: tuple[str, ...] = ()
    block_private_hosts: bool = False
    rewrite_hosts: Mapping[str, str] = field(default_factory=dict)
    google: GoogleAccess = field(default_factory=GoogleAccess)

    @property
    def owns_folder(self) -> bool:
        """Whether nobody else works in its folder; one of a WorkingDirectory is shared."""
        return self.folder.name == self.task_run_id


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkEnd:
    """How an attempt ended. `state` is SUCCESS, WARNING, FAILED, KILLED or SKIPPED; `lost` where its worker died under it."""

    execution_id: str
    task_run_id: str
    attempt: int
    state: State
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    lost: bool = False
    peak_memory: int | None = None  #: bytes
    cpu_seconds: float | None = None


Report = LogLine | Metric | WorkEnd
"""What comes back from workers while and when they work."""


class Executor(Protocol):
    """Where attempts run. All verbs return at once."""

    def submit(self, order: WorkOrder) -> None:
        """Takes an attempt; it starts when a worker is free."""
        ...

    def free(self) -> int:
        """How many more orders would begin at once: so what is RUNNING in the store does run."""
        ...

    def poll(self, wait: float) -> Iterator[Report]:
        """What happened since, waiting up to so many seconds for something to happen."""
        ...

    def wake(self) -> None:
        """Ends a waiting `poll`, from any thread."""
        ...

    def cancel(self, task_run_id: str) -> None:
        """Stops the work itself, grandchildren included; its end comes by `poll` as KILLED."""
        ...

    def close(self, grace: float) -> None:
        """Stops everything and waits; nothing is left running."""
        ...
