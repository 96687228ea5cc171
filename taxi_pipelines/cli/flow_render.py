"""Flows, executions, keys as text for people and as JSON. Pure, as `render.py` is for months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxi_pipelines.cli.tree import MARKS, lines
from taxi_pipelines.cli.watched import Watched, duration, seconds_of
from taxi_pipelines.domain.access import Token
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import KvEntry, LogLine, StoredFlow
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.engine.context import iso

SHORT_ID = 8
"""Characters of an execution's id in lists: enough to name it by."""

SHORT_COMMIT = 7
"""Characters of a commit's name."""

_GAP = 2


def stored_flow(flow: StoredFlow) -> dict[str, Any]:
    """A flow in a JSON list."""
    names = {"namespace": flow.namespace, "id": flow.id, "revision": flow.revision}
    return names | {"savedAt": iso(flow.created_at), "commit": flow.git_commit}


def flows(items: Sequence[StoredFlow]) -> RenderableType:
    """A line per flow."""
    from_git = any(flow.git_commit for flow in items)
    table = _table("flow", "revision", "saved", *(["commit"] if from_git else []), right=("revision",))
    for flow in items:
        commit = [(flow.git_commit or "")[:SHORT_COMMIT]] if from_git else []
        table.add_row(f"{flow.namespace}.{flow.id}", str(flow.revision), _minute(flow.created_at), *commit)
    return table


def revisions(flow: StoredFlow, all_of_it: Sequence[StoredFlow]) -> str:
    """Which revision is shown, and which others there are."""
    others = [str(one.revision) for one in all_of_it if one.revision != flow.revision]
    more = f" (others: {', '.join(others)})" if others else ""
    by = f" by commit {flow.git_commit[:SHORT_COMMIT]}" if flow.git_commit else ""
    return f"# {flow.namespace}.{flow.id} revision {flow.revision}, saved {_minute(flow.created_at)}{by}{more}"


def executions(items: Sequence[Execution], now: datetime) -> RenderableType:
    """A line per execution."""
    table = _table("id", "flow", "state", "created", "took", "labels", right=("took",))
    for one in items:
        seconds = seconds_of(one, now)
        table.add_row(
            one.id[:SHORT_ID],
            f"{one.namespace}.{one.flow_id}",
            Text(one.state, MARKS.get(one.state, ("", ""))[1]),
            _minute(one.created_at),
            "" if seconds is None else duration(seconds),
            " ".join(f"{key}={value}" for key, value in one.labels.items()),
        )
    return table


def execution(watched: Watched, view: Mapping[str, Any], now: datetime, width: int | None) -> RenderableType:
    """One execution: what it was given, its tree with every reason, what it put out."""
    one = watched.execution
    facts = [("revision", str(one.flow_revision)), ("created", _second(one.created_at))]
    if one.ended_at:
        facts.append(("ended", _second(one.ended_at)))
    if one.parent_id:
        facts.append(("after", f"execution {one.parent_id}"))
    if one.caller:
        facts.append(("called by", f"execution {one.caller.execution_id}"))
    for name in ("trigger", "labels", "inputs", "outputs"):
        for key, value in (view[name] or {}).items():
            facts.append((f"{name}.{key}", plain_text(value)))
    return Group(*lines(watched, now, width=width), Text(""), _facts(facts))


def log_line(line: LogLine, value: str | None) -> str:
    """A line of a log; `value` is that of the loop it stands in."""
    who = "" if line.task_id is None else f"  {line.task_id}" + (f" [{value}]" if value is not None else "")
    at = line.logged_at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}Z  {line.level:<5}{who}  {line.message}"


def values(items: Sequence[KvEntry]) -> RenderableType:
    """A line per key."""
    table = _table("key", "type", "value", "updated", "expires")
    for entry in items:
        shown = " ".join(plain_text(entry.value).split())
        table.add_row(
            entry.key,
            str(entry.type),
            shown if len(shown) <= 60 else f"{shown[:59]}…",
            _minute(entry.updated_at) if entry.updated_at else "",
            _minute(entry.expires_at) if entry.expires_at else "",
        )
    return table


def value_view(entry: KvEntry) -> dict[str, Any]:
    """A key in JSON."""
    return {
        "namespace": entry.namespace,
        "key": entry.key,
        "type": str(entry.type),
        "value": entry.value,
        "updatedAt": iso(entry.updated_at),
        "expiresAt": iso(entry.expires_at),
    }


def tokens(found: Sequence[Token]) -> RenderableType:
    """The API's tokens, never their secret parts."""
    table = _table("id", "role", "made")
    for token in found:
        table.add_row(token.id, str(token.role), _minute(token.created_at))
    return table


def secrets(items: Sequence[tuple[str, str]]) -> RenderableType:
    """A line per secret, without its value."""
    table = _table("namespace", "key")
    for namespace, key in items:
        table.add_row(namespace, key)
    return table


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _second(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _facts(facts: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name, "dim"), Text(value))
    return table


def _table(*names: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
