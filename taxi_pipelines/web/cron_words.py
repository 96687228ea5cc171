"""Cron expressions as people say them: `0 9 28 * *` is "on the 28th at 09:00". Pure; what is too strange stays cron."""

from __future__ import annotations

from collections.abc import Sequence

from taxi_pipelines.web.words import MONTHS, listed, ordinal

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_NICKNAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MONTH_NAMES = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_DAY_NAMES = {name[:3].lower(): number for number, name in enumerate(DAYS)}
_MOST_TIMES = 6
"""So many times of a day are listed; more are no longer read."""

Values = list[int] | None
"""What a field allows; None: anything."""


def cron_words(expression: str) -> str:
    """In words, or the expression itself where words would be longer than it."""
    fields = _NICKNAMES.get(expression.strip().lower(), expression).split()
    if len(fields) == 6:
        if fields[1:] == ["*"] * 5 and (step := fields[0].removeprefix("*/")).isdecimal() and 60 % int(step) == 0:
            return f"every {step} seconds"
        if fields.pop(0) != "0":
            return f"cron {expression}"
    try:
        times = _times(_values(fields[0], 0, 59), _values(fields[1], 0, 23))
        days = _days(fields[2], _values(fields[3], 1, 12, _MONTH_NAMES), fields[4])
    except (ValueError, IndexError):
        return f"cron {expression}"
    if times.startswith("at "):
        return f"{days or 'every day'} {times}"
    return f"{times} {days}".strip()


def _times(minutes: Values, hours: Values) -> str:
    """`at 09:00`, `every 5 minutes`. Raises ValueError where there are no short words."""
    if hours is None:
        return _past_every_hour(minutes)
    if minutes is None:
        raise ValueError("every minute of some hours")
    runs_on = hours == list(range(hours[0], hours[-1] + 1)) and len(hours) > 2
    if len(minutes) > 1 and runs_on and (step := _step(minutes, 60)):
        return f"every {step} minutes from {hours[0]:02}:00 to {hours[-1]:02}:{minutes[-1]:02}"
    if minutes == [0] and (step := _step(hours, 24)) and len(hours) > 2:
        return "every hour" if step == 1 else f"every {step} hours"
    if len(minutes) == 1 and runs_on:
        return f"every hour from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[0]:02}"
    times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
    if len(times) > _MOST_TIMES:
        raise ValueError("too many times")
    return f"at {listed(times)}"


def _past_every_hour(minutes: Values) -> str:
    if minutes is None:
        return "every minute"
    if minutes == [0]:
        return "every hour"
    if len(minutes) > 1 and (step := _step(minutes, 60)):
        return "every minute" if step == 1 else f"every {step} minutes"
    if len(minutes) > _MOST_TIMES:
        raise ValueError("too many times")
    return f"every hour, {listed([str(minute) for minute in minutes])} min past"


def _days(dates: str, months: Values, weekdays: str) -> str:
    """`on the 28th`; nothing where it is every day. Cron fires where either the date or the weekday fits."""
    on_dates, on_weekdays = _dates(dates), _weekdays(weekdays)
    names = listed([MONTHS[month - 1] for month in months]) if months else ""
    if on_dates and names:
        on_dates, names = f"{on_dates} of {names}", ""
    days = " and ".join(part for part in (on_dates, on_weekdays) if part)
    return f"{days or 'every day'} in {names}" if names else days


def _dates(text: str) -> str:
    if text.lower() == "l":
        return "on the last day"
    days = _values(text, 1, 31)
    return f"on the {listed([ordinal(day) for day in days])}" if days else ""


def _weekdays(text: str) -> str:
    day, hash_sign, which = text.partition("#")
    if hash_sign:
        number = _number(day, _DAY_NAMES) % 7
        return f"on the {ordinal(int(which))} {DAYS[number]}"
    found = _values(text, 0, 7, _DAY_NAMES)
    if found is None:
        return ""
    days = sorted({number % 7 for number in found}, key=lambda number: (number - 1) % 7)
    if days == [1, 2, 3, 4, 5]:
        return "on weekdays"
    return "" if len(days) == 7 else f"on {listed([f'{DAYS[number]}s' for number in days])}"


def _values(text: str, low: int, high: int, names: dict[str, int] | None = None) -> Values:
    """Raises ValueError where it is none of `*`, `5`, `1-5`, `*/5`, `1,2`."""
    if text in ("*", "?"):
        return None
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = low if span == "*" else _number(first, names or {})
        end = high if span == "*" or (slash and not dash) else _number(last if dash else first, names or {})
        if not low <= begin <= end <= high:
            raise ValueError(text)
        found |= set(range(begin, end + 1, int(step) if slash else 1))
    return sorted(found)


def _number(text: str, names: dict[str, int]) -> int:
    return names[text.lower()] if text.lower() in names else int(text)


def _step(values: Sequence[int], whole: int) -> int | None:
    """By which steps the values go all round from 0; None where they do not."""
    step = whole // len(values)
    return step if list(values) == list(range(0, whole, step)) and whole % step == 0 else None
