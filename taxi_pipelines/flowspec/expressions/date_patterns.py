"""Patterns of java.time (`yyyy-MM-dd'T'HH:mm`): printing by them and reading by them.

CLDR's field letters are java.time's, so babel prints the fields; only what the two do differently is done here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import DateTimeFormat, get_day_names, get_month_names, get_period_names

from taxi_pipelines.flowspec.expressions.failures import Refused

LETTERS = "GuyYQqMLwWdDFEecaBhHKkmsSAnNVzOXxZ"
LONGEST = 200
PATTERN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+", re.DOTALL)
DEFAULT_LOCALE = "en_US"


@dataclass(frozen=True, slots=True)
class Part:
    """A run of one letter (`yyyy`), or text where `letter` is empty."""

    letter: str
    text: str


@functools.lru_cache(maxsize=256)
def parts(pattern: str) -> tuple[Part, ...]:
    """The pieces of a pattern. Raises Refused for a letter java.time does not know."""
    if len(pattern) > LONGEST:
        raise Refused("the date pattern is too long")
    found, end = [], 0
    for match in PATTERN.finditer(pattern):
        if match.start() != end:
            break
        end = match.end()
        if match[2]:
            if match[2] not in LETTERS:
                raise Refused(
                    f"{match[2]!r} is no letter of a date pattern ({pattern!r})",
                    "put text in quotes, as in yyyy-MM-dd'T'HH:mm",
                )
            found.append(Part(match[2], match[0]))
        else:
            text = match[0] if match[1] is None else match[1].replace("''", "'") or "'"
            found.append(Part("", text.replace("[", "").replace("]", "") if match[1] is None else text))
    if end != len(pattern):
        raise Refused(f"a quote is not closed in the date pattern {pattern!r}")
    return tuple(found)


@functools.lru_cache(maxsize=64)
def locale(name: str | None) -> Locale:
    """A locale by its name (`fr`, `fr_FR`, `fr-FR`); English as in the US by default."""
    try:
        return Locale.parse((name or DEFAULT_LOCALE).replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise Refused(f"there is no locale {name!r}", "such as en, fr_FR, de") from None


def format_by(pattern: str, value: datetime, language: Locale) -> str:
    """The aware time, printed."""
    made = []
    for part in parts(pattern):
        if not part.letter:
            made.append(part.text)
        elif printer := PRINTERS.get(part.letter):
            made.append(printer(value, len(part.text)))
        else:
            made.append(_by_babel(value, part.text, language))
    return "".join(made)


def _by_babel(value: datetime, field: str, language: Locale) -> str:
    try:
        return DateTimeFormat(value, language)[field]
    except (KeyError, ValueError, NotImplementedError):
        raise Refused(f"a date has no field {field!r}") from None


def _year(value: datetime, width: int) -> str:
    return f"{value.year % 100:02d}" if width == 2 else f"{value.year:0{width}d}"


def _fraction(value: datetime, width: int) -> str:
    """Cut off, not rounded."""
    return f"{value.microsecond:06d}".ljust(width, "0")[:width]


def _of_day(value: datetime) -> int:
    midnight = value.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (value.replace(tzinfo=None) - midnight) // timedelta(microseconds=1)


def _offset(value: datetime, *, colon: bool, zulu: bool, short: bool) -> str:
    offset = value.utcoffset() or timedelta()
    if zulu and not offset:
        return "Z"
    minutes = abs(offset) // timedelta(minutes=1)
    sign = "-" if offset < timedelta() else "+"
    if short and minutes % 60 == 0:
        return f"{sign}{minutes // 60:02d}"
    return f"{sign}{minutes // 60:02d}{':' if colon else ''}{minutes % 60:02d}"


PRINTERS: dict[str, Callable[[datetime, int], str]] = {
    "u": _year,
    "y": _year,
    "d": lambda value, width: f"{value.day:0{width}d}",
    "H": lambda value, width: f"{value.hour:0{width}d}",
    "m": lambda value, width: f"{value.minute:0{width}d}",
    "s": lambda value, width: f"{value.second:0{width}d}",
    "S": _fraction,
    "n": lambda value, width: f"{value.microsecond * 1000:0{width}d}",
    "N": lambda value, width: f"{_of_day(value) * 1000:0{width}d}",
    "A": lambda value, width: f"{_of_day(value) // 1000:0{width}d}",
    "V": lambda value, _width: zone_name(value.tzinfo),
    "X": lambda value, width: _offset(value, colon=width in (3, 5), zulu=True, short=width == 1),
    "x": lambda value, width: _offset(value, colon=width in (3, 5), zulu=False, short=width == 1),
}


def zone_name(zone: tzinfo | None) -> str:
    """`Europe/Paris`; `+02:00` for a fixed offset, `Z` for none."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    return _offset(datetime(2000, 1, 1, tzinfo=zone), colon=True, zulu=True, short=False)


