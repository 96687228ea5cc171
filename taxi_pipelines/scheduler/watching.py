"""Looks of polling triggers, a few at a time in threads of their own, so that a slow host delays no slot.

A look is claimed before it is made, by setting the time of the next one: other schedulers leave it alone, and where this one
dies, that next one finds the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import validated
from taxi_pipelines.engine.storable import masked, storable
from taxi_pipelines.errors import PermanentError, UsageError
from taxi_pipelines.scheduler.conditions import Asked, all_hold
from taxi_pipelines.scheduler.firing import Fired, conditions_of, execution_of, rendering_of, trigger_of, with_started
from taxi_pipelines.scheduler.polling.look import Found, Look, Watcher
from taxi_pipelines.task_types import Role, TypeSpec

AT_ONCE = 4
"""So many looks are made at a time."""

JITTER = 0.1
"""By up to so much longer than its interval a trigger pauses, so that not all ask at the same moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A look that has been made: `state` is the trigger as it was claimed; what was found, or what went wrong.

    `secrets` are what must not be seen of it.
    """

    state: TriggerState
    secrets: Sequence[str] = ()
    found: Found | None = None
    error: Exception | None = None


class Watching:
    """Begins looks and hands over what they found. For one thread."""

    def __init__(self, parts: Parts, watchers: Mapping[str, Watcher], wake: Callable[[], None]) -> None:
        """`wake` is called, from any thread, when a look has been made."""
        self._parts = parts
        self._watchers = watchers
        self._wake = wake
        self._done: SimpleQueue[Seen] = SimpleQueue()
        self._under_way = 0

    @property
    def has_room(self) -> bool:
        """Whether one more look can be made now."""
        return self._under_way < AT_ONCE

    def begin(self, state: TriggerState, now: datetime) -> bool:
        """Claims the look of a trigger that is due, and begins it; False where another scheduler was first."""
        flow, trigger = trigger_of(self._parts, state)
        secrets: list[str] = []
        with _hiding(secrets):
            look = self._look(flow, trigger, state, now, secrets)
        watcher = self._watchers.get(trigger.name)
        if watcher is None:
            raise UsageError(
                f"{trigger.type} cannot be watched for", "`taxi flow validate` says which triggers there are"
            )
        pause = look.rendering.duration(look.properties.interval) * (1 + JITTER * self._parts.random.random())
        claimed = replace(state, next_at=now + pause)
        if not self._parts.triggers.change([(state, claimed)]):
            return False
        self._under_way += 1
        claimed = replace(claimed, version=state.version + 1)
        name = f"watching {state.name}"
        threading.Thread(target=self._make, args=(watcher, look, claimed, secrets), name=name, daemon=True).start()
        return True

    def taken(self) -> list[Seen]:
        """The looks that have been made since."""
        found: list[Seen] = []
        while True:
            try:
                found.append(self._done.get_nowait())
            except Empty:
                self._under_way -= len(found)
                return found

    def fire(self, seen: Seen, found: Found, now: datetime) -> Fired:
        """What the events of a look start, of those for which the trigger's conditions hold."""
        flow, trigger = trigger_of(self._parts, seen.state)
        conditions = conditions_of(trigger)
        executions = []
        for event in found.events:
            variables = {**storable(event, seen.secrets), "id": trigger.id, "type": trigger.type}
            asked = Asked(parts=self._parts, flow=flow, rendering=rendering_of(self._parts, flow, variables, now))
            if all_hold(conditions, asked):
                executions.append(execution_of(self._parts, flow, trigger, variables, now))
        last_at = now if executions else seen.state.last_at
        after = replace(seen.state, memory=found.memory, last_at=last_at, error=None)
        return Fired(state=with_started(after, trigger, executions), executions=tuple(executions))

    def _look(self, flow: Flow, trigger: Trigger, state: TriggerState, now: datetime, secrets: list[str]) -> Look:
        spec = self._parts.catalog.find(trigger.name, Role.TRIGGER)
        assert spec is not None
        rendering = rendering_of(self._parts, flow, {"id": trigger.id, "type": trigger.type}, now, secrets=secrets)
        own = {
            key: value if key in spec.unrendered else rendering.deep(value)
            for key, value in trigger.properties.items()
            if value is not None and key in _names(spec)
        }
        return Look(
            properties=validated(spec.properties, own),
            memory=state.memory,
            now=now,
            rendering=rendering,
            keep_file=self._keeper(state),
        )

    def _keeper(self, state: TriggerState) -> Callable[[str, BinaryIO], str]:
        place = (
            f"{state.namespace.replace('.', '/')}/{state.flow_id}/triggers/{state.trigger_id}/{self._parts.new_id()}"
        )

        def keep(name: str, file: BinaryIO) -> str:
            uri = f"kestra:///{place}/{name}"
            self._parts.files.put(uri, file)
            return uri

        return keep

    def _make(self, watcher: Watcher, look: Look, state: TriggerState, secrets: list[str]) -> None:
        try:
            with _hiding(secrets):
                seen = Seen(state=state, found=watcher(look), secrets=secrets)
        except Exception as error:  # it is the trigger's, and said there
            seen = Seen(state=state, error=error)
        self._done.put(seen)
        self._wake()


@contextmanager
def _hiding(secrets: Sequence[str]) -> Iterator[None]:
    """Errors say nothing of these."""
    try:
        yield
    except Exception as error:
        said = masked(str(error), secrets)
        if said == str(error):
            raise
        raise PermanentError(said) from None


def _names(spec: TypeSpec) -> set[str]:
    fields: Any = spec.properties.model_fields
    return {field.alias or name for name, field in fields.items()}
