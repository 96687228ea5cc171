"""What executions leave behind and what is asked of them: log lines, metrics, flow texts, commands, key-value entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """Levels of log lines, the quietest first."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One line of an execution's log. `attempt` from 1; none where the line is the execution's own."""

    execution_id: str
    level: Level
    message: str
    logged_at: datetime
    task_run_id: str | None = None
    task_id: str | None = None
    attempt: int | None = None
    number: int = 0  #: its place in the store, given when it is read


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One measurement of a task run: a counter, or a timer in seconds."""

    execution_id: str
    task_run_id: str
    name: str
    value: float
    measured_at: datetime
    type: str = "counter"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFlow:
    """One revision of a flow's text. `git_commit` is the one it came with, where it came from Git."""

    namespace: str
    id: str
    revision: int
    source: str
    created_at: datetime
    deleted: bool = False
    git_commit: str | None = None


class Verb(StrEnum):
    """What can be asked of a running execution."""

    KILL = "kill"
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    CHILD_ENDED = "child_ended"  #: a subflow that a task run waits for


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Something asked of an execution; taken by whichever engine holds it, once."""

    execution_id: str
    verb: Verb
    arguments: Mapping[str, Any] = field(default_factory=dict)
    asked_at: datetime
    number: int = 0


class KvType(StrEnum):
    """Types of values in the key-value store (S10)."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATETIME = "DATETIME"
    DATE = "DATE"
    DURATION = "DURATION"
    JSON = "JSON"


@dataclass(frozen=True, kw_only=True, slots=True)
class KvEntry:
    """One value; `value` is plain JSON, times and durations as ISO 8601 text."""

    namespace: str
    key: str
    type: KvType
    value: Any
    description: str | None = None
    expires_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KvDeletion:
    """A key that goes."""

    namespace: str
    key: str
