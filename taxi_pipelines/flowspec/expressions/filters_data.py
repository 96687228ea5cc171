"""Filters that turn values into others: JSON, YAML, jq, numbers and their text."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

import yaml
from babel.numbers import format_decimal

from taxi_pipelines.flowspec.expressions.confined import CONFINED
from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused
from taxi_pipelines.flowspec.expressions.operations import Operation, pure
from taxi_pipelines.flowspec.expressions.values import (
    checked,
    kind,
    number,
    parse_number,
    plain,
    scalar_text,
    string,
    to_json,
)

INT_BITS = 32
NUMBER_TYPES = ("INT", "LONG", "BIGINTEGER", "FLOAT", "DOUBLE", "BIGDECIMAL")
NUMBER_LOCALE = "en_US"
LONGEST_PATTERN = 100
YAML_STEPS = 10  # writing an item as YAML takes ten times as long as a step
JAVA_CLASSES: tuple[tuple[type, str], ...] = (
    (bool, "java.lang.Boolean"),
    (float, "java.lang.Double"),
    (Decimal, "java.math.BigDecimal"),
    (str, "java.lang.String"),
    (list, "java.util.ArrayList"),
    (dict, "java.util.LinkedHashMap"),
    (datetime, "java.time.ZonedDateTime"),
    (date, "java.time.LocalDate"),
    (time, "java.time.LocalTime"),
    (timedelta, "java.time.Duration"),
    (bytes, "[B"),
)


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice twice: no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def json_of(frame: Frame, value: object) -> str:
    """`json`, `toJson`: null is `null`."""
    return to_json(value, frame.budget)


def yaml_of(frame: Frame, value: object) -> str:
    """In block style, in the order the map has."""
    for _ in range(YAML_STEPS):
        frame.budget.weigh(value)
    text = yaml.dump(
        plain(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1 << 30
    )
    return text.removesuffix("...\n")


def jq(frame: Frame, value: object, expression: object) -> object:
    """Every result of a jq program, in a list. Of a text that is read as JSON first."""
    if value is None:
        return None
    text = value if isinstance(value, str) else to_json(value, frame.budget)
    program = string(expression, "expression")
    found = CONFINED.ask("jq", program=program, value=text)
    frame.budget.weigh(found)
    return found


def to_number(value: object, wanted: object) -> object:
    """`number`: whole or not as the text is written, or of the given type."""
    if value is None:
        return None
    if not isinstance(value, str):
        value = number(value)
    if wanted is None:
        return parse_number(value) if isinstance(value, str) else value
    name = string(wanted, "type").upper()
    match name:
        case "INT" | "LONG" | "BIGINTEGER":
            return _whole(value, name)
        case "FLOAT" | "DOUBLE":
            return float(parse_number(value) if isinstance(value, str) else value)
        case "BIGDECIMAL":
            try:
                parse_number(str(value))
                return Decimal(str(value).strip())
            except InvalidOperation:
                raise Refused(f"{str(value)[:40]!r} is not a number") from None
    raise Refused(f"there is no number type {name[:40]!r}", f"there are {', '.join(NUMBER_TYPES)}")


def _whole(value: str | float | Decimal, name: str) -> int:
    found = parse_number(value) if isinstance(value, str) else value
    if isinstance(found, float | Decimal):
        if isinstance(value, str):
            raise Refused(f"{value[:40]!r} is not a whole number")
        found = int(found)
    if name == "INT" and not -(2 ** (INT_BITS - 1)) <= found < 2 ** (INT_BITS - 1):
        raise Refused(f"{found} does not fit into an INT", "LONG has 64 bits")
    return checked(found)


def number_format(value: object, pattern: object) -> object:
    """By a DecimalFormat pattern such as `#,##0.00`; without one, with thousands separated and at most three decimals."""
    if value is None:
        return None
    if isinstance(value, str | bool):
        raise Refused(f"`numberFormat` is for numbers, not {kind(value)}", "`| number` makes a number of a text")
    wanted = None if pattern is None else string(pattern, "format")
    if wanted is not None and len(wanted) > LONGEST_PATTERN:
        raise Refused("the number pattern is too long")
    try:
        return format_decimal(number(value), format=wanted, locale=NUMBER_LOCALE)
    except (ValueError, InvalidOperation, IndexError, KeyError, AttributeError) as error:
        raise Refused(f"{wanted!r} is no pattern for numbers: {error}", "such as #,##0.00") from None


def text_of(value: object) -> object:
    """`string`: a value as text, so that `| string` compares with text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case list() | dict():
            raise Refused(f"`string` is not for {kind(value)}", "`| json` writes it as JSON")
    return scalar_text(value)


def class_name(value: object) -> object:
    """The Java class that Kestra would name."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return "java.lang.Integer" if -(2 ** (INT_BITS - 1)) <= value < 2 ** (INT_BITS - 1) else "java.lang.Long"
    for base, name in JAVA_CLASSES:
        if isinstance(value, base):
            return name
    raise Refused("a value of this kind cannot be used in a template")


def absolute(value: object) -> object:
    """Without its sign."""
    return abs(number(value))


def unchanged(value: object, _default: object) -> object:
    """`default` where there is a value; the other case is decided where the filter is compiled, since it must not fail."""
    return value


FILTERS = {
    "json": Operation(json_of),
    "toJson": Operation(json_of),
    "yaml": Operation(yaml_of),
    "jq": Operation(jq, required=("expression",)),
    "number": pure(to_number, optional=("type",)),
    "numberFormat": pure(number_format, optional=("format",)),
    "numberformat": pure(number_format, optional=("format",)),
    "string": pure(text_of),
    "className": pure(class_name),
    "abs": pure(absolute),
    "default": pure(unchanged, "default"),
}
