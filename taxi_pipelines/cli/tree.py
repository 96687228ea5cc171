"""An execution as a tree of its task runs, with states and durations. Pure: what is known and the time in, lines out.

A tree that does not fit loses task runs that ended well first, then whatever stands last; what runs and what failed stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.text import Text

from taxi_pipelines.cli.watched import Watched, duration, run_name, seconds_of
from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.states import State

MARKS = {
    State.SUCCESS: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "bold red"),
    State.KILLED: ("✗", "bold red"),
    State.CANCELLED: ("✗", "bold red"),
    State.SKIPPED: ("-", "dim"),
    State.RUNNING: ("●", "cyan"),
    State.KILLING: ("●", "yellow"),
    State.PAUSED: ("‖", "yellow"),
    State.RETRYING: ("↻", "yellow"),
}
_OTHER = ("○", "dim")
_INDENT = 2
_WELL = frozenset({State.SUCCESS, State.SKIPPED})
_KEPT = (10, 3, 1, 0)
"""Of siblings that ended well, so many of the last are shown where not all fit."""

STATE_WIDTH = max(len(state) for state in State)
DURATION_WIDTH = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the tree."""

    depth: int
    name: str
    state: State | None = None
    seconds: float | None = None
    note: str = ""


def lines(watched: Watched, now: datetime, *, most: int | None = None, width: int | None = None) -> list[Text]:
    """The tree in at most so many lines of at most so many columns."""
    rows = list(_rows(watched, now, keep=None))
    for keep in _KEPT if most is not None else ():
        if len(rows) <= (most or 0):
            break
        rows = list(_rows(watched, now, keep=keep))
    if most is not None and len(rows) > most:
        rows = [*rows[: most - 1], Row(depth=1, name=f"… {len(rows) - most + 1:,} more")]
    return _laid_out(rows, width)


def _rows(watched: Watched, now: datetime, *, keep: int | None) -> Iterator[Row]:
    execution = watched.execution
    name = f"{execution.namespace}.{execution.flow_id}"
    note = " ".join(part for part in (execution.id, _first_line(execution.error)) if part)
    yield Row(depth=0, name=name, state=execution.state, seconds=seconds_of(execution, now), note=note)
    yield from _below(watched, execution.id, now, depth=1, keep=keep)


def _below(watched: Watched, execution_id: str, now: datetime, *, depth: int, keep: int | None) -> Iterator[Row]:
    children: dict[str | None, list[TaskRun]] = {}
    for run in watched.known_runs(execution_id):
        children.setdefault(run.parent_id, []).append(run)
    for siblings in children.values():
        siblings.sort(key=lambda run: run.iteration or 0)

    def walk(parent_id: str | None, depth: int) -> Iterator[Row]:
        shown, hidden = _cut(children.get(parent_id, []), keep)
        if hidden:
            counts = Counter(str(run.state) for run in hidden)
            said = ", ".join(f"{count:,} {state}" for state, count in counts.items())
            yield Row(depth=depth, name=f"… {said}")
        for run in shown:
            yield _row(run, now, depth)
            yield from walk(run.id, depth + 1)
            for child in watched.called_by(run):
                name = f"{child.namespace}.{child.flow_id}"
                seconds = seconds_of(child, now)
                note = " ".join(part for part in (child.id, _first_line(child.error)) if part)
                yield Row(depth=depth + 1, name=name, state=child.state, seconds=seconds, note=note)
                yield from _below(watched, child.id, now, depth=depth + 2, keep=keep)

    yield from walk(None, depth)


def _cut(siblings: list[TaskRun], keep: int | None) -> tuple[list[TaskRun], list[TaskRun]]:
    well = [run for run in siblings if run.state in _WELL]
    if keep is None or len(well) <= keep + 1:
        return siblings, []
    hidden = well[: len(well) - keep]
    gone = {run.id for run in hidden}
    return [run for run in siblings if run.id not in gone], hidden


def _row(run: TaskRun, now: datetime, depth: int) -> Row:
    notes = [f"attempt {len(run.attempts)}"] if len(run.attempts) > 1 else []
    if run.state in (State.FAILED, State.KILLED, State.WARNING, State.RETRYING) and run.error:
        notes.append(_first_line(run.error))
    if run.wake_at and run.state in (State.RETRYING, State.PAUSED):
        notes.append(f"until {run.wake_at:%H:%M:%S} UTC")
    return Row(depth=depth, name=run_name(run), state=run.state, seconds=seconds_of(run, now), note="; ".join(notes))


def _laid_out(rows: Sequence[Row], width: int | None) -> list[Text]:
    longest = max((_INDENT * row.depth + 2 + cell_len(row.name) for row in rows if row.state), default=0)
    if width:
        longest = min(longest, max(width - STATE_WIDTH - DURATION_WIDTH - 4, 10))
    return [_line(row, longest, width) for row in rows]


def _line(row: Row, names: int, width: int | None) -> Text:
    if row.state is None:
        return Text(f"{' ' * (_INDENT * row.depth)}{row.name}", "dim")
    mark, style = MARKS.get(row.state, _OTHER)
    head = Text.assemble(" " * (_INDENT * row.depth), (mark, style), f" {row.name}")
    head.truncate(names, overflow="ellipsis", pad=True)
    took = "" if row.seconds is None else duration(row.seconds)
    line = Text.assemble(head, "  ", (f"{row.state:<{STATE_WIDTH}}", style), f" {took:>{DURATION_WIDTH}}")
    if row.note:
        line.append(f"  {row.note}", "dim" if row.depth == 0 or not row.state.has_failed else "")
    if width:
        line.truncate(width, overflow="ellipsis")
    return line


def _first_line(text: str | None) -> str:
    return " ".join((text or "").split())
