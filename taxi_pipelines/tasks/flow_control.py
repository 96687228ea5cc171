"""The flow-control types: what may be written about them. What they do is `domain.advance`'s; child tasks are not properties.

Source: Kestra's reference of `io.kestra.plugin.core.flow`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from taxi_pipelines.domain.flow import DEFAULTS, ELSE, ERRORS, FINALLY, MAIN, THEN, Kind
from taxi_pipelines.task_types import DurationText, Properties, TypeSpec

_PREFIX = "io.kestra.plugin.core.flow."
_OLD = "io.kestra.core.tasks.flows."
_HANDLERS = (ERRORS, FINALLY)

Condition = str | bool | int | float
Values = list[Any] | dict[str, Any] | str


class Sequential(Properties):
    """Nothing besides its tasks."""


class Parallel(Properties):
    """Tasks at the same time."""

    concurrent: int = Field(default=0, ge=0, description="How many tasks run at a time; 0 means all.")


class If(Properties):
    """A choice."""

    condition: Condition = Field(description="Rendered text; false only when it is empty, `false`, `0` or `-0`.")


class Switch(Properties):
    """A choice among cases."""

    value: Condition = Field(description="Its rendered text names the case.")


class ForEach(Properties):
    """A loop over values."""

    values: Values = Field(description="A list or map, or text that is one in JSON.")
    concurrency_limit: int = Field(default=1, ge=0, description="How many iterations run at a time; 0 means all.")


class EachSequential(Properties):
    """The older loop."""

    value: Values = Field(description="A list or map, or text that is one in JSON.")


class EachParallel(EachSequential):
    """The older loop, all iterations at a time."""

    concurrent: int = Field(default=0, ge=0, description="How many iterations run at a time; 0 means all.")


class CheckFrequency(Properties):
    """How often, and how long, a condition is looked at."""

    interval: DurationText = Field(default="PT1S", description="Pause between iterations, as an ISO 8601 duration.")
    max_iterations: int | None = Field(default=100, ge=1, description="At most so many iterations.")
    max_duration: DurationText | None = Field(default="PT1H", description="At most so long, as an ISO 8601 duration.")


class LoopUntil(Properties):
    """A loop until a condition holds."""

    condition: Condition = Field(description="Rendered after each iteration; the loop ends when it is true.")
    check_frequency: CheckFrequency = Field(default=CheckFrequency(), description="Pauses and limits.")
    fail_on_max_reached: bool = Field(default=False, description="Whether reaching a limit is a failure.")


class Subflow(Properties):
    """Another flow as a task."""

    namespace: str = Field(description="Namespace of the flow to run.")
    flow_id: str = Field(description="The flow to run.")
    revision: int | None = Field(default=None, ge=1, description="Its revision; the newest where none is given.")
    inputs: dict[str, Any] = Field(default={}, description="Its inputs.")
    labels: dict[str, Any] | list[dict[str, Any]] = Field(default={}, description="Labels of its execution.")
    wait: bool = Field(default=True, description="Whether this task ends only when that execution has ended.")
    transmit_failed: bool = Field(default=True, description="Whether its failure is this task's failure.")
    inherit_labels: bool = Field(default=False, description="Whether its execution has this one's labels, too.")


class Batch(Properties):
    """How a file is cut into items."""

    rows: int | None = Field(default=None, ge=1, description="Lines per item.")
    bytes: str | None = Field(default=None, description="Size of an item, such as 10MB.")
    partitions: int | None = Field(default=None, ge=1, description="How many items.")
    separator: str = Field(default="\n", description="What ends a line.")


class ForEachItem(Subflow):
    """A subflow per part of a file."""

    items: str = Field(description="URI of the file to cut.")
    batch: Batch = Field(default=Batch(rows=1), description="How it is cut.")


class WorkingDirectory(Properties):
    """Tasks that share one folder."""

    input_files: dict[str, Any] = Field(
        default={}, description="Files to put there first: name → text, or the URI of a stored file."
    )
    output_files: list[str] = Field(
        default=[], description="Globs of files to store in the end; a file named without a wildcard must be there."
    )


class Pause(Properties):
    """A wait for somebody, or for a time."""

    delay: DurationText | None = Field(default=None, description="Goes on by itself after this ISO 8601 duration.")
    pause_duration: DurationText | None = Field(default=None, description="The same, by its newer name.")
    behavior: Literal["RESUME", "WARN", "CANCEL", "FAIL"] = Field(
        default="RESUME", description="How it ends when the duration is over."
    )
    on_resume: list[dict[str, Any]] = Field(default=[], description="Inputs asked for when somebody resumes it.")


class Sleep(Properties):
    """A wait."""

    duration: DurationText = Field(description="An ISO 8601 duration.")


def _flowable(name: str, title: str, kind: Kind, properties: type[Properties], *branches: str, **more: Any) -> TypeSpec:
    aliases = (f"{_OLD}{name}", *more.pop("aliases", ()))
    return TypeSpec(
        name=f"{_PREFIX}{name}",
        aliases=(*aliases, more.pop("short", name[0].lower() + name[1:])),
        title=title,
        kind=kind,
        properties=properties,
        branches=(*branches, *_HANDLERS),
        **more,
    )


def _children(*ids: str) -> str:
    return "".join(f"\n  - id: {id}\n    type: log\n    message: {id}" for id in ids)


FLOW_CONTROL = (
    _flowable(
        "Sequential",
        "Runs tasks one after the other.",
        Kind.SEQUENTIAL,
        Sequential,
        MAIN,
        example=f"type: sequential\ntasks:{_children('first', 'second')}",
    ),
    _flowable(
        "Parallel",
        "Runs tasks at the same time.",
        Kind.PARALLEL,
        Parallel,
        MAIN,
        example=f"type: parallel\nconcurrent: 2\ntasks:{_children('green', 'yellow', 'fhv')}",
    ),
    _flowable(
        "Dag",
        "Runs tasks as soon as those they depend on have ended.",
        Kind.DAG,
        Parallel,
        MAIN,
        example=(
            "type: dag\ntasks:\n  - task:\n      id: load\n      type: log\n      message: load\n"
            "  - task:\n      id: check\n      type: log\n      message: check\n    dependsOn: [load]"
        ),
    ),
    _flowable(
        "If",
        "Runs one branch or the other.",
        Kind.IF,
        If,
        THEN,
        ELSE,
        outputs={"evaluationResult": "What the condition said."},
        example=f"type: if\ncondition: \"{{{{ flow.id == 'green' }}}}\"\nthen:{_children('green')}\nelse:{_children('others')}",
    ),
    _flowable(
        "Switch",
        "Runs the branch a value names.",
        Kind.SWITCH,
        Switch,
        "cases",
        DEFAULTS,
        outputs={"value": "What the value said.", "defaults": "Whether no case was named so."},
        example=(
            'type: switch\nvalue: "{{ flow.id }}"\ncases:\n  green:\n    - id: of_green\n      type: log\n      message: green'
            f"\ndefaults:{_children('of_others')}"
        ),
    ),
    _flowable(
        "ForEach",
        "Runs tasks once per value.",
        Kind.FOREACH,
        ForEach,
        MAIN,
        aliases=("foreach",),
        example=f"type: forEach\nvalues: [green, yellow]\nconcurrencyLimit: 2\ntasks:{_children('load')}",
    ),
    _flowable(
        "EachSequential",
        "Runs tasks once per value, one after the other.",
        Kind.FOREACH,
        EachSequential,
        MAIN,
        example=f"type: eachSequential\nvalue: [green, yellow]\ntasks:{_children('load')}",
    ),
    _flowable(
        "EachParallel",
        "Runs tasks once per value, all at a time.",
        Kind.FOREACH,
        EachParallel,
        MAIN,
        example=f"type: eachParallel\nvalue: [green, yellow]\ntasks:{_children('load')}",
    ),
    _flowable(
        "LoopUntil",
        "Runs tasks again and again until a condition holds.",
        Kind.LOOP_UNTIL,
        LoopUntil,
        MAIN,
        aliases=(f"{_PREFIX}WaitFor", f"{_OLD}WaitFor", "waitFor"),
        unrendered=frozenset({"condition"}),
        outputs={"iterationCount": "How many iterations there were."},
        example=(
            'type: loopUntil\ncondition: "{{ true }}"\n'
            f"checkFrequency:\n  interval: PT5S\n  maxIterations: 10\ntasks:{_children('look')}"
        ),
    ),
    _flowable(
        "AllowFailure",
        "Runs tasks; their failure is only a warning.",
        Kind.ALLOW_FAILURE,
        Sequential,
        MAIN,
        example="type: allowFailure\ntasks:\n  - id: fails\n    type: fail",
    ),
    _flowable(
        "WorkingDirectory",
        "Runs tasks that share one folder.",
        Kind.WORKING_DIRECTORY,
        WorkingDirectory,
        MAIN,
        aliases=(f"{_OLD}Worker",),
        outputs={"outputFiles": "Relative path → URI of every file kept."},
        example=f"type: workingDirectory\ninputFiles:\n  month.txt: 2024-01\ntasks:{_children('work')}",
    ),
    _flowable(
        "Pause",
        "Waits until somebody resumes the execution, or a time has passed.",
        Kind.PAUSE,
        Pause,
        MAIN,
        unrendered=frozenset({"onResume"}),
        outputs={"onResume": "What was given when it was resumed."},
        example="type: pause\nonResume:\n  - id: approved\n    type: BOOLEAN\n    defaults: true",
    ),
    TypeSpec(
        name=f"{_PREFIX}Sleep",
        aliases=(f"{_OLD}Sleep", "sleep"),
        title="Waits.",
        kind=Kind.SLEEP,
        properties=Sleep,
        example="type: sleep\nduration: PT5S",
    ),
    TypeSpec(
        name=f"{_PREFIX}Subflow",
        aliases=(f"{_PREFIX}Flow", f"{_OLD}Flow", f"{_OLD}Subflow", "subflow"),
        title="Runs another flow.",
        kind=Kind.SUBFLOW,
        properties=Subflow,
        outputs={"executionId": "Its execution.", "state": "How it ended.", "outputs": "What it put out."},
        example="type: subflow\nnamespace: taxi\nflowId: load\ninputs:\n  taxi: green",
    ),
    TypeSpec(
        name=f"{_PREFIX}ForEachItem",
        aliases=(f"{_OLD}ForEachItem", "forEachItem"),
        title="Runs another flow once per part of a file.",
        kind=Kind.FOREACH_ITEM,
        properties=ForEachItem,
        unrendered=frozenset({"inputs"}),
        outputs={
            "numberOfBatches": "How many parts there were.",
            "iterations": "How many executions ended in which state.",
        },
        example=(
            "type: forEachItem\nitems: kestra:///months.txt\nbatch:\n  rows: 1\nnamespace: taxi\nflowId: load\n"
            'inputs:\n  month: "{{ taskrun.items }}"'
        ),
    ),
)
"""Every flow-control type."""
