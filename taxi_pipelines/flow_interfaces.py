"""What the orchestrator needs of the world, in one file, as `interfaces.py` is for the pipeline. Neither knows the other.

The engine keeps what it works on in memory and writes it down in batches: a `Batch` is one transaction, stored before
anything in it is dispatched. Whoever else wants something of an execution (the command line, the API) leaves a `Command`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from taxi_pipelines.domain.access import Token
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow_change import FlowChange
from taxi_pipelines.domain.records import Command, KvDeletion, KvEntry, Level, LogLine, Metric, StoredFlow
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import TriggerState


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one transaction of an engine writes. `new_executions` come with their first state; the others are updates."""

    number: int = 0  #: counts an engine's batches from 1: one whose commit only seemed to fail is not written again
    executions: Sequence[Execution] = ()
    new_executions: Sequence[Execution] = ()
    task_runs: Sequence[TaskRun] = ()
    removed_task_runs: Sequence[str] = ()
    logs: Sequence[LogLine] = ()
    metrics: Sequence[Metric] = ()
    kv: Sequence[KvEntry | KvDeletion] = ()
    commands: Sequence[Command] = ()
    taken_commands: Sequence[int] = ()
    released: Sequence[str] = ()  #: executions the engine lets go of, ended or not


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which part of a listing; newest first."""

    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionFilter:
    """Which executions; None means any. `labels` must all be there."""

    namespace: str | None = None
    flow_id: str | None = None
    states: frozenset[State] | None = None
    since: datetime | None = None
    until: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    caller_execution_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFilter:
    """Which log lines of all executions; None means any. `level`: that one or worse. `text` is anywhere in them, in any case."""

    text: str | None = None
    execution_id: str | None = None
    task: str | None = None  #: id of a task, or of one of its runs
    before: int | None = None  #: a line's number: only those stored earlier
    namespace: str | None = None
    flow_id: str | None = None
    level: Level | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """An execution where very many are looked at: no more than that it was, and how long it took."""

    id: str
    namespace: str
    flow_id: str
    state: State
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Flows(Protocol):
    """Flow texts with their revisions."""

    def save(
        self, namespace: str, id: str, source: str, now: datetime, triggers: Sequence[TriggerState] = ()
    ) -> StoredFlow:
        """Keeps the text as the next revision, and its triggers; the same text as the newest keeps that revision."""
        ...

    def take_over(
        self,
        changes: Sequence[tuple[FlowChange, str, Sequence[TriggerState]]],
        git_commit: str,
        now: datetime,
    ) -> bool:
        """Performs all these changes (with texts, and triggers) in one transaction, in the name of a commit.

        False, and nothing is done, where one of the flows is of another revision by now.
        """
        ...

    def find(self, namespace: str, id: str, revision: int | None = None) -> StoredFlow | None:
        """That revision, or the newest; None where there is none, or where the newest is deleted."""
        ...

    def listed(self, namespace: str | None = None) -> list[StoredFlow]:
        """The newest revision of every flow not deleted; of a namespace and those below it."""
        ...

    def revisions(self, namespace: str, id: str) -> list[StoredFlow]:
        """All revisions, oldest first."""
        ...

    def delete(self, namespace: str, id: str, now: datetime) -> bool:
        """Marks it deleted by a last revision, and forgets its triggers; whether it was there."""
        ...


class Executions(Protocol):
    """Executions with their task runs, held by engines under leases."""

    def create(self, execution: Execution, task_runs: Sequence[TaskRun] = (), holder: str | None = None) -> None:
        """Keeps a new execution; from here on it is not lost. With a holder it is that engine's at once, if that lives."""
        ...

    def find(self, id_or_prefix: str) -> Execution | None:
        """The execution, none for an empty prefix. Raises AmbiguousId where the prefix fits several."""
        ...

    def task_runs(self, execution_id: str) -> list[TaskRun]:
        """All task runs in the order of their creation."""
        ...

    def search(self, wanted: ExecutionFilter, page: Page) -> list[Execution]:
        """Newest first."""
        ...

    def newest(self, flows: Sequence[tuple[str, str]], limit: int) -> list[Glance]:
        """So many of each of these flows, by namespace and id; newest first."""
        ...

    def count(self, wanted: ExecutionFilter, at_most: int | None = None) -> int:
        """How many there are; so many, where there are more."""
        ...

    def count_live(self, namespace: str, flow_id: str) -> int:
        """How many executions of the flow have begun, or are just being begun, and not ended (S17): counted, never stored."""
        ...

    def relabel(self, execution: Execution) -> bool:
        """Keeps the labels of one that has ended and that no engine holds; whether it was so."""
        ...

    def delete(self, execution_id: str) -> None:
        """Removes it with its task runs, logs, metrics, commands and own secrets; an engine that holds it finds it lost."""
        ...

    def vacuum(self) -> None:
        """Gives the space of what was removed back; whoever writes waits meanwhile."""
        ...


