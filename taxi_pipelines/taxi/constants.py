"""Arrow scalars made without Python conversion.

`pa.scalar(value)` and every comparison with a Python value import pandas to look for its NA: a quarter of a CPU second, a tenth
of what a whole month costs. These do not.
"""

from __future__ import annotations

import struct
from datetime import date

import pyarrow as pa

_EPOCH = date(1970, 1, 1)
_DAY_US = 86_400_000_000


def whole(value: int) -> pa.Scalar:
    """An int64."""
    return pa.arange(value, value + 1)[0]


def day(value: date) -> pa.Scalar:
    """A date32."""
    return pa.arange((value - _EPOCH).days, (value - _EPOCH).days + 1).cast(pa.int32()).cast(pa.date32())[0]


def midnight(value: date) -> pa.Scalar:
    """The start of a day as a timestamp in microseconds, without zone."""
    start = (value - _EPOCH).days * _DAY_US
    return pa.arange(start, start + 1).cast(pa.timestamp("us"))[0]


def text(value: str) -> pa.Scalar:
    """A string."""
    data = value.encode()
    return pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("<2i", 0, len(data))), pa.py_buffer(data))[0]


def null(kind: pa.DataType) -> pa.Scalar:
    """A null of that type."""
    return pa.nulls(1, kind)[0]
