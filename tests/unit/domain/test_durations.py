"""How long flows take."""

from __future__ import annotations

from datetime import timedelta

from taxi_pipelines.domain.durations import Timing, durations_by_flow


def test_the_slowest_flow_is_the_first_and_outliers_do_not_move_its_median() -> None:
    seconds = {"quick": [1] * 19 + [100], "slow": [7, 5, 6]}
    timings = [
        Timing(namespace="n", flow_id=flow, took=timedelta(seconds=one)) for flow, all in seconds.items() for one in all
    ]
    found = [(one.flow_id, one.count, one.median.seconds, one.p95.seconds) for one in durations_by_flow(timings)]
    assert found == [("slow", 3, 6, 7), ("quick", 20, 1, 1)]
    assert durations_by_flow([]) == []