class Engines(Protocol):
    """Who drives what: engines with heartbeats, executions under leases."""

    def register(self, engine_id: str, host: str, pid: int, now: datetime) -> None:
        """An engine begins."""
        ...

    def beat(self, engine_id: str, now: datetime) -> bool:
        """It lives; False where it was declared dead meanwhile, and must let go of everything."""
        ...

    def leave(self, engine_id: str) -> None:
        """It ends; what it held is free."""
        ...

    def take_over(
        self, engine_id: str, now: datetime, silent_for: timedelta, known_dead: Sequence[str] = ()
    ) -> list[str]:
        """Takes what goes on and nobody holds, or an engine silent for that long or known dead, which is forgotten then."""
        ...

    def claim(self, engine_id: str, execution_id: str) -> bool:
        """Takes an execution that nobody holds, whatever its state; whether it is this engine's now."""
        ...

    def take_slot(self, engine_id: str, execution: Execution, limit: int) -> bool:
        """Counts an execution that it holds as live if fewer of its flow are (S17); whether it did. Then it may begin."""
        ...

    def claim_queued(self, engine_id: str, namespace: str, flow_id: str, limit: int) -> list[Execution]:
        """Takes QUEUED executions of the flow, the oldest first, until so many of it are live."""
        ...

    def listed(self) -> list[tuple[str, str, int, datetime]]:
        """(engine, host, pid, last heartbeat)."""
        ...

    def held(self) -> dict[str, int]:
        """By engine, how many executions it holds."""
        ...

    def commit(self, engine_id: str, batch: Batch) -> list[str]:
        """Writes the batch in one transaction, but nothing of executions (and new ones called by them) lost: those ids."""
        ...

    def have_news(self) -> bool:
        """Whether there is a command, or an execution that goes on and that nobody holds. Asked often: it costs little."""
        ...

    def commands(self, engine_id: str) -> list[Command]:
        """What is asked of executions it holds, and holds from now on if nobody does, oldest first, until a batch takes it."""
        ...

    def ask(self, command: Command) -> None:
        """Leaves a command."""
        ...


class Logs(Protocol):
    """Log lines and metrics, read; they are written by batches."""

    def lines(
        self,
        execution_id: str,
        *,
        after: int = 0,
        level: Level | None = None,
        task_id: str | None = None,
        limit: int = 1000,
    ) -> list[LogLine]:
        """Lines of that level or worse, in order, after a number."""
        ...

    def search_lines(self, wanted: LogFilter, page: Page) -> list[LogLine]:
        """Lines of any execution, the newest first."""
        ...

    def metrics(self, *execution_ids: str) -> list[Metric]:
        """All of them, in order."""
        ...


class KeyValues(Protocol):
    """Typed values by namespace and key, with a time to live."""

    def get(self, namespace: str, key: str, now: datetime) -> KvEntry | None:
        """That namespace's own; looking in parents is the caller's (S10)."""
        ...

    def listed(self, namespace: str, now: datetime) -> list[KvEntry]:
        """All of a namespace, by key."""
        ...

    def set(self, entry: KvEntry) -> None:
        """Keeps it, instead of what was there."""
        ...

    def delete(self, namespace: str, key: str) -> bool:
        """Whether it was there."""
        ...


class Secrets(Protocol):
    """Secret values, encrypted at rest."""

    def get(self, namespace: str, key: str) -> str | None:
        """In the clear."""
        ...

    def keys(self, namespace: str | None = None) -> list[tuple[str, str]]:
        """(namespace, key), never values; without a namespace those of all, but executions' own."""
        ...

    def set(self, namespace: str, key: str, value: str) -> None:
        """Keeps it encrypted."""
        ...

    def delete(self, namespace: str, key: str) -> bool:
        """Whether it was there."""
        ...


class Tokens(Protocol):
    """API tokens, as hashes."""

    def add(self, token: Token) -> None:
        """Keeps a new one."""
        ...

    def find(self, id: str) -> Token | None:
        """By its public part."""
        ...

    def listed(self) -> list[Token]:
        """The oldest first."""
        ...

    def remove(self, id: str) -> bool:
        """Whether it was there."""
        ...


class Files(Protocol):
    """Files of executions, by `kestra:///…` URI."""

    def put(self, uri: str, source: BinaryIO) -> int:
        """Keeps a file; its bytes. Visible as a whole or not at all."""
        ...

    def open(self, uri: str) -> BinaryIO:
        """Its bytes. Raises FileMissing."""
        ...

    def size(self, uri: str) -> int | None:
        """Bytes; None where there is no such file."""
        ...

    def delete(self, prefix: str) -> int:
        """Removes every file below it; how many."""
        ...
