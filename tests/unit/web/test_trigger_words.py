"""Triggers in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.tasks.registry import REGISTRY
from taxi_pipelines.web.trigger_words import interval_words, kind_words, seen_words, slot_words

SAID = {
    'type: schedule, cron: "0 9 28 * *"': "on the 28th at 09:00",
    'type: schedule, cron: "0 9 * * *", conditions: [{type: weekend}]': "every day at 09:00, if its conditions hold",
    "type: scheduleOnDates, dates: ['2026-01-01T09:00:00Z']": "on 1 date",
    "type: webhook, key: abc": "when its address is called",
    "type: flow": "when another flow ends",
    "type: flow, states: [FAILED, WARNING], preconditions: {id: a, flows: [{namespace: n, flowId: f}, {namespace: m}]}": (
        "when f and m end in failed or warning"
    ),
    "type: taxi.published, taxi: [green, yellow], interval: PT6H": (
        "when a month of green and yellow is published; looks every 6 h"
    ),
    "type: local.trigger, from: /in, interval: PT1M": "when files in /in are new or changed; looks every minute",
    'type: http.trigger, uri: "http://a/"': "when http://a/ answers as wanted",
}


@pytest.mark.parametrize("text", SAID)
def test_a_trigger_says_when_it_fires(text: str) -> None:
    source = f"id: f\nnamespace: n\ntasks: [{{id: t, type: log, message: x}}]\ntriggers: [{{id: one, {text}}}]\n"
    assert kind_words(parse_flow(source, REGISTRY, file="f.yaml", revision=1).triggers[0]) == SAID[text]


def test_one_that_looks_around_says_what_it_has_seen() -> None:
    def words(**memory: object) -> str:
        return seen_words(TriggerState(namespace="n", flow_id="f", trigger_id="t", type="x", memory=memory))

    assert words() == words(seen={}) == words(seen={"green": {}}) == ""
    assert words(seen={"green": {"2023-08": ["a"], "2023-09": ["b"]}}) == "newest seen: green September 2023"
    assert words(seen={"a.csv": "1", "b.csv": "2"}) == "2 files seen"


def test_slots_and_intervals_are_short() -> None:
    zone, now = ZoneInfo("America/New_York"), datetime(2026, 11, 21, tzinfo=UTC)
    assert slot_words(datetime(2026, 11, 28, 14, tzinfo=UTC), zone, now) == "28 Nov 09:00"
    assert slot_words(datetime(2027, 1, 28, 14, tzinfo=UTC), zone, now) == "28 Jan 2027 09:00"
    assert [interval_words(text) for text in ("PT1H", "PT1H30M", "P2D", "soon")] == ["hour", "1 h 30 min", "2 d", ""]
