"""Months that are published, and files that changed: each version of a month's file starts one execution, ever.

What is there at the first look is remembered, and only the newest month of each type starts, unless the trigger says since
when months count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taxi_pipelines.scheduler.polling.look import Found, Look
from taxi_pipelines.trigger_interfaces import Published, PublishedMonth

KEPT_MARKS = 20
"""Versions of one month that are remembered."""

Seen = dict[str, dict[str, list[str]]]
"""Type → month → marks of the versions seen."""


def look_at_published(look: Look, published: Published) -> Found:
    """What is new at the source. Raises SourceUnavailable."""
    properties = look.properties
    named = [properties.taxi] if isinstance(properties.taxi, str) else properties.taxi
    since = properties.month or properties.since
    seen: Seen = {taxi: dict(months) for taxi, months in look.memory.get("seen", {}).items()}
    events: list[Mapping[str, Any]] = []
    for taxi in published.types(named):
        found = published.months(taxi, since, look.now)
        if properties.month:
            found = [one for one in found if one.month == properties.month]
        is_first = taxi not in seen and since is None
        new = _take(found, seen.setdefault(taxi, {}))
        events += [_event(one) for one in (new[-1:] if is_first else new)]
    return Found(memory={"seen": seen}, events=tuple(events))


def _take(found: Sequence[PublishedMonth], seen: dict[str, list[str]]) -> list[PublishedMonth]:
    """Those not seen yet, which are seen from now on."""
    new = [one for one in found if one.mark not in seen.get(one.month, ())]
    for one in new:
        seen[one.month] = [*seen.get(one.month, ()), one.mark][-KEPT_MARKS:]
    return new


def _event(one: PublishedMonth) -> dict[str, Any]:
    return {"taxi": one.taxi, "month": one.month, "etag": one.mark, "uri": one.uri, "bytes": one.bytes}
