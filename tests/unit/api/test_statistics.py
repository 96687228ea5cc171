"""`/statistics`: executions by time and state."""

from __future__ import annotations

from tests.support.service import Served


def test_executions_are_counted_by_hour_or_day(served: Served) -> None:
    for name in ("hello", "hello", "failing"):
        served.run(f"demo/{name}")
    found = served.json("GET", "/statistics/executions", params={"groupBy": "DAY", "timeRange": "P7D"})
    assert len(found["buckets"]) == 8
    assert found["buckets"][-1]["counts"] == found["counts"] == {"SUCCESS": 2, "FAILED": 1}
    (hello,) = [one for one in found["durations"] if one["flowId"] == "hello"]
    assert hello["count"] == 2 and 0 <= hello["median"] <= hello["p95"]
    assert len(served.json("GET", "/statistics/executions")["buckets"]) in (24, 25)


def test_a_time_that_makes_no_sense_is_refused(served: Served) -> None:
    for wrong in (
        {"startDate": "2024-01-02T00:00:00Z", "endDate": "2024-01-01T00:00:00Z"},
        {"timeRange": "P999D"},
        {"groupBy": "WEEK"},
    ):
        assert served.json("GET", "/statistics/executions", params=wrong, status=422)["message"]
