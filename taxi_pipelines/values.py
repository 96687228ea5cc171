"""Values of a result as Python can hold them: dates and times beyond that as text, written as DuckDB writes them.

Python's dates end with the years 1 and 9999, a warehouse's go on and know infinity; Python's day has no 24:00:00.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_DAY_SECONDS = 86_400
_CYCLE_DAYS = 146_097  # 400 years, after which the calendar repeats
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_INFINITE = {2**31 - 1: "infinity", 1 - 2**31: "-infinity", 2**63 - 1: "infinity", 1 - 2**63: "-infinity"}


def python_values(column: pa.Array) -> list[Any]:
    """The column's values, as text where Python has no such date or time."""
    try:
        return [_python(scalar) for scalar in column] if _is_beyond(column) else column.to_pylist()
    except OverflowError:  # inside of a list or struct
        return [_python(scalar) for scalar in column]


def text_for_beyond(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, with text for every column in which there is a date or time that Python, and Arrow's text, do not have."""
    columns = [_as_text(column) if _is_beyond(column) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _python(scalar: pa.Scalar) -> Any:
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.ListScalar):
        return [_python(inner) for inner in scalar.values]
    if isinstance(scalar, pa.StructScalar):
        return {name: _python(inner) for name, inner in scalar.items()}
    if limits := _limits(scalar.type):
        return scalar.as_py() if limits[0] <= scalar.value <= limits[1] else _text(scalar.value, scalar.type)
    return scalar.as_py()


def _as_text(column: pa.Array) -> pa.Array:
    first, last = _limits(column.type) or (0, 0)
    texts = column.cast(pa.string()).to_pylist()
    return pa.array(
        [
            text if number is None or first <= number <= last else _text(number, column.type)
            for text, number in zip(texts, _numbers(column).to_pylist(), strict=True)
        ]
    )


def _is_beyond(column: pa.Array) -> bool:
    limits = _limits(column.type)
    if not limits:
        return False
    least, most = pc.min_max(_numbers(column)).as_py().values()
    return least is not None and (least < limits[0] or most > limits[1])


def _numbers(column: pa.Array) -> pa.Array:
    return column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())


def _limits(kind: pa.DataType) -> tuple[int, int] | None:
    """The first and the last number that Python has a date or time for; None where the type is neither."""
    if pa.types.is_date32(kind):
        return _FIRST_DAY, _LAST_DAY
    if not (pa.types.is_timestamp(kind) or pa.types.is_time(kind)):
        return None
    day = _DAY_SECONDS * _PER_SECOND[kind.unit]
    if pa.types.is_time(kind):
        return 0, day - 1
    zone = 1 if kind.tz else 0  # in which it may be another day
    first, last = (_FIRST_DAY + zone) * day, (_LAST_DAY + 1 - zone) * day - 1
    return max(first, 2 - 2**63), min(last, 2**63 - 2)


def _text(number: int, kind: pa.DataType) -> str:
    if number in _INFINITE and not pa.types.is_time(kind):
        return _INFINITE[number]
    if pa.types.is_time(kind):
        return "24:00:00"
    if pa.types.is_date32(kind):
        return _day_text(number)
    days, rest = divmod(number, _DAY_SECONDS * _PER_SECOND[kind.unit])
    seconds, fraction = divmod(rest, _PER_SECOND[kind.unit])
    clock = f"{timedelta(seconds=seconds)!s:0>8}"
    digits = f".{fraction:0{len(str(_PER_SECOND[kind.unit])) - 1}}".rstrip("0") if fraction else ""
    return f"{_day_text(days)} {clock}{digits}{'+00' if kind.tz else ''}"


def _day_text(days: int) -> str:
    cycles, within = divmod(days - _FIRST_DAY, _CYCLE_DAYS)
    day = date.fromordinal(within + 1)
    year = day.year + 400 * cycles
    return f"{year:04}-{day:%m-%d}" if year > 0 else f"{1 - year:04}-{day:%m-%d} (BC)"
