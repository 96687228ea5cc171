"""A flow as a graph, for pictures of it: what its tasks are, what stands inside of what, what comes after what. Pure.

Edges run between things that stand side by side in the same box; what is inside a box is drawn inside it. So a picture can be
laid out box by box, the innermost first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import DEFAULTS, ELSE, ERRORS, FINALLY, MAIN, THEN, Flow, Kind, Task, Trigger
from taxi_pipelines.domain.states import ENDED, State

_SIDE_BY_SIDE = frozenset({Kind.PARALLEL, Kind.IF, Kind.SWITCH})
"""Kinds whose tasks, or branches, do not follow each other."""

_NOTES: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    Kind.PARALLEL: (("concurrent", "{} at a time"),),
    Kind.IF: (("condition", "{}"),),
    Kind.SWITCH: (("value", "{}"),),
    Kind.FOREACH: (("concurrencyLimit", "{} at a time"), ("concurrent", "{} at a time")),
    Kind.LOOP_UNTIL: (("condition", "until {}"),),
}
"""What is worth a word of a kind's properties; 0 means no limit, and is not said."""


class NodeKind(StrEnum):
    """What a node is. Groups and branches are boxes with others in them."""

    TASK = "task"
    SUBFLOW = "subflow"
    GROUP = "group"  #: a task that is control of the flow
    BRANCH = "branch"  #: `then`, a case, `errors`, `finally`
    TRIGGER = "trigger"


