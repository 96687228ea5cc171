"""ForEachItem: a file is cut into parts, and another flow runs once per part; the task ends when all of these have ended."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State, roll_up
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.engine.subflow import child_execution
from taxi_pipelines.engine.work import Work
from taxi_pipelines.errors import UsageError

MAX_ITEMS = 10_000
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?i?B?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def begin_items(work: Work, run: TaskRun, properties: Any, rendering: Rendering) -> None:
    """Cuts the file, and makes an execution per part; all of it is stored in one transaction."""
    uris = list(_cut(work, run, properties))
    children = []
    for index, uri in enumerate(uris):
        item = replace_items(rendering, uri, index)
        inputs = {name: item.deep(value) for name, value in work.active.task(run).properties.get("inputs", {}).items()}
        children.append(child_execution(work, run, properties, inputs))
    for child in children:
        work.outbox.new_executions[child.id] = child
    work.log(Level.INFO, f"runs {properties.namespace}.{properties.flow_id} for {len(children)} parts of the file", run)
    ids = {child.id: None for child in children} if properties.wait else {}
    begun = work.begin(run, outputs={"numberOfBatches": len(children)}, resolved={**run.resolved, "children": ids})
    work.put(begun if ids else work.end_attempt(begun, State.SUCCESS))


def end_item(work: Work, run: TaskRun, child: Execution) -> None:
    """One part is through; the attempt ends with the last."""
    children = dict(run.resolved["children"])
    is_open = not run.state.has_ended and not run.attempts[-1].state.has_ended
    if not is_open or children.get(child.id, "") is not None or not child.state.has_ended:
        return
    children[child.id] = str(child.state)
    run = replace(run, resolved={**run.resolved, "children": children})
    if None in children.values():
        work.put(run)
        return
    states = [State(state) for state in children.values()]
    outputs = {"numberOfBatches": len(states), "iterations": dict(Counter(map(str, states)))}
    state = roll_up(State.FAILED if one is State.CANCELLED else one for one in states)
    if work.active.task(run).properties.get("transmitFailed", True) is False:
        state = State.SUCCESS
    failed = sum(one.has_failed for one in states)
    error = f"{failed} of {len(states)} executions failed" if state.has_failed else None
    if error:
        work.log(Level.ERROR, error, run)
    work.put(work.end_attempt(run, state, error, outputs))


def replace_items(rendering: Rendering, uri: str, index: int) -> Rendering:
    """The same rendering for one part: `taskrun.items` is its URI, `taskrun.iteration` its number."""
    context = dict(rendering.context)
    context["taskrun"] = {**context["taskrun"], "items": uri, "iteration": index}
    return Rendering(context, rendering.environment)


def _cut(work: Work, run: TaskRun, properties: Any) -> Iterator[str]:
    size = work.parts.files.size(properties.items) or 0
    with work.parts.files.open(properties.items) as file:
        for index, part in enumerate(_parts(file, properties.batch, size)):
            if index >= MAX_ITEMS:
                raise UsageError(f"{properties.items} has more than {MAX_ITEMS:,} parts", "make the batches larger")
            uri = f"kestra:///{work.place(run)}/part-{index:05d}"
            work.parts.files.put(uri, io.BytesIO(part))
            yield uri


def _parts(file: BinaryIO, batch: Any, size: int) -> Iterator[bytes]:
    """Whole lines, so many or so many bytes at a time."""
    if batch.partitions:
        most_rows, most_bytes = math.inf, math.ceil(size / batch.partitions)
    elif batch.bytes:
        most_rows, most_bytes = math.inf, size_in_bytes(batch.bytes)
    else:
        most_rows, most_bytes = batch.rows or 1, math.inf
    held: list[bytes] = []
    length = 0
    for line in _lines(file, batch.separator.encode()):
        held.append(line)
        length += len(line)
        if len(held) >= most_rows or length >= most_bytes:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


def _lines(file: BinaryIO, separator: bytes) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(1 << 20):
        *lines, rest = (rest + chunk).split(separator)
        yield from (line + separator for line in lines)
    if rest:
        yield rest


def size_in_bytes(text: str) -> int:
    """`10MB` → bytes. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{text!r} is not a size", "write it as 10MB")
    return max(int(float(found[1]) * _UNITS[found[2][:1].lower().replace("b", "")]), 1)
