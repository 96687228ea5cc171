"""CSV as BigQuery reads it: what stands between the commas, which text is a value of which type, and the words of refusal.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv. An empty value is NULL, also of a STRING, unless it is quoted.
A row that is too short is told as the course's own notes quote it: github.com/DataTalksClub/data-engineering-zoomcamp, week 2.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pyarrow as pa

from tests.support.google.bigquery_errors import not_modelled
from tests.support.google.bigquery_schema import Field, Fields

_KEYS = {"skipLeadingRows", "fieldDelimiter", "ignoreUnknownValues", "allowJaggedRows", "maxBadRecords"}
_DELIMITERS = {"": ",", "tab": "\t", "\\t": "\t"}
_TYPE_NAMES = {"FLOAT": "DOUBLE"}
_WORDS = {"true": True, "t": True, "yes": True, "y": True, "1": True}
_WORDS |= {"false": False, "f": False, "no": False, "n": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = r"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]{1,6})?"
_MOMENT = re.compile(rf"({_DATE})(?:[ Tt]({_TIME}))?(?: ?(Z|z|UTC|[+-][0-9]{{1,2}}(?::[0-9]{{2}})?))?")
_LARGEST = Decimal("99999999999999999999999999999.999999999")


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvOptions:
    """How the file is written, and what may be wrong with it."""

    skip_leading_rows: int = 0
    delimiter: str = ","
    ignore_unknown_values: bool = False
    allow_jagged_rows: bool = False
    max_bad_records: int = 0


def read_options(given: Mapping[str, Any], others: set[str]) -> CsvOptions:
    """Of a load job's configuration or a table's externalDataConfiguration; `others` are keys that are not about CSV."""
    if unknown := {key for key in set(given) - _KEYS - others if given[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of CSV")
    delimiter = given.get("fieldDelimiter") or ""
    return CsvOptions(
        skip_leading_rows=int(given.get("skipLeadingRows") or 0),
        delimiter=_DELIMITERS.get(delimiter, delimiter),
        ignore_unknown_values=bool(given.get("ignoreUnknownValues")),
        allow_jagged_rows=bool(given.get("allowJaggedRows")),
        max_bad_records=int(given.get("maxBadRecords") or 0),
    )


@dataclass(frozen=True, kw_only=True)
class CsvRows:
    """The rows that could be read, and what is wrong with the first of the others, if they are too many."""

    table: pa.Table
    refusal: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    number: int
    offset: int
    values: list[str | None]


class _BadRow(Exception):
    """The row is no row of the table."""


def read_csv(content: bytes, uri: str, fields: Fields, options: CsvOptions) -> CsvRows:
    """The rows, of the columns' types."""
    if content.startswith(b"\x1f\x8b"):
        raise not_modelled("compressed CSV")
    rows, bad = [], []
    for line in _lines(content, options.delimiter):
        if line.number <= options.skip_leading_rows:
            continue
        try:
            rows.append(_row(line, fields, options))
        except _BadRow as error:
            bad.append(f"{error} File: {uri}")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
    arrays = [pa.array(values, _ARROW_TYPES[field.type]) for values, field in zip(columns, fields, strict=True)]
    table = pa.Table.from_arrays(arrays, names=[field.name for field in fields])
    return CsvRows(table=table, refusal=bad[0] if len(bad) > options.max_bad_records else None)


def _lines(content: bytes, delimiter: str) -> Iterator[_Line]:
    """Every line with its values; what is wrong with its quotes is found where its values are looked at."""
    mark = re.escape(delimiter.encode())
    value = re.compile(rb'(?:"((?:[^"\r\n]|"")*)"|([^\r\n' + mark + rb"]*))(" + mark + rb"|\r\n|\n|\r|\Z)")
    number, offset = 1, 0
    while offset < len(content):
        values: list[str | None] = []
        at, end = offset, delimiter.encode()
        while end == delimiter.encode():
            found = value.match(content, at)
            if found is None:
                raise not_modelled(f"the quotes in line {number} of a CSV file")
            quoted, plain, end = found.groups()
            values.append(quoted.replace(b'""', b'"').decode() if quoted is not None else plain.decode() or None)
            at = found.end()
        yield _Line(number=number, offset=offset, values=values)
        number, offset = number + 1, at


