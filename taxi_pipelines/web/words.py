"""Numbers, times, names and lists as people read them; some are filters of all templates."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def number(value: float) -> str:
    """`1234567` → `1,234,567`."""
    return f"{value:,}"


def size(value: float | None) -> str:
    """Bytes: `1234567` → `1.2 MB`."""
    if value is None:
        return ""
    power = 0
    while value >= 999.5 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.0f} {_UNITS[power]}" if power == 0 or value >= 99.5 else f"{value:.1f} {_UNITS[power]}"


def duration(value: timedelta | float | None) -> str:
    """`0:01:12` → `1 min 12 s`; a number is seconds."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0.0005:
        return "< 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in words if count)[:20].strip() or "0 s"


def moment(at: datetime | None, zone: ZoneInfo) -> Markup:
    """`2 Dec 2026 06:00:05`, in the service's zone, with the exact time to hover over."""
    if at is None:
        return Markup("")
    there = at.astimezone(zone)
    text = f"{short_date(there)} {there:%Y %H:%M:%S}"
    return Markup('<time datetime="{}" title="{} {}">{}</time>').format(
        at.isoformat(), there.isoformat(sep=" ", timespec="milliseconds"), zone, text
    )


def day(at: datetime | None, zone: ZoneInfo) -> str:
    """`2 December 06:00 New York`: for sentences."""
    if at is None:
        return ""
    there = at.astimezone(zone)
    return f"{there.day} {MONTHS[there.month - 1]} {there:%H:%M} {zone_word(zone)}"


def long_date(day: date) -> str:
    """`28 September 2023`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """`28 Sep`."""
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def zone_word(zone: ZoneInfo | str) -> str:
    """`America/New_York` → `New York`."""
    return str(zone).rpartition("/")[2].replace("_", " ")


def ago(at: datetime | None, now: datetime) -> str:
    """`3 min ago`, `in 2 h`; the largest unit alone."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    length = abs(seconds)
    for unit, many in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if length >= many:
            text = f"{int(length // many)} {unit}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "now"


def month_name(month: object) -> str:
    """`2023-09` → `September 2023`; other partitions as they are."""
    year, _, rest = str(month).partition("-")
    return f"{MONTHS[int(rest) - 1]} {year}" if rest.isdecimal() else str(month)


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")


def markdown(text: str) -> Markup:
    """A description as it was meant: Markdown, without HTML of its own and without pictures."""
    return Markup(_MARKDOWN.render(text))


def unmarked(text: str) -> str:
    """Of Markdown the words alone, on one line."""
    return Markup(_MARKDOWN.renderInline(text)).striptags()


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 month`, `2 months`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """`1` → `1st`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def first_line(text: str) -> str:
    """What is said at once of a long text; the rest unfolds."""
    return text.strip().partition("\n")[0].strip()


def marked(text: str, wanted: str) -> Markup:
    """The text with what was searched for, in any case, marked."""
    if not wanted:
        return escape(text)
    pieces = re.split(f"({re.escape(wanted)})", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def pretty_json(value: Any) -> str:
    """For people, two spaces deep."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


FILTERS = {
    "markdown": markdown,
    "unmarked": unmarked,
    "number": number,
    "size": size,
    "duration": duration,
    "ago": ago,
    "month_name": month_name,
    "plural": plural,
    "pretty_json": pretty_json,
    "zone_word": zone_word,
}
