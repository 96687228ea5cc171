"""What is done to all executions that a search finds, and their file."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from tests.support.service import Served

QUERY = "/executions/{}by-query"


def runs(served: Served, flow: str, label: str, count: int = 1) -> list[str]:
    url = f"/executions/demo/{flow}?labels={label}&wait=true"
    return [served.json("POST", url)["id"] for _ in range(count)]


def test_what_can_be_is_done_and_the_rest_is_told(served: Served) -> None:
    failed, good = runs(served, "failing", "query:restart", 2), runs(served, "hello", "query:restart")
    done = served.json("POST", QUERY.format("restart/"), params={"labels": "query:restart"})
    assert (done["count"], done["refused"]) == (2, 1)
    assert [(one["path"], one["message"]) for one in done["problems"]] == [("SUCCESS", "1 is SUCCESS")]

    def attempts(id: str) -> int:
        return max(len(run["attempts"]) for run in served.json("GET", f"/executions/{id}")["taskRunList"])

    served.until(lambda: all(attempts(id) == 2 and served.state(id) == "FAILED" for id in failed))
    assert served.json("POST", QUERY.format("replay/"), params={"labels": "query:restart", "state": "SUCCESS"}) == {
        "count": 1,
        "refused": 0,
        "problems": [],
    }
    served.until(lambda: _total(served, labels="query:restart", state="SUCCESS") == 2)
    assert served.json("DELETE", QUERY.format(""), params={"labels": "query:restart"})["count"] == 4
    assert _total(served, labels="query:restart") == 0
    served.json("GET", f"/executions/{good[0]}", status=404)


def test_all_that_run_are_killed(served: Served) -> None:
    ids = [served.json("POST", "/executions/demo/napping?labels=query:kill")["id"] for _ in range(2)]
    assert served.json("DELETE", QUERY.format("kill/"), params={"labels": "query:kill"})["count"] == 2
    served.until(lambda: all(served.state(id) == "KILLED" for id in ids))


def test_nothing_is_done_to_everything(served: Served) -> None:
    refused = served.json("DELETE", QUERY.format(""), status=422)
    assert (refused["code"], refused["message"]) == ("usage", "nothing says which executions are meant")
    assert served.json("DELETE", QUERY.format("kill/"), params={"state": "SUCCESS"})["count"] == 0


def test_the_file_has_a_line_for_each_and_no_formulas(served: Served) -> None:
    hello, failing = runs(served, "hello", "=cmd:1"), runs(served, "failing", "=cmd:1")
    answer = served.client.get("/api/v1/executions/export/by-query/csv", params={"labels": "=cmd:1"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows: list[dict[str, Any]] = list(csv.DictReader(StringIO(answer.text)))
    assert [(row["id"], row["state"], row["error"]) for row in rows] == [
        (failing[0], "FAILED", "no luck today"),
        (hello[0], "SUCCESS", ""),
    ]
    assert {row["labels"] for row in rows} == {"'=cmd:1"}
    empty = served.client.get("/api/v1/executions/export/by-query/csv", params={"labels": "a:nobody"})
    assert empty.text.startswith("id,namespace,flowId") and empty.text.count("\n") == 1


def _total(served: Served, **wanted: str) -> int:
    return int(served.json("GET", "/executions/search", params=wanted)["total"])
