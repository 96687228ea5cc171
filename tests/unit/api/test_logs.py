"""`/logs`: of an execution, and searched through all."""

from __future__ import annotations

from tests.support.service import Served


def test_the_log_of_an_execution_is_read_downloaded_and_followed(served: Served) -> None:
    it = served.run("demo/failing")
    lines = served.json("GET", f"/logs/{it['id']}")
    assert [line["message"] for line in lines if line["level"] == "INFO"] == ["did green", "did yellow"]
    assert {(line["flowId"], line["executionId"]) for line in lines} == {("failing", it["id"])}
    (bad,) = served.json("GET", f"/logs/{it['id']}", params={"minLevel": "ERROR"})
    assert (bad["message"], bad["taskId"], bad["attemptNumber"]) == ("no luck today", "boom", 0)
    text = served.client.get(f"/api/v1/logs/{it['id']}/download", params={"minLevel": "ERROR"}).text
    assert text.endswith(" ERROR no luck today\n")
    events = served.client.get(f"/api/v1/logs/{it['id']}/follow").text
    assert events.count("id: progress") == len(lines)
    assert events.endswith("id: end\ndata: {}\n\n")
    assert served.json("GET", "/logs/nobody", status=404)["code"] == "not-found"


def test_all_logs_are_searched_the_newest_first(served: Served) -> None:
    first, second = (served.run("demo/hello", data={"name": f"100% {name}"})["id"] for name in ("Ann", "Bob"))

    def found(**parameters: str | int) -> list[str]:
        page = served.json("GET", "/logs/search", params={"size": 5, **parameters})
        return [line["executionId"] for line in page["results"]]

    assert found(q="HELLO 100% b") == [second]
    assert found(q="100% ", namespace="demo", flowId="hello") == [second, first]
    assert found(q="100% ", size=1, page=2) == [first]
    assert found(q="100% ", minLevel="ERROR") == found(q="100_ ") == found(q="100% ", flowId="other") == []
    assert found(q="100% ", startDate="2999-01-01T00:00:00Z") == []
    assert served.json("GET", "/logs/search", params={"q": "100% ", "size": 1})["total"] == 2


def test_what_a_search_finds_is_a_file(served: Served) -> None:
    id = served.run("demo/failing")["id"]
    wanted = {"executionId": id, "minLevel": "ERROR"}
    text = served.client.get("/api/v1/logs/export/csv", params=wanted).text
    head, line = text.splitlines()
    assert head == "timestamp,level,namespace,flowId,executionId,taskId,attempt,message"
    assert line.endswith(f",ERROR,demo,failing,{id},boom,1,no luck today")
    assert served.client.get("/api/v1/logs/export/text", params=wanted).text.endswith(" ERROR no luck today\n")
    found = served.json("GET", "/logs/search", params={"taskId": "boom", "timeRange": "PT1H", "executionId": id})
    assert [line["level"] for line in found["results"]] == ["ERROR"]
