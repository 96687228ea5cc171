"""Text, or JSON, that somebody gives → the value of an input's type. A ValueError says in one line what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from taxi_pipelines.domain.flow import Input
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.flowspec.yaml_text import MAX_DEPTH, read_document

_DURATION = TypeAdapter(timedelta)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")


def convert(one: Input, given: object) -> object:
    """The value of an input. Raises ValueError."""
    value = CONVERTERS[one.type](given)
    match one.type:
        case "SELECT":
            _check_choice(one, value)
        case "MULTISELECT":
            return _chosen(one, value)
        case "ARRAY":
            item = CONVERTERS[str(one.rules.get("itemType", "STRING"))]
            return [item(part) for part in _list(value)]
        case "STRING" | "SECRET":
            _check_pattern(one, str(value))
        case "FILE":
            _check_ending(one, str(value))
        case kind if kind in _BOUNDS:
            _check_bounds(one, value)
    return value


def check_rules(one: Input) -> Iterator[tuple[str, str]]:
    """Rules of an input that are no values of its type themselves: their names and what is wrong."""
    for rule in _BOUNDS.get(one.type, ()):
        if rule in one.rules:
            try:
                CONVERTERS[one.type](one.rules[rule])
            except ValueError as error:
                yield rule, str(error)


def choices(one: Input) -> list[str]:
    """What a SELECT or MULTISELECT offers, as text."""
    return [plain_text(value) for value in one.rules.get("values") or one.rules.get("options") or []]


def plain(value: object) -> Any:
    """The value as an execution keeps it: JSON's types, times and durations as ISO 8601 text."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return _DURATION.dump_python(value, mode="json")
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return value


def _text(given: object) -> str:
    if isinstance(given, (dict, list)):
        raise ValueError("text is expected")
    return plain_text(given)


def _int(given: object) -> int:
    if isinstance(given, bool) or not re.fullmatch(r"[+-]?[0-9]{1,1000}", str(given).strip()):
        raise ValueError(f"{_shown(given)} is not a whole number")
    return int(str(given))


def _float(given: object) -> float:
    try:
        if isinstance(given, bool) or not math.isfinite(found := float(str(given))):
            raise ValueError
    except ValueError:
        raise ValueError(f"{_shown(given)} is not a number") from None
    return found


def _bool(given: object) -> bool:
    if str(given).lower() not in ("true", "false"):
        raise ValueError(f"{_shown(given)} is neither true nor false")
    return str(given).lower() == "true"


def _date(given: object) -> date:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise ValueError(f"{_shown(given)} is not a date such as 2024-01-31") from None


def _time(given: object) -> time:
    try:
        found = time.fromisoformat(str(given))
        if found.tzinfo:
            raise ValueError
    except ValueError:
        raise ValueError(f"{_shown(given)} is not a time such as 09:30:00") from None
    return found


def _datetime(given: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(given))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{_shown(given)} is not a time such as 2024-01-31T09:30:00Z") from None


def _duration(given: object) -> timedelta:
    try:
        if not str(given).upper().startswith(("P", "-P", "+P")):
            raise ValueError
        return _DURATION.validate_python(given)
    except (ValueError, ValidationError):
        raise ValueError(f"{_shown(given)} is not an ISO 8601 duration such as PT1H") from None


def _json(given: object) -> Any:
    if not isinstance(given, str):
        return _not_too_deep(given)
    try:
        return _not_too_deep(json.loads(given, parse_constant=_no_constant))
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from None
    except RecursionError:
        raise ValueError("not valid JSON: nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _not_too_deep(value: Any) -> Any:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for part in level for inner in _parts(part)]
        if not level:
            return value
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


def _yaml(given: object) -> Any:
    if not isinstance(given, str):
        return _not_too_deep(given)
    document = read_document(given, "input")
    if document.problems:
        raise ValueError(str(document.problems[0]))
    return document.value


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _email(given: object) -> str:
    if not _EMAIL.fullmatch(str(given)):
        raise ValueError(f"{_shown(given)} is not a mail address")
    return str(given)


def _uri(given: object) -> str:
    if not _URI.fullmatch(str(given)):
        raise ValueError(f"{_shown(given)} is not a URI such as https://example.com/file.csv")
    return str(given)


def _list(given: object) -> list[Any]:
    found = _json(given)
    if not isinstance(found, list):
        raise ValueError("a list is expected, such as [1, 2]")
    return found


CONVERTERS: Mapping[str, Callable[[object], Any]] = {
    "STRING": _text,
    "SELECT": _text,
    "MULTISELECT": lambda given: given,
    "INT": _int,
    "FLOAT": _float,
    "BOOLEAN": _bool,
    "DATE": _date,
    "TIME": _time,
    "DATETIME": _datetime,
    "DURATION": _duration,
    "ARRAY": lambda given: given,
    "JSON": _json,
    "YAML": _yaml,
    "FILE": _text,
    "URI": _uri,
    "EMAIL": _email,
    "SECRET": _text,
    "BOOL": _bool,
    "ENUM": _text,
}
"""Input type → what makes its value. SELECT values are text even if they look numeric."""


_BOUNDS: Mapping[str, tuple[str, str]] = {
    "INT": ("min", "max"),
    "FLOAT": ("min", "max"),
    "DURATION": ("min", "max"),
    "DATE": ("after", "before"),
    "TIME": ("after", "before"),
    "DATETIME": ("after", "before"),
}
"""Input type → the names of its lower and its upper bound, both of them valid values."""


def _check_choice(one: Input, value: object) -> None:
    valid = choices(one)
    if value not in valid and one.rules.get("allowCustomValue") is not True:
        raise ValueError(f"{_shown(value)} is not one of {', '.join(valid)}")


def _chosen(one: Input, value: object) -> list[str]:
    chosen = [_text(part) for part in (value if isinstance(value, list) else _several(_text(value)))]
    for part in chosen:
        _check_choice(one, part)
    return chosen


def _several(text: str) -> list[Any]:
    return _list(text) if text.lstrip().startswith("[") else [part.strip() for part in text.split(",")]


def _check_pattern(one: Input, value: str) -> None:
    pattern = one.rules.get("validator")
    if pattern and not re.fullmatch(str(pattern), value):
        shown = "it" if one.type == "SECRET" else _shown(value)
        raise ValueError(f"{shown} does not match {pattern}")


def _check_ending(one: Input, value: str) -> None:
    endings = one.rules.get("allowedFileExtensions")
    if endings and not value.lower().endswith(tuple(str(ending).lower() for ending in endings)):
        raise ValueError(f"{_shown(value)} does not end with {' or '.join(map(str, endings))}")


def _check_bounds(one: Input, value: Any) -> None:
    low, high = _BOUNDS[one.type]
    converter = CONVERTERS[one.type]
    if low in one.rules and value < converter(one.rules[low]):
        raise ValueError(f"{plain(value)} is below {low} = {one.rules[low]}")
    if high in one.rules and value > converter(one.rules[high]):
        raise ValueError(f"{plain(value)} is above {high} = {one.rules[high]}")
