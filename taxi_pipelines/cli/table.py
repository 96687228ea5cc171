"""The result of a query as a table for people: the first rows, and the columns that fit. Pure but for reading those rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from taxi_pipelines.values import python_values

ROWS = 40
COUNTED = 1_000
"""Rows up to which the others are counted: so few have been computed anyway."""

WIDEST_CELL = 60
GAP = 2
NULL = Text("null", "dim")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A table, and what has to be said about rows and columns that are not in it."""

    rendered: RenderableType
    note: str = ""


def first_rows(reader: pa.RecordBatchReader, width: int | None) -> Shown:
    """The first rows within so many columns of a terminal (None: any). Leaves the rest of a long result unread."""
    head, rows = _begin(reader)
    rest = "" if rows <= ROWS else "more rows follow" if rows > COUNTED else _counted(rows - ROWS, "row")
    columns = [_cells(column) for column in pa.Table.from_batches(head, reader.schema).columns]
    return _lay_out(reader.schema, columns, rest, width)


def _begin(reader: pa.RecordBatchReader) -> tuple[list[pa.RecordBatch], int]:
    """What is shown, and how many rows there are, or more than COUNTED."""
    head: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        if rows < ROWS:
            head.append(batch.slice(0, ROWS - rows))
        rows += batch.num_rows
        if rows > COUNTED:
            break
    return head, rows


def _lay_out(schema: pa.Schema, columns: list[list[Text]], rest: str, width: int | None) -> Shown:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    fitting = _how_many_fit(schema.names, columns, width)
    for field in list(schema)[:fitting]:
        table.add_column(Text(field.name), justify="right" if _is_number(field.type) else "left", no_wrap=True)
    for cells in zip(*columns[:fitting], strict=True):
        table.add_row(*cells)
    return Shown(rendered=table, note=_note(rest, len(columns) - fitting))


def _how_many_fit(names: list[str], columns: list[list[Text]], width: int | None) -> int:
    used = 0
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        used += max([cell_len(name), *(cell.cell_len for cell in cells)]) + GAP
        if width is not None and used - GAP > width and place > 0:
            return place
    return len(names)


def _note(rest: str, hidden: int) -> str:
    said = [part for part in (rest, _counted(hidden, "column")) if part]
    return f"… {' and '.join(said)}; --format csv shows all" if said else ""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} more {noun}{'' if number == 1 else 's'}" if number else ""


def _cells(column: pa.ChunkedArray) -> list[Text]:
    return [_cell(value) for chunk in column.chunks for value in python_values(chunk)]


def _cell(value: Any) -> Text:
    if value is None:
        return NULL
    if isinstance(value, float):
        return Text(f"{value:.15g}")
    if isinstance(value, Decimal):
        return Text(f"{value:f}")
    text = Text(" ".join(str(value).split()) if isinstance(value, str) else str(value))
    text.truncate(WIDEST_CELL, overflow="ellipsis")
    return text


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