class EdgeKind(StrEnum):
    """Why one comes after the other."""

    NEXT = "next"
    NEEDS = "needs"  #: a Dag's `dependsOn`
    STARTS = "starts"  #: a trigger
    FAILED = "failed"  #: only after a failure
    FINALLY = "finally"  #: in any case


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """`parent` is the box it stands in; `task_id` that of a task; `flow` what is called (namespace, id), unless a template."""

    id: str
    kind: NodeKind
    label: str
    type: str = ""
    parent: str | None = None
    task_id: str | None = None
    note: str = ""
    disabled: bool = False
    line: int | None = None
    flow: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """From one node to another one of the same box."""

    source: str
    target: str
    kind: EdgeKind = EdgeKind.NEXT


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Nodes in the order of the text, boxes before what is in them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a task is in an execution: its runs by state, the state that matters most, and the seconds where it ran once."""

    state: State
    runs: Mapping[State, int]
    seconds: float | None = None


def graph_of(flow: Flow) -> Graph:
    """The whole of a flow: triggers in front, its `errors` and `finally` at the end."""
    builder = _Builder()
    triggers = [_trigger_node(trigger, flow) for trigger in flow.triggers]
    builder.nodes += triggers
    first, _ = builder.add_body(flow, None, "")
    builder.edges += [
        Edge(source=trigger.id, target=target, kind=EdgeKind.STARTS) for trigger in triggers for target in first
    ]
    return Graph(nodes=tuple(builder.nodes), edges=tuple(builder.edges))


def progress_of(runs: Iterable[TaskRun]) -> dict[str, Progress]:
    """By task id, of those that have begun."""
    by_task: dict[str, list[TaskRun]] = {}
    for run in runs:
        by_task.setdefault(run.task_id, []).append(run)
    return {task_id: _progress(those) for task_id, those in by_task.items()}


def called_flow(task: Task) -> tuple[str, str] | None:
    """Namespace and id of the flow that a subflow task calls; None of other tasks, and where a template names it."""
    if task.kind not in (Kind.SUBFLOW, Kind.FOREACH_ITEM):
        return None
    namespace, id = str(task.properties.get("namespace", "")), str(task.properties.get("flowId", ""))
    return None if "{{" in namespace + id else (namespace, id)


def short_type(type_name: str) -> str:
    """`io.kestra.plugin.core.log.Log` → `log.Log`; short names as they are."""
    return ".".join(type_name.split(".")[-2:]) if type_name.startswith("io.kestra.") else type_name


_WORST_FIRST = (
    *(State.FAILED, State.KILLED, State.RUNNING, State.KILLING, State.PAUSED, State.RETRYING, State.RESTARTED),
    *(State.QUEUED, State.CREATED, State.WARNING, State.CANCELLED, State.RETRIED, State.SUCCESS, State.SKIPPED),
)


def _progress(runs: Sequence[TaskRun]) -> Progress:
    states = [run.state for run in runs]
    counts = {state: states.count(state) for state in _WORST_FIRST if state in states}
    only = runs[0] if len(runs) == 1 else None
    seconds = None
    if only and only.started_at and only.ended_at and only.state in ENDED:
        seconds = (only.ended_at - only.started_at).total_seconds()
    return Progress(state=next(iter(counts)), runs=counts, seconds=seconds)


def _trigger_node(trigger: Trigger, flow: Flow) -> Node:
    return Node(
        id=f"trigger:{trigger.id}",
        kind=NodeKind.TRIGGER,
        label=trigger.id,
        type=short_type(trigger.type),
        note=str(trigger.properties.get("cron") or ""),
        disabled=trigger.disabled or flow.disabled,
    )


@dataclass(slots=True)
class _Builder:
    """Collects nodes and edges. Ids of tasks have no dots, so that ids of branches are nobody else's."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def add_body(self, of: Flow | Task, parent: str | None, prefix: str) -> tuple[list[str], list[str]]:
        """What is inside of a flow or a box: (what begins, what ends before `errors` and `finally`)."""
        kind = of.kind if isinstance(of, Task) else Kind.SEQUENTIAL
        ids = []
        for name, tasks in of.branches.items():
            if name == MAIN:
                ids += [self._add_task(task, parent) for task in tasks]
            elif name not in (ERRORS, FINALLY) and tasks:
                ids.append(self._add_branch(_branch_label(name), name, tasks, parent, prefix))
        first, last = self._connect(ids, of.branches.get(MAIN, ()), kind)
        self._add_handlers(of, parent, prefix, last)
        return first, last

    def _connect(self, ids: list[str], tasks: Sequence[Task], kind: Kind) -> tuple[list[str], list[str]]:
        if kind is Kind.DAG:
            needs = [(name, task.id) for task in tasks for name in task.depends_on]
            self.edges += [Edge(source=source, target=target, kind=EdgeKind.NEEDS) for source, target in needs]
            targets, sources = {target for _, target in needs}, {source for source, _ in needs}
            return [id for id in ids if id not in targets], [id for id in ids if id not in sources]
        if kind in _SIDE_BY_SIDE:
            return ids, ids
        self.edges += [Edge(source=one, target=other) for one, other in pairwise(ids)]
        return ids[:1], ids[-1:]

    def _add_handlers(self, of: Flow | Task, parent: str | None, prefix: str, last: list[str]) -> None:
        before = [(id, EdgeKind.FINALLY) for id in last]
        if tasks := of.branches.get(ERRORS):
            id = self._add_branch("errors", ERRORS, tasks, parent, prefix)
            self.edges += [Edge(source=one, target=id, kind=EdgeKind.FAILED) for one in last]
            before.append((id, EdgeKind.FINALLY))
        if tasks := of.branches.get(FINALLY):
            id = self._add_branch("finally", FINALLY, tasks, parent, prefix)
            self.edges += [Edge(source=one, target=id, kind=kind) for one, kind in before]

    def _add_branch(self, label: str, name: str, tasks: Sequence[Task], parent: str | None, prefix: str) -> str:
        id = f"{prefix}.{name}"
        self.nodes.append(Node(id=id, kind=NodeKind.BRANCH, label=label, parent=parent))
        inside = [self._add_task(task, id) for task in tasks]
        self._connect(inside, tasks, Kind.SEQUENTIAL)
        return id

    def _add_task(self, task: Task, parent: str | None) -> str:
        has_inside = any(task.branches.values())
        kind = NodeKind.GROUP if has_inside else NodeKind.TASK
        if task.kind in (Kind.SUBFLOW, Kind.FOREACH_ITEM):
            kind = NodeKind.SUBFLOW
        self.nodes.append(
            Node(
                id=task.id,
                kind=kind,
                label=task.id,
                type=short_type(task.type),
                parent=parent,
                task_id=task.id,
                note=", ".join(_notes(task)),
                disabled=task.disabled,
                line=task.line,
                flow=called_flow(task),
            )
        )
        if kind is NodeKind.GROUP:
            self.add_body(task, task.id, task.id)
        return task.id


def _branch_label(name: str) -> str:
    return {THEN: "then", ELSE: "else", DEFAULTS: "otherwise"}.get(name) or f"case {name.partition('.')[2]}"


def _notes(task: Task) -> Iterator[str]:
    for name, words in _NOTES.get(task.kind, ()):
        if value := task.properties.get(name):
            yield words.format(value)
    if task.run_if is not None:
        yield f"if {task.run_if}"
