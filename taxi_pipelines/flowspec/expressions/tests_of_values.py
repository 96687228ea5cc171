"""What stands right of `is`."""

from __future__ import annotations

from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.functions_values import from_json
from taxi_pipelines.flowspec.expressions.operations import Operation, pure
from taxi_pipelines.flowspec.expressions.values import kind


def is_defined(value: object) -> bool:
    """Neither undefined, which arrives as null, nor null."""
    return value is not None


def is_empty(value: object) -> bool:
    """Null, blank text, an empty list or map."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict) and not value)


def is_null(value: object) -> bool:
    """Null."""
    return value is None


def is_even(value: object) -> bool:
    """Of whole numbers."""
    return _whole(value) % 2 == 0


def is_odd(value: object) -> bool:
    """Of whole numbers."""
    return _whole(value) % 2 == 1


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"a whole number is needed, not {kind(value)}")
    return value


def is_iterable(value: object) -> bool:
    """A list."""
    return isinstance(value, list)


def is_map(value: object) -> bool:
    """A map."""
    return isinstance(value, dict)


def is_json(frame: Frame, value: object) -> bool:
    """A text that reads as JSON."""
    if not isinstance(value, str):
        return False
    try:
        from_json(frame, value)
    except Refused:
        return False
    return True


TESTS = {
    "defined": pure(is_defined),
    "empty": pure(is_empty),
    "null": pure(is_null),
    "even": pure(is_even),
    "odd": pure(is_odd),
    "iterable": pure(is_iterable),
    "map": pure(is_map),
    "json": Operation(is_json),
}
