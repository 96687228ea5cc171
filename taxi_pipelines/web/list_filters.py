"""What the lists of executions and log lines are filtered by, as their addresses say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator
from starlette.datastructures import QueryParams

from taxi_pipelines.api.filters import LONGEST_SEARCH
from taxi_pipelines.api.routing import parse_labels
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter
from taxi_pipelines.web.paging import url_of
from taxi_pipelines.web.states import look_of

RANGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
"""Of time until now."""

LeastLevel = Annotated[Level | None, BeforeValidator(lambda text: text or None)]
"""A parameter: lines of that level or worse; any where a form leaves it empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """One filter that is set, and the address without it."""

    name: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Filters:
    """The parameters of a list's address that say what is in it, in their order; `usual` is the range where none is named."""

    path: str
    given: tuple[tuple[str, str], ...]
    zone: ZoneInfo
    usual: str = ""

    def one(self, name: str) -> str:
        """A parameter; empty where it is not there."""
        return next((value for key, value in self.given if key == name), "")

    def all(self, name: str) -> list[str]:
        """A parameter that may be there several times."""
        return [value for key, value in self.given if key == name]

    @property
    def range(self) -> str:
        """`24h`, …; `all`; `dates` where there are some."""
        return "dates" if self.one("from") or self.one("to") else self.one("range") or self.usual

    def url(self, **more: object) -> str:
        """The address of this list, or of a part of it."""
        return self.url_with([*self.given, *((key, str(value)) for key, value in more.items())])

    def url_with(self, given: Sequence[tuple[str, str]]) -> str:
        """The address of another list."""
        return url_of(self.path, given)

    def times(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From when on, and until when. Raises UsageError."""
        if self.range in RANGES:
            return now - RANGES[self.range][1], None
        since, until = _time(self.one("from"), self.zone), _time(self.one("to"), self.zone, is_end=True)
        if since and until and since > until:
            raise UsageError("the time ends before it begins", "exchange the two dates")
        return since, until

    def chips(self) -> list[Chip]:
        """Those that no control shows."""
        words = {"state": "", "labels": "label", "namespace": "namespace", "flowId": "flow"}
        words |= {"execution": "execution", "task": "task", "from": "from", "to": "to"}
        return [
            Chip(
                name=words[key],
                value=look_of(value).word if key == "state" else value,
                url=self.url_with([one for one in self.given if one != (key, value)]),
            )
            for key, value in self.given
            if key in words
        ]


def filters_of(query: QueryParams, path: str, zone: ZoneInfo, *, names: Sequence[str], usual: str = "") -> Filters:
    """Those of these names, each value once. Raises UsageError for one that is not understood."""
    given = tuple(dict.fromkeys((key, value) for key, value in query.multi_items() if key in names and value))
    found = Filters(path, given, zone, usual)
    if len(found.one("q")) > LONGEST_SEARCH:
        raise UsageError("what is searched for is too long", f"at most {LONGEST_SEARCH:,} characters are looked for")
    for value in found.all("state"):
        if value not in State.__members__:
            raise UsageError(f"there is no state {value!r}", f"there are {', '.join(State)}")
    parse_labels(found.all("labels"))
    if found.range not in ("", "all", "dates", *RANGES):
        raise UsageError(f"there is no range {found.range!r}", f"there are {', '.join(RANGES)} and all")
    if found.one("level") not in ("", *Level):
        raise UsageError(f"there is no level {found.one('level')!r}", f"there are {', '.join(Level)}")
    return found


def executions_of(filters: Filters, now: datetime) -> ExecutionFilter:
    """As the store takes it."""
    since, until = filters.times(now)
    return ExecutionFilter(
        namespace=filters.one("namespace") or None,
        flow_id=filters.one("flowId") or None,
        states=frozenset(State(value) for value in filters.all("state")) or None,
        labels=parse_labels(filters.all("labels")),
        since=since,
        until=until,
    )


def lines_of(filters: Filters, now: datetime) -> LogFilter:
    """As the store takes it."""
    since, until = filters.times(now)
    return LogFilter(
        text=filters.one("q") or None,
        namespace=filters.one("namespace") or None,
        flow_id=filters.one("flowId") or None,
        execution_id=filters.one("execution") or None,
        task=filters.one("task") or None,
        level=Level(filters.one("level")) if filters.one("level") else None,
        since=since,
        until=until,
    )


def api_query(filters: Filters, now: datetime) -> str:
    """The same as parameters of the API's searches."""
    names = {"execution": "executionId", "task": "taskId", "level": "minLevel"}
    same = [(names.get(key, key), value) for key, value in filters.given if key not in ("from", "to", "range")]
    if filters.range in RANGES:
        hours = RANGES[filters.range][1] // timedelta(hours=1)
        same.append(("timeRange", f"PT{hours}H"))
    else:
        times = zip(("startDate", "endDate"), filters.times(now), strict=True)
        same += [(name, at.isoformat()) for name, at in times if at]
    return urlencode(same, quote_via=quote)


def _time(text: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime | None:
    """A day of the zone, or a moment; a day that ends a time belongs to it."""
    if not text:
        return None
    try:
        if len(text) == len("2024-01-31"):
            day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
            return datetime.combine(day, time(), zone)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no date", "write it as 2024-01-31") from error
    return at if at.tzinfo else at.replace(tzinfo=zone)
