"""A flow as the engine sees it: a tree of tasks, every alias resolved, every default applied, every template still text.

Built by `flowspec` out of YAML; nothing here knows what a task type does, only how the flow-control types nest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How a task takes part in the flow's control. Everything that is not flow control is WORK."""

    WORK = "work"
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    DAG = "dag"
    IF = "if"
    SWITCH = "switch"
    FOREACH = "foreach"
    FOREACH_ITEM = "foreach_item"
    LOOP_UNTIL = "loop_until"
    ALLOW_FAILURE = "allow_failure"
    SUBFLOW = "subflow"
    WORKING_DIRECTORY = "working_directory"
    PAUSE = "pause"
    SLEEP = "sleep"


class RetryType(StrEnum):
    """How the pauses between attempts grow."""

    CONSTANT = "constant"
    EXPONENTIAL = "exponential"
    RANDOM = "random"


class RetryBehavior(StrEnum):
    """What a flow's own retry policy does."""

    RETRY_FAILED_TASK = "RETRY_FAILED_TASK"
    CREATE_NEW_EXECUTION = "CREATE_NEW_EXECUTION"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """When a failed task, or flow, is tried again. `max_attempts` counts the first; random draws from interval…max_interval."""

    type: RetryType
    interval: timedelta
    max_interval: timedelta | None = None
    delay_factor: float = 2.0
    max_attempts: int | None = None
    max_duration: timedelta | None = None
    warning_on_retry: bool = False
    behavior: RetryBehavior = RetryBehavior.RETRY_FAILED_TASK


MAIN = "tasks"
THEN, ELSE = "then", "else"
DEFAULTS = "defaults"
ERRORS, FINALLY = "errors", "finally"


def case_branch(value: str) -> str:
    """The branch of a Switch's case."""
    return f"cases.{value}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task. `type` is what the flow wrote, `name` its canonical type name.

    `properties` are the type's own, after pluginDefaults, templates unrendered; what every task has stands in fields.
    `branches` are the children: MAIN (`tasks`), THEN, ELSE, `cases.…`, DEFAULTS, ERRORS, FINALLY. `path` and `line` say where it
    stands in the YAML text (`tasks[2].then[0]`, 1…n).
    """

    id: str
    type: str
    name: str
    kind: Kind = Kind.WORK
    properties: Mapping[str, Any] = field(default_factory=dict)
    branches: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    description: str | None = None
    disabled: bool = False
    timeout: str | None = None
    retry: RetryPolicy | None = None
    run_if: str | None = None
    allow_failure: bool = False
    allow_warning: bool = False
    log_level: str | None = None
    log_to_file: bool = False
    path: str = ""
    line: int = 0

    @property
    def is_flowable(self) -> bool:
        """Whether it is control of the flow, with task runs below it."""
        return self.kind not in (Kind.WORK, Kind.SUBFLOW, Kind.PAUSE, Kind.SLEEP, Kind.FOREACH_ITEM)

    def walk(self) -> Iterator[Task]:
        """The task and all below it, in the order of the text."""
        yield self
        for children in self.branches.values():
            for child in children:
                yield from child.walk()


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One input. `rules` are the type's own properties (values, validator, min, max, after, before, itemType …)."""

    id: str
    type: str
    required: bool = True
    defaults: Any = None
    has_defaults: bool = False
    display_name: str | None = None
    description: str | None = None
    depends_on: tuple[str, ...] = ()
    depends_condition: str | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowOutput:
    """One output of a flow: a template, rendered when the execution has ended well."""

    id: str
    type: str
    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """One trigger, as written; the service interprets it."""

    id: str
    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    disabled: bool = False


class ConcurrencyBehavior(StrEnum):
    """What becomes of an execution beyond the limit."""

    QUEUE = "QUEUE"
    CANCEL = "CANCEL"
    FAIL = "FAIL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Concurrency:
    """How many executions of a flow may be live at a time."""

    limit: int
    behavior: ConcurrencyBehavior = ConcurrencyBehavior.QUEUE


@dataclass(frozen=True, kw_only=True, slots=True)
class Sla:
    """A promise about an execution: `type` is MAX_DURATION (with `duration`) or EXECUTION_ASSERTION (with `assertion`)."""

    id: str
    type: str
    behavior: str
    duration: timedelta | None = None
    assertion: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A whole flow of one revision. `branches` are MAIN, ERRORS, FINALLY (those that are there)."""

    id: str
    namespace: str
    revision: int = 0
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    branches: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    outputs: tuple[FlowOutput, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    concurrency: Concurrency | None = None
    retry: RetryPolicy | None = None
    slas: tuple[Sla, ...] = ()
    disabled: bool = False
    source: str = ""

    def walk(self) -> Iterator[Task]:
        """All tasks, in the order of the text."""
        for children in self.branches.values():
            for child in children:
                yield from child.walk()
