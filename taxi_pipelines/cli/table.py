"""The result of a query as a table for people: the first rows, and the columns that fit. Pure but for reading the rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

ROWS = 40
WIDEST_CELL = 60
GAP = 2
NULL = Text("null", "dim")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A table, and what has to be said about rows and columns that are not in it."""

    rendered: RenderableType
    note: str = ""


def first_rows(reader: pa.RecordBatchReader, width: int | None) -> Shown:
    """The first rows within so many columns of a terminal (None: any). Reads on to the end only to count, in constant memory."""
    head: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        if rows < ROWS:
            head.append(batch.slice(0, ROWS - rows))
        rows += batch.num_rows
    columns = [_cells(column) for column in pa.Table.from_batches(head, reader.schema).columns]
    return _lay_out(reader.schema, columns, rows, width)


def _lay_out(schema: pa.Schema, columns: list[list[Text]], rows: int, width: int | None) -> Shown:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    fitting = _how_many_fit(schema.names, columns, width)
    for field in list(schema)[:fitting]:
        table.add_column(Text(field.name), justify="right" if _is_number(field.type) else "left", no_wrap=True)
    for cells in zip(*columns[:fitting], strict=True):
        table.add_row(*cells)
    return Shown(rendered=table, note=_note(rows, len(columns) - fitting))


def _how_many_fit(names: list[str], columns: list[list[Text]], width: int | None) -> int:
    used = 0
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        used += max([cell_len(name), *(cell.cell_len for cell in cells)]) + GAP
        if width is not None and used - GAP > width and place > 0:
            return place
    return len(names)


def _note(rows: int, hidden: int) -> str:
    said = []
    if rows > ROWS:
        said.append(f"{rows - ROWS:,} more {'row' if rows == ROWS + 1 else 'rows'}")
    if hidden:
        said.append(f"{hidden} more {'column' if hidden == 1 else 'columns'}")
    return f"… and {' and '.join(said)}; all of it: --format csv, json or parquet" if said else ""


def _cells(column: pa.ChunkedArray) -> list[Text]:
    return [_cell(value) for value in column.to_pylist()]


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
