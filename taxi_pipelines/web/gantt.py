"""An execution as a chart of time: a row per task run in the order of its tree, with bars for waiting and working. Pure.

Seconds are counted from the execution's begin, on an axis that leaves out long stretches in which nothing ran (`Break`): a retry
five minutes later, or a restart the day after, would squeeze everything else to dots. Bars that still grow have no end; the page
moves their ends by the clock, so that a chart in which nothing happened is the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, MAIN, Flow, Kind, Task
from taxi_pipelines.domain.states import State
from taxi_pipelines.web.words import duration, plural

MOST_SIBLINGS = 12
"""Of a loop with more task runs those that ended well are shown as one row, until somebody asks for all of them."""

MOST_ROWS = 600
LEAST_BREAK = 20.0
"""Seconds without work that may be left out, at least; and more than all the work took."""

_TICKS = 8
_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000, 2592000, 8640000),
)
_WAITS = (State.PAUSED, State.RETRYING, State.CREATED, State.RESTARTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """From … to, in seconds of the axis; no end: it grows. `kind`: wait, work, retry (the wait for another attempt)."""

    kind: str
    state: State
    start: float
    end: float | None
    attempt: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A task run, a task not reached (no `run`), or several task runs in one (`counts`, by state)."""

    task_id: str
    depth: int
    run: TaskRun | None = None
    bars: tuple[Bar, ...] = ()
    is_parent: bool = False
    note: str = ""
    counts: Mapping[State, int] = field(default_factory=dict)
    group_id: str = ""  #: of several in one: the loop they belong to

    @property
    def end(self) -> float | None:
        """Where its last bar ends; None where that grows, or where there is none."""
        return self.bars[-1].end if self.bars else None

    @property
    def took(self) -> float | None:
        """Seconds from its first work to its end; None before."""
        if self.run is None or self.run.started_at is None or self.run.ended_at is None:
            return None
        return (self.run.ended_at - self.run.started_at).total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """A stretch left out: where it stands on the axis, how wide it is there, how long it is really, or was until now."""

    at: float
    width: float
    seconds: float
    goes_on: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Seconds of the clock since `begin` to seconds of the axis. It `grows` while something runs, or will at once."""

    begin: datetime
    span: float
    grows: bool
    breaks: tuple[Break, ...] = ()

    @property
    def left_out(self) -> float:
        """Seconds that all breaks left out together."""
        return sum(one.seconds - one.width for one in self.breaks)

    def place(self, moment: datetime) -> float:
        """Where a moment stands. Within a break all is at its begin."""
        seconds = max((moment - self.begin).total_seconds(), 0.0)
        for one in self.breaks:
            if seconds <= one.at:
                break
            seconds = max(seconds - one.seconds + one.width, one.at)
        return round(seconds, 4)

    def ticks(self) -> list[tuple[float, str]]:
        """Round places with their words, enough of them for a while of growing: what is beyond the end is not seen."""
        step = next((step for step in _STEPS if step * _TICKS >= self.span), _STEPS[-1])
        places = [round(step * count, 4) for count in range(1, _TICKS + 1)]
        return [(place, f"{place:g} s" if 1 <= place < 60 else duration(place)) for place in places]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """All of it."""

    axis: Axis
    rows: tuple[Row, ...]
    hidden: int = 0  #: rows beyond the most that are shown


def chart(
    flow: Flow, execution: Execution, runs: Sequence[TaskRun], now: datetime, *, expanded: Iterable[str] = ()
) -> Chart:
    """The chart of an execution; loops whose ids are `expanded` are shown in full."""
    axis = axis_of(execution, runs, now)
    builder = _Rows(execution, runs, axis, frozenset(expanded))
    rows = list(builder.below(None, flow, 0))
    return Chart(axis=axis, rows=tuple(rows[:MOST_ROWS]), hidden=max(len(rows) - MOST_ROWS, 0))


def axis_of(execution: Execution, runs: Iterable[TaskRun], now: datetime) -> Axis:
    """From the execution's begin to its end, or now."""
    begin = execution.started_at or execution.created_at
    end = max(execution.ended_at or now, begin)
    spans = [_seconds(begin, one, end) for run in runs for one in run.attempts if one.state is not State.PAUSED]
    leaves = sorted(span for span in spans if span[1] > 0)
    total = (end - begin).total_seconds()
    grows = not execution.state.has_ended
    idle = _idle(leaves, total)
    work = total - sum(until - since for since, until in idle)
    breaks: list[Break] = []
    left_out = 0.0
    for since, until in idle:
        if until - since > max(LEAST_BREAK, work):
            width = max(work, 1.0) * 0.1
            goes_on = until == total and not execution.state.has_ended
            at = round(since - left_out, 4)
            breaks.append(Break(at=at, width=round(width, 4), seconds=until - since, goes_on=goes_on))
            left_out += until - since - width
            grows = grows and not goes_on
    return Axis(begin=begin, span=round(max(total - left_out, 0.001), 4), grows=grows, breaks=tuple(breaks))


def _seconds(begin: datetime, attempt: Attempt, end: datetime) -> tuple[float, float]:
    return (attempt.started_at - begin).total_seconds(), ((attempt.ended_at or end) - begin).total_seconds()


