"""A database's values as JSON has them, the same for every database.

A number is a number where JSON's readers find exactly what the database holds, else text: 1.50 → 1.5, but
"0.12345678901234567890". Times are ISO 8601, of UTC where they have a zone; durations too; bytes are base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """The value, or everything inside it, as JSON has it; of a type unknown here its text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _NOT_FINITE.get(value, "NaN")
        case Decimal():
            return number(value)
        case datetime() | date() | time():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return duration(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case Mapping():
            return {str(plain(key)): plain(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(part) for part in value]
        case _:
            return str(value)


def number(value: Decimal) -> int | float | str:
    """A number where it is exact as one."""
    if not value.is_finite():
        return str(value)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0:
        return int(value) if exponent < _LONGEST else str(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def duration(value: timedelta) -> str:
    """As ISO 8601 writes it."""
    sign, rest = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = rest.seconds + rest.microseconds / 1_000_000
    days = f"{rest.days}D" if rest.days else ""
    clock = f"T{seconds:.6f}".rstrip("0").rstrip(".") + "S" if seconds or not rest.days else ""
    return f"{sign}P{days}{clock}"


_NOT_FINITE: Mapping[float, str] = {math.inf: "Infinity", -math.inf: "-Infinity"}
_LONGEST = 400
"""Zeros behind a decimal that are still written out."""
