"""Types of tasks as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from taxi_pipelines.flowspec.reference import PropertyReference, TypeReference


def types(found: Iterable[tuple[str, TypeReference]]) -> Table:
    """(family, type): one line each."""
    table = _table("family", "type", "what it does")
    for family, one in found:
        table.add_row(family, Text(one.name), Text(one.title))
    return table


def one(found: TypeReference) -> list[RenderableType]:
    """All about one type."""
    parts: list[RenderableType] = [Text(found.title), Text("type: ").append(" | ".join(found.names), "bold"), ""]
    if found.properties:
        table = _table("property", "type", "default", "meaning")
        for item in found.properties:
            table.add_row(Text(item.name), Text(item.kind), Text(default(item)), Text(item.description))
        parts += [table, ""]
    parts += _section("output", found.outputs)
    parts += _section("metric", found.metrics)
    return [*parts, Text("example", "bold"), Text(found.example)]


def default(item: PropertyReference) -> str:
    """What stands in the column of defaults."""
    return "required" if item.required else item.default or ""


def _section(name: str, rows: Sequence[tuple[str, str]]) -> list[RenderableType]:
    if not rows:
        return []
    table = _table(name, "meaning")
    for first, second in rows:
        table.add_row(Text(first), Text(second))
    return [table, ""]


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
