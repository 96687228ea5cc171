from __future__ import annotations

from datetime import UTC, datetime, timedelta

from taxi_pipelines.engine.timers import Timers

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def test_timers_come_in_order_once_each() -> None:
    timers = Timers()
    for seconds in (3, 1, 2, 1):
        timers.begin_later(f"e{seconds}", NOW + timedelta(seconds=seconds))
    assert timers.seconds_to_next(NOW) == 1
    assert list(timers.due(NOW)) == []
    assert list(timers.due(NOW + timedelta(seconds=2))) == [("e1", ""), ("e2", "")]
    assert timers.seconds_to_next(NOW + timedelta(seconds=9)) == 0
    assert list(timers.due(NOW + timedelta(seconds=9))) == [("e3", "")]
    assert timers.seconds_to_next(NOW) is None
    timers.begin_later("e1", NOW + timedelta(seconds=1))
    assert list(timers.due(NOW + timedelta(seconds=1))) == [("e1", "")]
