"""What a flow's text says of one node of its graph. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from taxi_pipelines.domain.flow import Flow, Task
from taxi_pipelines.domain.graph import called_flow
from taxi_pipelines.web.trigger_words import as_written, kind_words


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A task or a trigger. `text` are its lines in the flow, from `line` on; of a trigger, when it fires."""

    id: str
    type: str
    description: str = ""
    text: str = ""
    line: int | None = None
    flow: tuple[str, str] | None = None


def told_of(flow: Flow, node: str) -> Told | None:
    """Of that node; None where it is neither a task nor a trigger."""
    for trigger in flow.triggers:
        if node == f"trigger:{trigger.id}":
            return Told(id=trigger.id, type=trigger.type, description=kind_words(trigger), text=as_written(trigger))
    for task in flow.walk():
        if task.id == node:
            return Told(
                id=task.id,
                type=task.type,
                description=task.description or "",
                text=lines_of(flow.source, task),
                line=task.line,
                flow=called_flow(task),
            )
    return None


def lines_of(source: str, task: Task) -> str:
    """The task's own lines, moved to the left: until one that is no deeper than its first."""
    lines = source.splitlines()[task.line - 1 :]
    depth = _depth(lines[0])
    end = next(
        (number for number, line in enumerate(lines[1:], 1) if line.strip() and _depth(line) <= depth), len(lines)
    )
    return "\n".join(line[depth:] for line in lines[:end]).rstrip()


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
