"""What an execution is called, on every page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from taxi_pipelines.domain.execution import Caller
from taxi_pipelines.web.execution_words import month_of, started_by, title_of, took
from tests.support.records import NOW, SECOND, execution

CALLER = Caller(execution_id="caller", task_run_id="run", waits=True)


@pytest.mark.parametrize(
    ("given", "title", "month"),
    [
        ({"labels": {"taxi": "green", "month": "2023-09"}}, "green, September 2023", "green September 2023"),
        ({"inputs": {"taxi": "green", "month": "2023-09"}}, "green, September 2023", "green September 2023"),
        (
            {"trigger": {"id": "t", "taxi": "green", "month": "2023-09"}},
            "green, September 2023",
            "green September 2023",
        ),
        ({"inputs": {"month": "2023-09", "taxi": ["green", "fhv"]}}, "September 2023", "September 2023"),
        ({"labels": {"month": "2023-01"}, "inputs": {"month": "2023-02"}}, "January 2023", "January 2023"),
        ({"inputs": {"taxi": "zones", "month": "all"}}, "flow", ""),
        ({"inputs": {"month": "2023-13"}}, "flow", ""),
        ({}, "flow", ""),
    ],
)
def test_an_execution_is_named_by_its_month_or_its_flow(given: dict[str, Any], title: str, month: str) -> None:
    one = execution("e", **given)
    assert (title_of(one), month_of(one)) == (title, month)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "hand"),
        ({"trigger": {"id": "monthly"}}, "monthly"),
        ({"caller": CALLER}, "another flow"),
        ({"parent_id": "before"}, "a replay"),
    ],
)
def test_what_started_it(given: dict[str, Any], said: str) -> None:
    assert started_by(execution("e", **given)) == said


def test_how_long_it_took_or_takes_until_now() -> None:
    assert took(execution("e"), NOW) is None
    assert took(execution("e", started_at=NOW), NOW + SECOND) == SECOND
    assert took(execution("e", started_at=NOW, ended_at=NOW + 2 * SECOND), NOW + 9 * SECOND) == 2 * SECOND
    assert took(execution("e", started_at=NOW), NOW - SECOND) == timedelta()
