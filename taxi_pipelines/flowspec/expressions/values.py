"""What the language's values are and how they print, compare, add and are looked into. Nothing else of Python can be reached.

Values are None, bool, int, float, Decimal, str, list, dict, datetime, date, time, timedelta and bytes. An object of any other
type in the context is refused wherever something is to be done with it, and no attribute of an object is ever looked up by a
template's name.
"""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from taxi_pipelines.flowspec.expressions.budget import Budget
from taxi_pipelines.flowspec.expressions.failures import Missing, Refused, nearest

FALSE_TEXTS = frozenset({"", "false", "0", "-0"})
EXACT_EXPONENT = 30

KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    str: "text",
    list: "a list",
    dict: "a map",
    datetime: "a date and time",
    date: "a date",
    time: "a time",
    timedelta: "a duration",
    bytes: "bytes",
}


def kind(value: object) -> str:
    """What to call the value in a message."""
    return KINDS.get(type(value)) or next(
        (name for base, name in KINDS.items() if isinstance(value, base)), "of an unknown kind"
    )


def is_true(value: object) -> bool:
    """Of a condition inside a template: Pebble's rule, by which any text but the empty one is true."""
    match value:
        case None:
            return False
        case bool() | int() | float() | Decimal() | str():
            return bool(value)
    raise Refused(f"a condition cannot be {kind(value)}", "compare it, or ask with `is empty` or `is defined`")


def is_true_text(rendered: str) -> bool:
    """Of a rendered `condition` or `runIf`: false only when it is empty, `false`, `0` or `-0`."""
    return rendered.strip() not in FALSE_TEXTS


def to_text(value: object, budget: Budget) -> str:
    """As it is printed: null as nothing, lists and maps as compact JSON, dates as ISO-8601."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case list() | dict():
            return to_json(value, budget)
    return scalar_text(value)


def scalar_text(value: object) -> str:
    """Dates, times, durations and bytes: the text they have in JSON too."""
    match value:
        case datetime():
            text = value.isoformat()
            return text[:-6] + "Z" if value.tzinfo and text.endswith("+00:00") else text
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
    raise Refused(
        "a value of this kind cannot be used in a template", "only text, numbers, booleans, lists, maps and dates can"
    )


def duration_text(value: timedelta) -> str:
    """ISO-8601, as java.time prints it: hours, minutes and seconds only, `PT26H3M0.5S`."""
    micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1_000_000)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    parts = [f"{sign}{hours}H" if hours else "", f"{sign}{minutes}M" if minutes else ""]
    parts.append(f"{sign}{seconds}{fraction}S" if seconds or micros else "")
    return "PT" + "".join(parts) if any(parts) else "PT0S"


def to_json(value: object, budget: Budget) -> str:
    """Compact JSON in the order the map has."""
    budget.weigh(value)
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_json_default)
    except (TypeError, ValueError) as error:
        raise Refused(f"not printable as JSON: {error}") from error
    budget.text(len(text))
    return text


def _json_default(value: object) -> object:
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value() and abs(value.adjusted()) < EXACT_EXPONENT
        return int(value) if whole else float(value)
    return scalar_text(value)


def plain(value: object) -> object:
    """The value as JSON has it, for jq and YAML: dates as text, decimals as numbers."""
    match value:
        case dict():
            return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    return _json_default(value)


def attribute(value: object, name: str) -> object:
    """`value.name`: a key of a map. Only of lists and text is `size` or `length` their length; a map's keys are never methods."""
    if isinstance(value, dict):
        try:
            return value[name]
        except KeyError:
            raise Missing(f"there is no {name!r} here", _nearest_key(name, value), name=name) from None
    if isinstance(value, list | str) and name in ("size", "length"):
        return len(value)
    raise Missing(f"{name!r} asked of {kind(value)}", "only a map has keys", name=name)


def _nearest_key(name: str, value: dict[object, object]) -> str:
    """`outputs.my-task` asks `outputs` for `my`."""
    dashed = next((key for key in value if isinstance(key, str) and key.startswith(f"{name}-")), None)
    return f"a key with a dash is written ['{dashed}']" if dashed else nearest(name, map(str, value))


def item(value: object, key: object) -> object:
    """`value[key]`: of a map by key, of a list by index."""
    if isinstance(value, list):
        place = (
            key
            if isinstance(key, int)
            else int(key)
            if isinstance(key, str) and key.isdecimal() and len(key) < 10
            else -1
        )
        if 0 <= place < len(value):
            return value[place]
        raise Missing(f"the list has no index {key!r}", f"it has {len(value)} items, counted from 0", name=str(key))
    if isinstance(value, dict):
        if isinstance(key, str | int | float) and key in value:
            return value[key]
        text = key if isinstance(key, str) else scalar_key(key)
        if text not in value and text.isdecimal() and len(text) < 19 and int(text) in value:
            return value[int(text)]
        return attribute(value, text)
    raise Missing(
        f"{key!r} asked of {kind(value)}" if isinstance(key, str | int) else "no such key", name=str(key)[:50]
    )


def scalar_key(key: object) -> str:
    """A key of a map as text."""
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float() | Decimal():
            return str(key)
        case list() | dict() | None:
            raise Refused(f"{kind(key)} cannot be a key")
    return scalar_text(key)


def number(value: object) -> int | float | Decimal:
    """A number, or a text that is one (`'04' * 2` is 8); a boolean is none."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return parse_number(value)
    raise Refused(f"a number is needed, not {kind(value)}")


def parse_number(text: str) -> int | float:
    """Decimal digits with an optional sign; a float where there is a point or an exponent."""
    stripped = text.strip()
    shown = stripped if len(stripped) <= 40 else stripped[:40] + "…"
    if len(stripped) > 400 or "_" in stripped or not stripped.isascii():
        raise Refused(f"{shown!r} is not a number")
    try:
        return checked(int(stripped))
    except ValueError:
        pass
    try:
        value = float(stripped)
    except ValueError:
        raise Refused(f"{shown!r} is not a number") from None
    if not math.isfinite(value):
        raise Refused(f"{shown!r} is not a number")
    return value


def whole(value: object, name: str) -> int:
    """A whole number for the argument `name`."""
    found = number(value) if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool) else None
    if found is None or found != int(found):
        raise Refused(f"{name!r} must be a whole number, not {kind(value)}")
    return int(found)


def string(value: object, name: str) -> str:
    """Text for the argument `name`."""
    if not isinstance(value, str):
        raise Refused(f"{name!r} must be text, not {kind(value)}")
    return value


def checked(value: int) -> int:
    """Whole numbers have 64 bits, as in Kestra; where Java wraps around silently, this is an error."""
    if not -(2**63) <= value < 2**63:
        raise Refused("the number does not fit into 64 bits")
    return value