def _idle(spans: Sequence[tuple[float, float]], total: float) -> list[tuple[float, float]]:
    """The stretches that no span covers."""
    found, covered = [], 0.0
    for since, until in spans:
        if since > covered:
            found.append((covered, since))
        covered = max(covered, until)
    return [*found, (covered, total)] if total > covered else found


class _Rows:
    """Makes the rows of one execution."""

    def __init__(self, execution: Execution, runs: Iterable[TaskRun], axis: Axis, expanded: frozenset[str]) -> None:
        self._execution = execution
        self._axis = axis
        self._expanded = expanded
        self._children: dict[tuple[str | None, str], list[TaskRun]] = {}
        for run in runs:
            self._children.setdefault((run.parent_id, run.branch), []).append(run)
        for siblings in self._children.values():
            siblings.sort(key=lambda run: run.iteration or 0)

    def below(self, parent: TaskRun | None, node: Flow | Task, depth: int) -> Iterator[Row]:
        """What stands in a task run, or in the flow, and what of it was not reached."""
        for branch, tasks in node.branches.items():
            found = self._children.get((parent.id if parent else None, branch), [])
            by_id = {task.id: task for task in tasks}
            if isinstance(node, Task) and node.kind in (Kind.FOREACH, Kind.LOOP_UNTIL) and branch == MAIN:
                yield from self._loop(parent, found, by_id, depth)
            else:
                yield from self._siblings(parent, branch, found, by_id, depth)

    def _siblings(
        self, parent: TaskRun | None, branch: str, found: list[TaskRun], tasks: Mapping[str, Task], depth: int
    ) -> Iterator[Row]:
        runs = {run.task_id: run for run in found}
        taken = parent is None or branch in (parent.resolved.get("branch"), MAIN)
        for task in tasks.values():
            if task.id in runs:
                yield from self._run(runs[task.id], task, depth)
            elif taken and branch not in (ERRORS, FINALLY):
                note = "disabled" if task.disabled else "not reached" if self._execution.state.has_ended else "to come"
                yield Row(task_id=task.id, depth=depth, note=note, is_parent=bool(task.branches))

    def _loop(
        self, parent: TaskRun | None, found: list[TaskRun], tasks: Mapping[str, Task], depth: int
    ) -> Iterator[Row]:
        assert parent is not None
        if len(found) <= MOST_SIBLINGS or parent.id in self._expanded:
            shown, quiet = found, []
        else:
            quiet = [run for run in found if run.state in (State.SUCCESS, State.SKIPPED, State.CREATED)]
            loud = [run for run in found if run.state not in (State.SUCCESS, State.SKIPPED, State.CREATED)]
            shown, quiet = loud[:MOST_SIBLINGS], [*quiet, *loud[MOST_SIBLINGS:]]
        if quiet:
            yield self._summary(parent, quiet, depth)
        for run in shown:
            yield from self._run(run, tasks[run.task_id], depth)
        begun = {run.iteration for run in found}
        missing = len(parent.resolved.get("values", ())) - len(begun)
        if missing > 0 and parent.resolved.get("values"):
            over = parent.state.has_ended
            values = plural(missing, "more value")
            yield Row(task_id=values, depth=depth, note="not reached" if over else "to come")

    def _summary(self, parent: TaskRun, quiet: Sequence[TaskRun], depth: int) -> Row:
        counts = Counter(run.state for run in quiet)
        bars = [bar for run in quiet for bar in self._bars(run)]
        whole: tuple[Bar, ...] = ()
        if bars:
            ends = [bar.end for bar in bars]
            end = None if None in ends else max(one for one in ends if one is not None)
            whole = (Bar(kind="many", state=State.SUCCESS, start=min(bar.start for bar in bars), end=end),)
        return Row(task_id="", depth=depth, bars=whole, counts=dict(counts), group_id=parent.id)

    def _run(self, run: TaskRun, task: Task, depth: int) -> Iterator[Row]:
        is_old = run.ended_at is not None and run.ended_at < self._execution.created_at
        yield Row(
            task_id=run.task_id,
            depth=depth,
            run=run,
            bars=() if is_old else tuple(self._bars(run)),
            is_parent=task.is_flowable,
            note="kept" if is_old else str(run.resolved.get("branch") or ""),
        )
        yield from self.below(run, task, depth + 1)

    def _bars(self, run: TaskRun) -> Iterator[Bar]:
        place, attempts = self._axis.place, run.attempts
        waits_since = place(run.created_at) if run.created_at else 0.0
        if not attempts:
            if not run.state.has_ended:
                yield Bar(kind="wait", state=run.state, start=waits_since, end=None)
            return
        first = place(attempts[0].started_at)
        if first > waits_since:
            yield Bar(kind="wait", state=State.CREATED, start=waits_since, end=first)
        for number, (one, following) in enumerate(pairwise([*attempts, None]), 1):
            assert one is not None
            end = place(one.ended_at) if one.ended_at else None
            kind = "wait" if one.state is State.PAUSED else "work"
            yield Bar(kind=kind, state=one.state, start=place(one.started_at), end=end, attempt=number)
            if end is None:
                continue
            if following is not None:
                yield Bar(kind="retry", state=State.RETRYING, start=end, end=place(following.started_at))
            elif run.state in _WAITS:
                yield Bar(kind="retry", state=run.state, start=end, end=None)