DIGITS = {
    "d": "day",
    "H": "hour",
    "m": "minute",
    "s": "second",
    "h": "hour12",
    "K": "hour11",
    "k": "hour24",
    "D": "yearday",
}


def parse_by(pattern: str, text: str, language: Locale) -> datetime:
    """Reads a time; naive where the text names no zone. Raises Refused, naming text and pattern."""
    if len(text) > LONGEST:
        raise Refused("the text is too long for a date")
    expression, names = _reader(pattern, language)
    match = expression.fullmatch(text)
    if match is None:
        raise Refused(f"{text!r} does not read as {pattern!r}")
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    try:
        return _assemble(found, names)
    except (ValueError, KeyError) as error:
        raise Refused(f"{text!r} does not read as {pattern!r}: {error}") from None


@functools.lru_cache(maxsize=64)
def _reader(pattern: str, language: Locale) -> tuple[re.Pattern[str], dict[str, int]]:
    """The expression that reads a pattern, and the numbers that its words stand for."""
    pieces: list[str] = []
    names: dict[str, int] = {}
    for place, part in enumerate(parts(pattern)):
        if not part.letter:
            pieces.append(re.escape(part.text))
            continue
        width = len(part.text)
        if part.letter in "ML" and width > 2:
            words = get_month_names("wide" if width == 4 else "abbreviated", "format", language)
            names |= {word.lower(): month for month, word in words.items()}
            pieces.append(_one_of("monthname", words.values()))
        elif part.letter in "Eec":
            pieces.append(
                _one_of(
                    f"ignored{place}",
                    get_day_names("wide" if width == 4 else "abbreviated", "format", language).values(),
                )
            )
        elif part.letter == "a":
            periods = get_period_names("abbreviated", "format", language)
            names |= {periods["am"].lower(): 0, periods["pm"].lower(): 12}
            pieces.append(_one_of("period", [periods["am"], periods["pm"]]))
        else:
            pieces.append(_digits(part.letter, width, pattern))
    return re.compile("".join(pieces), re.IGNORECASE), names


def _one_of(name: str, words: object) -> str:
    assert hasattr(words, "__iter__")
    return f"(?P<{name}>{'|'.join(sorted((re.escape(str(word)) for word in words), key=len, reverse=True))})"


def _digits(letter: str, width: int, pattern: str) -> str:
    if letter in "yu":
        return (
            r"(?P<shortyear>\d{2})"
            if width == 2
            else rf"(?P<year>\d{{{min(width, 4)}}})"
            if width >= 4
            else r"(?P<year>\d{1,4})"
        )
    if letter == "S":
        return rf"(?P<fraction>\d{{{width}}})"
    if letter in "XxZ":
        return r"(?P<offset>Z|[+-]\d{2}:?(?:\d{2})?)"
    if letter in "Vz":
        return r"(?P<zone>[A-Za-z][\w/+-]*)"
    name = "month" if letter in "ML" else DIGITS.get(letter)
    if name is None:
        raise Refused(f"{letter!r} in the date pattern {pattern!r} cannot be read", "it can only be printed")
    return rf"(?P<{name}>\d{{{'1,2' if width == 1 else width}}})"


def _assemble(found: dict[str, str], names: dict[str, int]) -> datetime:
    year = int(found["year"]) if "year" in found else 2000 + int(found["shortyear"])
    month = names[found["monthname"].lower()] if "monthname" in found else int(found.get("month", 1))
    hour = int(found.get("hour", found.get("hour24", 0))) % 24
    if "hour12" in found or "hour11" in found:
        hour = int(found.get("hour12", found.get("hour11", 0))) % 12 + names.get(found.get("period", "").lower(), 0)
    value = datetime(
        year,
        month,
        int(found.get("day", 1)),
        hour,
        int(found.get("minute", 0)),
        int(found.get("second", 0)),
        int(found.get("fraction", "0").ljust(6, "0")[:6]),
        tzinfo=_zone_read(found),
    )
    return value + timedelta(days=int(found["yearday"]) - 1) if "yearday" in found else value


def _zone_read(found: dict[str, str]) -> tzinfo | None:
    if "zone" in found:
        return zone(found["zone"])
    return zone(found["offset"]) if "offset" in found else None


@functools.lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """A zone by its id (`Europe/Paris`), or an offset (`Z`, `+02:00`, `UTC+2`). Raises Refused."""
    offset = re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?", name)
    if offset and int(offset[2]) < 24:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo("UTC" if name in ("Z", "UT") else name)
    except (KeyError, ValueError, OSError):
        raise Refused(
            f"there is no time zone {name!r}", "such as UTC, Europe/Paris, America/New_York, +02:00"
        ) from None
