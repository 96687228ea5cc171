"""Cleaning: a batch of rows as published → the same rows in the canonical schema, with their addresses.

Names are matched without case, then by known old names, then without underscores. Missing columns become typed nulls,
unknown ones are kept under the name they have. Casts are safe: a value that does not fit raises, it is never cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.taxi import constants
from taxi_pipelines.taxi.schemas import ADDRESS, INT, TEXT, Column, TableSchema
from taxi_pipelines.taxi.types import TaxiType

_SPREADSHEET_TIME = re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """Where each output column comes from: `index` in the published file, None for a column it lacks."""

    name: str
    type: pa.DataType
    index: int | None


class Cleaner:
    """Cleans the batches of one published file. `schema` is what comes out, address columns last."""

    def __init__(self, kind: TaxiType, partition: Partition, file_name: str, published: pa.Schema) -> None:
        """Raises SchemaMismatch where the file is not one of this type, or two columns would share a name."""
        self.file_name = file_name
        self._first_day = partition.first_day
        self._published = published.names
        self._mappings = resolve(kind.schema, published, f"{file_name} is not a file of {kind.name}")
        fields = [pa.field(mapping.name, mapping.type) for mapping in self._mappings]
        self.schema = pa.schema([*fields, *(pa.field(column.name, column.type) for column in ADDRESS)])
        self._rows = 0
        self._constants: list[pa.Array] = []

    def published_name(self, column: str) -> str | None:
        """The name under which the file has a column of `schema`; None where it lacks it."""
        index = next((mapping.index for mapping in self._mappings if mapping.name == column), None)
        return None if index is None else str(self._published[index])

    def clean(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch's rows, all of them, in order. Call it with the file's batches in their order."""
        first = self._rows + 1
        self._rows += batch.num_rows
        columns = [self._column(mapping, batch, first) for mapping in self._mappings]
        return pa.RecordBatch.from_arrays([*columns, *self._address(first, batch.num_rows)], schema=self.schema)

    def clean_all(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """`clean` over a whole file; empty batches are left out."""
        for batch in batches:
            if batch.num_rows:
                yield self.clean(batch)

    def _column(self, mapping: Mapping, batch: pa.RecordBatch, first: int) -> pa.Array:
        if mapping.index is None:
            return pa.nulls(batch.num_rows, mapping.type)
        place = f"{self.file_name}, column {batch.schema.names[mapping.index]}"
        return cast(batch.column(mapping.index), mapping.type, place, first)

    def _address(self, first: int, rows: int) -> list[pa.Array]:
        if not self._constants or len(self._constants[0]) < rows:
            month = constants.day(self._first_day) if self._first_day else constants.null(ADDRESS[0].type)
            self._constants = [pa.repeat(month, rows), pa.repeat(constants.text(self.file_name), rows)]
        month, file = (constant.slice(0, rows) for constant in self._constants)
        return [month, pa.arange(first, first + rows), file]


def resolve(schema: TableSchema, published: pa.Schema, complaint: str) -> list[Mapping]:
    """Finds each canonical column among the published ones; keeps the unknown. Raises SchemaMismatch."""
    names = [name.strip() or f"column_{place}" for place, name in enumerate(published.names, start=1)]
    taken = _match(schema, names)
    if missing := [column.name for column in schema.columns if column.required and column.name not in taken]:
        raise SchemaMismatch(
            f"{complaint}: it has no {', '.join(missing)}", f"its columns are {', '.join(names)[:300]}"
        )
    known = [
        Mapping(name=column.name, type=column.type, index=taken.get(column.name))
        for column in schema.columns
        if not column.legacy or column.name in taken
    ]
    unknown = [
        Mapping(name=name, type=_kept_type(published.field(index).type), index=index)
        for index, name in enumerate(names)
        if index not in set(taken.values())
    ]
    _refuse_twins([mapping.name for mapping in (*known, *unknown)], complaint)
    return [*known, *unknown]


def _match(schema: TableSchema, names: Sequence[str]) -> dict[str, int]:
    """Canonical name → index of the published column, the closest spelling first; each published one serves once."""
    taken: dict[str, int] = {}
    for spelling, wanted in _closeness():
        for column in schema.columns:
            if column.name in taken:
                continue
            targets = {spelling(name) for name in wanted(column)}
            for index, name in enumerate(names):
                if spelling(name) in targets and index not in taken.values():
                    taken[column.name] = index
                    break
    for marker, renamed in schema.text_editions.items():
        for column_name, text_name in renamed.items():
            if marker in taken and column_name in taken:
                taken[text_name] = taken.pop(column_name)
    return taken


def _closeness() -> list[tuple[Callable[[str], str], Callable[[Column], tuple[str, ...]]]]:
    def squeeze(name: str) -> str:
        return name.lower().replace("_", "")

    return [
        (str, lambda column: (column.name,)),
        (str.lower, lambda column: (column.name,)),
        (str.lower, lambda column: column.old_names),
        (squeeze, lambda column: (column.name, *column.old_names)),
    ]


def _refuse_twins(names: list[str], complaint: str) -> None:
    seen = {column.name for column in ADDRESS}
    for name in names:
        if name.lower() in seen:
            raise SchemaMismatch(
                f"{complaint}: it has two columns for {name!r}", "such a file cannot be loaded as it is"
            )
        seen.add(name.lower())


def _kept_type(published: pa.DataType) -> pa.DataType:
    """The type an unknown column keeps: its own, in the plain variant every target knows."""
    if pa.types.is_dictionary(published):
        return _kept_type(published.value_type)
    if pa.types.is_null(published) or pa.types.is_large_string(published) or pa.types.is_string_view(published):
        return TEXT
    return published


def cast(array: pa.Array, wanted: pa.DataType, place: str, first_row: int) -> pa.Array:
    """The array as `wanted`, value for value. Raises SchemaMismatch naming place, row and value."""
    if array.type == wanted:
        return array
    try:
        return _cast(array, wanted)
    except pa.ArrowNotImplementedError as error:
        raise SchemaMismatch(f"{place} is of type {array.type}, which cannot become {wanted}") from error
    except pa.ArrowInvalid as error:
        index = _first_misfit(array, wanted)
        value = array[index].as_py()
        hint = "the publisher changed the column, or the file is damaged"
        if isinstance(value, str) and _SPREADSHEET_TIME.fullmatch(value):
            hint = "a spreadsheet saved this file and cut the seconds off: take the original"
        raise SchemaMismatch(f"{place}, row {first_row + index}: {value!r} is not a {_say(wanted)}", hint) from error


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_text(array.type) and wanted != TEXT:
        return _parse(array, wanted)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None and pa.types.is_timestamp(wanted):
        array = pc.local_timestamp(array)
    return array.cast(wanted, safe=True)


def _parse(text: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Text → values; blanks are nulls, and a whole number may be written 1.0."""
    try:
        return text.cast(wanted)
    except pa.ArrowInvalid:
        text = pc.utf8_trim_whitespace(text)
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)
        return pc.replace_substring_regex(text, r"\.0+$", "").cast(INT) if wanted == INT else text.cast(wanted)


def _first_misfit(array: pa.Array, wanted: pa.DataType) -> int:
    """The index of the first value that cannot be cast, by halving."""
    start, end = 0, len(array)
    while end - start > 1:
        middle = (start + end) // 2
        try:
            _cast(array.slice(start, middle - start), wanted)
            start = middle
        except pa.ArrowInvalid:
            end = middle
    return start


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _say(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "time like 2021-01-31 23:59:59"
    return "whole number" if pa.types.is_integer(kind) else "number" if pa.types.is_floating(kind) else str(kind)
