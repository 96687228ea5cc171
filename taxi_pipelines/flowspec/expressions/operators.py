"""The operators between values: arithmetic, comparison, containment."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, DecimalException
from typing import Any

from taxi_pipelines.flowspec.expressions.budget import Budget
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.values import checked, kind, number, scalar_key, to_text

Number = int | float | Decimal


def equal(left: object, right: object) -> bool:
    """Numbers with numbers, text with text; `'04'` is not 4 and `true` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def add(left: object, right: object, budget: Budget) -> object:
    """Joins where one side is text (`'a' + 1` is `a1`), appends to a list, adds numbers."""
    if isinstance(left, str) or isinstance(right, str):
        return join(left, right, budget)
    if isinstance(left, list):
        more = right if isinstance(right, list) else [right]
        budget.spend(len(left) + len(more))
        return left + more
    return _arithmetic(operator.add, left, right)


def join(left: object, right: object, budget: Budget) -> str:
    """`~`: the two as printed, one after the other."""
    first, second = to_text(left, budget), to_text(right, budget)
    budget.text(len(first) + len(second))
    return first + second


def subtract(left: object, right: object, budget: Budget) -> object:
    """Of a list: without the items of the other list, or without the first item equal to the right."""
    if not isinstance(left, list):
        return _arithmetic(operator.sub, left, right)
    budget.weigh([left, right])
    if isinstance(right, list):
        budget.spend(len(left) * len(right))
        return [item for item in left if not any(equal(item, gone) for gone in right)]
    place = next((index for index, item in enumerate(left) if equal(item, right)), len(left))
    return left[:place] + left[place + 1 :]


def multiply(left: object, right: object, _budget: Budget) -> object:
    """Numbers only."""
    return _arithmetic(operator.mul, left, right)


def divide(left: object, right: object, _budget: Budget) -> object:
    """Of whole numbers: whole, towards zero, as in Java."""
    return _arithmetic(_divide, left, right)


def modulo(left: object, right: object, _budget: Budget) -> object:
    """The remainder has the sign of the left side, as in Java."""
    return _arithmetic(_modulo, left, right)


def _divide(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int):
        result = abs(left) // abs(right)
        return result if (left < 0) == (right < 0) else -result
    return left / right  # type: ignore[operator]  # never a Decimal with a float, see _arithmetic


def _modulo(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int):
        return left - right * int(_divide(left, right))
    return math.fmod(left, right) if isinstance(left, float) or isinstance(right, float) else left % right


def _arithmetic(operation: Callable[[Number, Number], Number], left: object, right: object) -> Number:
    first, second = number(left), number(right)
    if isinstance(first, Decimal) and isinstance(second, float):
        second = Decimal(str(second))
    elif isinstance(first, float) and isinstance(second, Decimal):
        first = Decimal(str(first))
    try:
        result = operation(first, second)
    except ZeroDivisionError:
        raise Refused("division by zero") from None
    except (OverflowError, DecimalException, ValueError):
        raise Refused("the number is too large") from None
    if isinstance(result, int):
        return checked(result)
    if not math.isfinite(result):
        raise Refused("the number is too large")
    return result


def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    """`<`, `<=`, `>`, `>=`: numbers with numbers, text with text, dates with dates; false where one side is null."""

    def compared(left: object, right: object) -> bool:
        if left is None or right is None:
            return False
        comparable = (
            (_is_number(left) and _is_number(right))
            or (isinstance(left, str) and isinstance(right, str))
            or (type(left) is type(right) and isinstance(left, date))
        )
        if not comparable or (isinstance(left, datetime) and (left.tzinfo is None) != (right.tzinfo is None)):  # type: ignore[attr-defined]
            raise Refused(f"{kind(left)} cannot be compared with {kind(right)}", "`| number` makes a number of a text")
        return compare(left, right)

    return compared


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def contains(left: object, right: object, budget: Budget) -> bool:
    """An item or all items of a list, a key of a map, a part of a text; nothing contains null."""
    match left:
        case None:
            return False
        case list():
            budget.weigh([left, right])
            wanted = right if isinstance(right, list) else [right]
            budget.spend(len(left) * len(wanted))
            return all(any(equal(item, one) for item in left) for one in wanted)
        case dict():
            return scalar_key(right) in left or (isinstance(right, int) and right in left)
        case str():
            budget.text(len(left))
            return to_text(right, budget) in left
    raise Refused(f"`contains` asked of {kind(left)}", "it is for lists, maps and text")


COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "<": ordered(operator.lt),
    "<=": ordered(operator.le),
    ">": ordered(operator.gt),
    ">=": ordered(operator.ge),
}
OPERATORS: dict[str, Callable[[object, object, Budget], object]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "~": join,
    "contains": contains,
}
