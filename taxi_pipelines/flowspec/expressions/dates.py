"""Dates as the language has them: reading what a value says, moving it, printing it, as java.time does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from email.utils import format_datetime as format_rfc
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime as format_style

from taxi_pipelines.flowspec.expressions.date_patterns import LONGEST, format_by, locale, parse_by, zone
from taxi_pipelines.flowspec.expressions.failures import Refused, nearest
from taxi_pipelines.flowspec.expressions.values import kind

DEFAULT_FORMAT = "iso"
STYLES = ("full", "long", "medium", "short")
NAMED = {
    "iso": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "iso_sec": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "sql": "yyyy-MM-dd HH:mm:ss.SSSSSS",
    "sql_seq": "yyyy-MM-dd HH:mm:ss",
    "iso_date": "yyyy-MM-ddXXX",
    "iso_local_date": "yyyy-MM-dd",
    "iso_ordinal_date": "yyyy-DDDXXX",
}
EXACT_UNITS = {
    "MICROS": timedelta(microseconds=1),
    "MILLIS": timedelta(milliseconds=1),
    "SECONDS": timedelta(seconds=1),
    "MINUTES": timedelta(minutes=1),
    "HOURS": timedelta(hours=1),
    "HALF_DAYS": timedelta(hours=12),
}
DAY_UNITS = {"DAYS": 1, "WEEKS": 7}
MONTH_UNITS = {"MONTHS": 1, "YEARS": 12, "DECADES": 120, "CENTURIES": 1200}


def find_zone(name: object, default: ZoneInfo) -> tzinfo:
    """The argument `timeZone`, or the server's zone."""
    if name is None:
        return default
    if not isinstance(name, str):
        raise Refused(f"'timeZone' must be text, not {kind(name)}")
    return zone(name)


def read(value: object, default: tzinfo, existing: str | None, language: str | None = None) -> datetime:
    """The aware time a value stands for: a date or time, seconds since 1970, or text in ISO-8601 or in the pattern `existing`.

    What names no zone is in the zone `default`; a date without a time is its midnight.
    """
    match value:
        case datetime():
            found = value
        case date():
            found = datetime.combine(value, time())
        case bool():
            raise Refused("a boolean is not a date")
        case int():
            found = _from_seconds(value)
        case str():
            found = _parse(value, existing, language)
        case _:
            raise Refused(f"{kind(value)} is not a date")
    return found if found.tzinfo else found.replace(tzinfo=default)


def _from_seconds(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise Refused(f"{seconds} seconds since 1970 is no date between the years 1 and 9999") from None


def _parse(text: str, existing: str | None, language: str | None) -> datetime:
    if existing and existing not in NAMED and existing != "rfc_1123_date_time" and not existing.startswith("iso_"):
        return parse_by(existing, text, locale(language))
    if len(text) > LONGEST:
        raise Refused("the text is too long for a date")
    try:
        if existing == "rfc_1123_date_time":
            return parsedate_to_datetime(text)
        bare, _, region = text.strip().removesuffix("]").partition("[")
        found = datetime.fromisoformat(bare)
        return (
            found.astimezone(zone(region))
            if region and found.tzinfo
            else found.replace(tzinfo=zone(region))
            if region
            else found
        )
    except (ValueError, OverflowError, IndexError, TypeError):
        hint = "as in 2021-03-01, 2021-03-01T09:00:00Z; another pattern is given by existingFormat"
        raise Refused(f"{text[:60]!r} is not a date in ISO-8601", hint) from None


def show(value: datetime, pattern: str, language: str | None) -> str:
    """By a java.time pattern, a named format or a style."""
    try:
        if pattern in STYLES:
            return format_style(value, format=pattern, locale=locale(language), tzinfo=value.tzinfo)
        if printer := ISO_PRINTERS.get(pattern):
            return printer(value)
        return format_by(NAMED.get(pattern, pattern), value, locale(language))
    except (OverflowError, ValueError) as error:
        raise Refused(f"the date cannot be printed as {pattern!r}: {error}") from None


def into(value: datetime, target: tzinfo) -> datetime:
    """The same moment in another zone."""
    try:
        return value.astimezone(target)
    except (OverflowError, ValueError):
        raise Refused("the date leaves the years 1 to 9999") from None


def move(value: datetime, amount: int, unit: str) -> datetime:
    """Hours and smaller are exact; days and larger keep the local time, a month's end stays within its month.

    A local time that daylight saving skips is moved on by the gap, as java.time does.
    """
    try:
        if unit in EXACT_UNITS:
            return (value.astimezone(UTC) + amount * EXACT_UNITS[unit]).astimezone(value.tzinfo)
        if unit in DAY_UNITS:
            moved = value + timedelta(days=amount * DAY_UNITS[unit])
        elif unit in MONTH_UNITS:
            moved = _months_later(value, amount * MONTH_UNITS[unit])
        else:
            units = (*DAY_UNITS, *MONTH_UNITS, *EXACT_UNITS)
            raise Refused(f"there is no unit {unit[:40]!r}", nearest(unit.upper()[:40], units))
        return moved.astimezone(UTC).astimezone(value.tzinfo)
    except (OverflowError, ValueError):
        raise Refused("the date leaves the years 1 to 9999") from None


def _months_later(value: datetime, months: int) -> datetime:
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return value.replace(year=year, month=month + 1, day=min(value.day, last))


def _local(timespec: str = "auto") -> Callable[[datetime], str]:
    return lambda value: value.replace(tzinfo=None).isoformat(timespec=timespec)


def _offset_text(value: datetime) -> str:
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _zoned(value: datetime) -> str:
    region = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else ""
    return _offset_text(value) + (f"[{region}]" if region else "")


ISO_PRINTERS: dict[str, Callable[[datetime], str]] = {
    "iso_date_time": _zoned,
    "iso_zoned_date_time": _zoned,
    "iso_instant": lambda value: _offset_text(value.astimezone(UTC)),
    "iso_local_date_time": _local(),
    "iso_local_time": lambda value: value.time().isoformat(),
    "iso_time": lambda value: _offset_text(value).split("T")[1],
    "iso_offset_time": lambda value: _offset_text(value).split("T")[1],
    "iso_week_date": lambda value: "{}-W{:02d}-{}".format(*value.isocalendar()),
    "rfc_1123_date_time": lambda value: format_rfc(value.astimezone(UTC), usegmt=True),
}
