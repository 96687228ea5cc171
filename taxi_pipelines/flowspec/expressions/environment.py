"""What functions need from outside a template, and the frame that they and the filters are given while one is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from taxi_pipelines.flowspec.expressions.budget import Budget, Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The world as a template may see it.

    `now` is aware. A callable that is absent makes its function a clear error. One that cannot answer raises a PipelineError: a
    permanent one becomes an ExpressionFailed with its place, a transient one passes unchanged, so that the attempt is made again.
    """

    now: datetime
    zone: ZoneInfo
    random: Random
    kv: Callable[[str, str | None, bool], object] | None = None
    """Key, namespace (None: the flow's and its parents), whether a missing key is an error → its typed value or None."""
    secret: Callable[[str], str] | None = None
    read: Callable[[str], str] | None = None
    """URI or path of a namespace file → its text."""
    file_size: Callable[[str], int] | None = None
    file_exists: Callable[[str], bool] | None = None
    error_logs: Callable[[], list[object]] | None = None
    tasks_with_state: Callable[[str], list[object]] | None = None
    """State in capitals → a map for each task run in it."""
    limits: Limits = field(default_factory=Limits)


Macros = dict[str, "Callable[[Frame, Sequence[object | None]], str]"]
"""By name; each takes its arguments in order: None for one that is absent, else a tuple of the one value."""


@dataclass(slots=True)
class Frame:
    """One rendering under way: variables from the innermost scope outwards, what has been printed, what may still be spent."""

    context: Mapping[str, object]
    environment: Environment
    budget: Budget
    render: Callable[[str, Frame, bool], str]
    """text, frame, until nothing changes → rendered with the frame's variables, on the same budget."""
    macros: Macros = field(default_factory=dict)
    scopes: list[dict[str, object]] = field(default_factory=lambda: [{}])
    printed: list[str] = field(default_factory=list)

    def emit(self, text: str) -> None:
        """Prints; Refused where the whole output grows too long."""
        self.budget.emit(len(text))
        self.printed.append(text)

    def assign(self, name: str, value: object) -> None:
        """`{% set %}`: the nearest variable of that name, else a new one in the innermost scope."""
        for scope in reversed(self.scopes):
            if name in scope:
                scope[name] = value
                return
        self.scopes[0 if name in self.context else -1][name] = value

    def nested(self, context: Mapping[str, object], macros: Macros, scope: dict[str, object]) -> Frame:
        """A rendering inside this one, on the same budget, with variables of its own."""
        return Frame(context, self.environment, self.budget, self.render, macros, [scope])

    def taken(self) -> str:
        """What was printed, which from now on is a value and not output."""
        text = "".join(self.printed)
        self.budget.printed -= len(text)
        return text

    def variables(self) -> Mapping[str, object]:
        """All that is visible here, in one mapping."""
        if not any(self.scopes):
            return self.context
        merged = dict(self.context)
        for scope in self.scopes:
            merged.update(scope)
        return merged
