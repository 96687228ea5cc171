"""Health, readiness, and the figures for Prometheus."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import Served, serving


def figures(served: Served) -> dict[tuple[str, ...], float]:
    text = served.client.get("/metrics").text
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_is_healthy_and_ready(served: Served) -> None:
    assert served.client.get("/health").json() == served.client.get("/ready").json() == {"status": "UP"}


def test_ended_executions_and_their_task_runs_are_counted(served: Served) -> None:
    ended = ("taxi_executions_ended_total", "flow=hello", "namespace=demo", "state=SUCCESS")
    runs = ("taxi_task_run_seconds_count", "state=SUCCESS")
    before = figures(served)
    served.run("demo/hello")
    after = figures(served)
    assert after[ended] == before.get(ended, 0) + 1
    assert after[runs] == before.get(runs, 0) + 1
    assert after["taxi_execution_seconds_count", "flow=hello", "namespace=demo"] >= 1


def test_what_waits_and_runs_is_read_from_the_store(served: Served) -> None:
    id = served.json("POST", "/executions/demo/asking")["id"]
    served.until(lambda: figures(served)["taxi_executions", "state=PAUSED"] >= 1)
    now = figures(served)
    assert (now["taxi_queue_depth",], now["taxi_engines",], now["taxi_scheduler_lag_seconds",]) == (0, 1, 0)
    served.json("DELETE", f"/executions/{id}/kill", status=202)
    served.until(lambda: served.state(id) == "KILLED")


def test_the_doctor_looks_at_everything_and_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, source=str(tmp_path)) as own:
        found = {one["name"]: one for one in own.json("POST", "/doctor")}
    assert found["disk space"]["detail"] and found["warehouse"]["ok"]
    assert not found["source"]["ok"] and found["source"]["fix"]