def _row(line: _Line, fields: Fields, options: CsvOptions) -> list[Any]:
    values = line.values
    if len(values) > len(fields) and not options.ignore_unknown_values:
        raise _BadRow(
            f"Too many values in row starting at position: {line.offset}. "
            f"Found {len(values)} column(s) while expected {len(fields)}."
        )
    if len(values) < len(fields) and not options.allow_jagged_rows:
        lacking = fields[len(values)]
        raise _BadRow(
            f"CSV table references column position {len(values)}, but line contains only {len(values)} columns.; "
            f"line_number: {line.number} byte_offset_to_start_of_line: {line.offset} column_index: {len(values)} "
            f'column_name: "{lacking.name}" column_type: {_told_type(lacking)}'
        )
    padded = [*values, *[None] * (len(fields) - len(values))]
    return [
        _parsed(text, field, position, line) for position, (text, field) in enumerate(zip(padded, fields, strict=False))
    ]


def _parsed(text: str | None, field: Field, position: int, line: _Line) -> Any:
    if text is None:
        if field.required:
            raise _BadRow(f"Only optional fields can be set to NULL. Field: {field.name}; Value: NULL")
        return None
    try:
        return _PARSERS[field.type](text if field.type == "STRING" else text.strip())
    except (ValueError, ArithmeticError, KeyError):
        raise _BadRow(
            f"Could not parse '{text}' as {_told_type(field)} for field {field.name} (position {position}) "
            f"starting at location {line.offset} with message 'Unable to parse'"
        ) from None


def _told_type(field: Field) -> str:
    return _TYPE_NAMES.get(field.type, field.sql_type)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError(text)
    return int(text)


def _numeric(text: str) -> Decimal:
    """Rounded to nine digits behind the point, halves away from zero."""
    with localcontext(prec=60):
        number = Decimal(text).quantize(Decimal("1e-9"), ROUND_HALF_UP)
    if not number.is_finite() or abs(number) > _LARGEST:
        raise ValueError(text)
    return number


def _moment(text: str, *, zone: bool) -> datetime:
    """UTC where none is told; without a zone at all where there may be none."""
    found = _MOMENT.fullmatch(text)
    if found is None or (found[3] and not zone):
        raise ValueError(text)
    day, at = _day(found[1]), _clock(found[2] or "0:0:0")
    told = datetime.combine(day, at, UTC)
    if found[3] and found[3][0] in "+-":
        hours, _, minutes = found[3][1:].partition(":")
        told = datetime.fromisoformat(f"{told:%Y-%m-%dT%H:%M:%S.%f}{found[3][0]}{int(hours):02}:{minutes or '00'}")
    return told if zone else told.replace(tzinfo=None)


def _day(text: str) -> date:
    year, month, day = text.split("-")
    return date(int(year), int(month), int(day))


def _clock(text: str) -> time:
    hour, minute, seconds = text.split(":")
    second, _, fraction = seconds.partition(".")
    return time(int(hour), int(minute), int(second), int(fraction.ljust(6, "0")))


_PARSERS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INTEGER": _integer,
    "FLOAT": float,
    "NUMERIC": _numeric,
    "BOOLEAN": lambda text: _WORDS[text.lower()],
    "TIMESTAMP": lambda text: _moment(text, zone=True),
    "DATETIME": lambda text: _moment(text, zone=False),
    "DATE": _day,
    "TIME": _clock,
    "BYTES": lambda text: base64.b64decode(text, validate=True),
}
_ARROW_TYPES: dict[str, pa.DataType] = {
    "STRING": pa.string(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATETIME": pa.timestamp("us"),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "BYTES": pa.binary(),
}
