"""Filters and functions about time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from taxi_pipelines.flowspec.expressions.dates import DEFAULT_FORMAT, find_zone, into, move, read, show
from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.operations import Operation
from taxi_pipelines.flowspec.expressions.values import string, whole

SHAPE = ("format", "timeZone", "existingFormat", "locale")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _text(value: object, name: str) -> str | None:
    return None if value is None else string(value, name)


def _read(value: object, zone: tzinfo, existing: object, language: object) -> datetime:
    return read(value, zone, _text(existing, "existingFormat"), _text(language, "locale"))


def _shown(value: datetime, pattern: object, zone: tzinfo, language: object) -> str:
    return show(into(value, zone), _text(pattern, "format") or DEFAULT_FORMAT, _text(language, "locale"))


def format_date(
    frame: Frame, value: object, pattern: object, time_zone: object, existing: object, language: object
) -> object:
    """`date`: in the zone `timeZone`, by default the server's."""
    if value is None:
        return None
    zone = find_zone(time_zone, frame.environment.zone)
    return _shown(_read(value, zone, existing, language), pattern, zone, language)


def add_to_date(frame: Frame, value: object, amount: object, unit: object, *shape: object) -> object:
    """`dateAdd`: moved in the date's own zone, printed as `date` does."""
    if value is None:
        return None
    pattern, time_zone, existing, language = shape
    zone = find_zone(time_zone, frame.environment.zone)
    moved = move(_read(value, zone, existing, language), whole(amount, "amount"), string(unit, "unit"))
    return _shown(moved, pattern, zone, language)


def now(frame: Frame, pattern: object, time_zone: object, existing: object, language: object) -> object:
    """`now()`: the moment the rendering began."""
    return format_date(frame, frame.environment.now, pattern, time_zone, existing, language)


def timestamp(per_second: int) -> Operation:
    """Whole units since 1970; `per_second` of them in a second."""

    def since_epoch(frame: Frame, value: object, time_zone: object, existing: object) -> object:
        if value is None:
            return None
        found = _read(value, find_zone(time_zone, frame.environment.zone), existing, None)
        micros = (found - EPOCH) // timedelta(microseconds=1)
        return micros * per_second // 1_000_000

    return Operation(since_epoch, optional=("timeZone", "existingFormat"))


FILTERS = {
    "date": Operation(format_date, optional=SHAPE),
    "dateAdd": Operation(add_to_date, required=("amount", "unit"), optional=SHAPE),
    "timestamp": timestamp(1),
    "timestampMilli": timestamp(1_000),
    "timestampMicro": timestamp(1_000_000),
    "timestampNano": timestamp(1_000_000_000),
}
FUNCTIONS: dict[str, Operation] = {"now": Operation(now, optional=SHAPE)}
