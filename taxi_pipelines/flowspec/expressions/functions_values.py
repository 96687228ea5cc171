"""Functions that make values out of their arguments alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.operations import Operation
from taxi_pipelines.flowspec.expressions.operators import COMPARISONS
from taxi_pipelines.flowspec.expressions.values import kind, string, whole

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID_LENGTH = 22
CHARACTERS_PER_JSON_STEP = 8


def from_json(frame: Frame, text: object) -> object:
    """The value of a JSON text; null of null."""
    if text is None:
        return None
    source = string(text, "json")
    frame.budget.spend(len(source) // CHARACTERS_PER_JSON_STEP)
    try:
        return json.loads(source, parse_constant=_no_constant)
    except ValueError as error:
        raise Refused(f"not JSON: {str(error)[:200]}") from None
    except RecursionError:
        raise Refused("the JSON is nested too deeply") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def span(frame: Frame, start: object, end: object, increment: object) -> list[object]:
    """`range` and `..`: both ends included; numbers, or single characters."""
    step = 1 if increment is None else whole(increment, "increment")
    if step == 0:
        raise Refused("'increment' must not be 0")
    letters = isinstance(start, str) and isinstance(end, str) and len(start) == len(end) == 1
    first, last = (ord(str(start)), ord(str(end))) if letters else (_number(start, "start"), _number(end, "end"))
    numbers = range(first, last + (1 if step > 0 else -1), step)
    frame.budget.spend(len(numbers) if abs(last - first) < 2**62 else frame.environment.limits.steps + 1)
    return [chr(number) for number in numbers] if letters else list(numbers)


def _number(value: object, name: str) -> int:
    if isinstance(value, str):
        raise Refused(
            f"'{name}' of a range must be a number or a single character", "`| number` makes a number of a text"
        )
    return whole(value, name)


def extreme(better: str) -> Operation:
    """`max` and `min` of any number of arguments; null among them is passed over."""
    compare = COMPARISONS[better]

    def call(_frame: Frame, *values: object) -> object:
        found: object = None
        for value in values:
            if isinstance(value, list | dict | bool):
                raise Refused(f"{kind(value)} cannot be compared", "give the values one by one, as in max(a, b)")
            if found is None or compare(value, found):
                found = value
        return found

    return Operation(call, variadic=True)


def random_uuid(frame: Frame) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=frame.environment.random.getrandbits(128), version=4))


def random_id(frame: Frame) -> str:
    """22 letters and digits, as Kestra's ids."""
    return "".join(frame.environment.random.choices(LETTERS, k=ID_LENGTH))


def random_int(frame: Frame, lower: object, upper: object) -> int:
    """From `lower` up to, not including, `upper`; `lower` where both are the same."""
    low, high = whole(lower, "lower"), whole(upper, "upper")
    if high < low:
        raise Refused("'upper' is less than 'lower'")
    return frame.environment.random.randrange(low, max(high, low + 1))


def render(recursive: bool | None) -> Operation:
    """`render` and `renderOnce`: text, and every text inside a list or map, with the variables that are visible here."""

    def call(frame: Frame, value: object, *flag: object) -> object:
        deep = recursive
        if deep is None:
            deep = True if flag[0] is None else flag[0] is True
            if flag[0] is not None and not isinstance(flag[0], bool):
                raise Refused("'recursive' must be true or false")
        frame.budget.weigh(value)
        frame.budget.enter()
        try:
            return _each_text(value, lambda text: frame.render(text, frame, deep))
        finally:
            frame.budget.leave()

    return Operation(call, required=("toRender",), optional=("recursive",) if recursive is None else ())


def _each_text(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key) if isinstance(key, str) else key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return value


FUNCTIONS = {
    "fromJson": Operation(from_json, required=("json",)),
    "json": Operation(from_json, required=("json",)),
    "range": Operation(span, required=("start", "end"), optional=("increment",)),
    "max": extreme(">"),
    "min": extreme("<"),
    "uuid": Operation(random_uuid),
    "id": Operation(random_id),
    "randomInt": Operation(random_int, required=("lower", "upper")),
    "render": render(None),
    "renderOnce": render(recursive=False),
}
