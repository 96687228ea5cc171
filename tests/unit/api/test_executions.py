"""`/executions`: how they are begun, found, followed; what can be asked of them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from tests.support.cli_flows import NAPPING
from tests.support.service import Served

FILED = """\
id: filed
namespace: demo
inputs:
  - {id: data, type: FILE}
tasks:
  - {id: say, type: return, format: "{{ read(inputs.data) }}"}
outputs:
  - {id: text, type: STRING, value: "{{ outputs.say.value }}"}
"""

NOBODY = "/executions/nobody"


def test_an_execution_begun_by_a_form_and_waited_for_has_its_outputs_and_task_runs(served: Served) -> None:
    found = served.run("demo/hello", data={"name": "form"})
    assert found["state"]["current"] == "SUCCESS"
    assert found["outputs"] == {"said": "hello form"}
    assert [(run["taskId"], run["state"]["current"]) for run in found["taskRunList"]] == [("greet", "SUCCESS")]
    assert found["url"].endswith(f"/api/v1/executions/{found['id']}")
    assert served.json("GET", f"/executions/{found['id']}") == found | {"url": found["url"]}


def test_more_inputs_than_any_flow_has_are_refused_at_once(served: Served) -> None:
    many = {f"input{number}": 1 for number in range(2_000)}
    assert "2,000 inputs" in served.json("POST", "/executions/demo/hello", json=many, status=422)["message"]


def test_inputs_come_as_multipart_json_or_not_at_all(served: Served) -> None:
    assert served.run("demo/hello", files={"name": (None, "parts")})["outputs"]["said"] == "hello parts"
    assert served.run("demo/hello", json={"name": "json"})["outputs"]["said"] == "hello json"
    assert served.run("demo/hello")["outputs"]["said"] == "hello world"
    assert served.json("POST", "/executions/trigger/demo/hello")["state"]["current"] == "CREATED"


def test_files_sent_are_file_inputs_whose_names_lead_nowhere(served: Served) -> None:
    served.save(FILED)
    own = served.run("demo/filed", files={"data": ("../../etc/pass wd", b"mine", "text/plain")})
    assert own["outputs"] == {"text": "mine"}
    assert own["inputs"]["data"].endswith(f"/executions/{own['id']}/inputs/data/pass_wd")
    kestras = served.run("demo/filed", files={"files": ("data", b"theirs")})  # as its Python client sends them
    assert kestras["outputs"] == {"text": "theirs"}
    assert served.run("demo/filed", files={"data": ("..", b"dots")})["inputs"]["data"].endswith("/inputs/data/file")
    wrong = served.run("demo/filed", files={"../x": ("y", b"z")}, status=422)
    assert "no input of type FILE" in wrong["message"]


def test_a_file_of_an_execution_is_downloaded_and_no_other_file_is(served: Served) -> None:
    served.save(FILED)
    it = served.run("demo/filed", files={"data": ("a.txt", b"content")})
    path = f"/executions/{it['id']}/file"
    got = served.client.get(f"/api/v1{path}", params={"path": it["inputs"]["data"]})
    assert (got.content, got.headers["content-disposition"]) == (b"content", 'attachment; filename="a.txt"')
    assert served.json("GET", f"{path}/metas", params={"path": it["inputs"]["data"]}) == {"size": 7}
    other = served.run("demo/filed", files={"data": ("b.txt", b"other")})["inputs"]["data"]
    around = it["inputs"]["data"].replace("/inputs/", "/%2e%2e/") + "x"
    for uri in (other, around, "kestra:///", "file:///etc/passwd"):
        assert served.json("GET", path, params={"path": uri}, status=422)["code"] == "usage"
    gone = it["inputs"]["data"].replace("a.txt", "gone.txt")
    assert served.json("GET", path, params={"path": gone}, status=404)["code"] == "not-found"


def test_downloads_that_are_broken_off_leave_no_file_open(served: Served) -> None:
    served.save(FILED)
    it = served.run("demo/filed", files={"data": ("large.bin", b"x" * (8 << 20))})
    for _ in range(3):
        path = {"path": it["inputs"]["data"]}
        with served.client.stream("GET", f"/api/v1/executions/{it['id']}/file", params=path) as answer:
            body = answer.iter_raw()
            next(body)
    served.until(lambda: not [one for one in psutil.Process().open_files() if one.path.endswith("large.bin")])
    long = {"path": f"{it['inputs']['data'].rpartition('/')[0]}/{'x' * 300}"}
    assert served.json("GET", f"/executions/{it['id']}/file", params=long, status=404)["code"] == "not-found"


def test_so_many_follow_at_a_time_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taxi_pipelines.api.follow.MOST_STREAMS", 2)
    served.save(NAPPING)
    it = served.json("POST", "/executions/demo/napping")
    follow = f"/api/v1/executions/{it['id']}/follow"
    with ExitStack() as stack:
        for _ in range(2):
            assert stack.enter_context(served.client.stream("GET", follow)).status_code == 200
        for path in (follow, f"/executions/{it['id']}/live"):
            refused = served.client.get(path, headers={"sec-fetch-mode": "cors"})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1"), path
    served.until(lambda: follows(served, follow))
    served.json("DELETE", f"/executions/{it['id']}/kill", status=202)


def follows(served: Served, path: str) -> bool:
    with served.client.stream("GET", path) as answer:
        return answer.status_code == 200


def test_what_cannot_be_begun_says_why(served: Served) -> None:
    missing = served.json("POST", "/executions/demo/hallo", status=404)
    assert missing == {
        "code": "not-found", "message": "there is no flow demo.hallo", "detail": "did you mean 'demo.hello'?", "problems": [],
    }  # fmt: skip
    wrong = served.json("POST", "/executions/demo/hello", json={"nome": "x", "other": 1}, status=422)
    assert (wrong["code"], [one["path"] for one in wrong["problems"]]) == ("inputs-invalid", ["inputs", "inputs"])
    assert served.json("POST", "/executions/demo/hello", content="[1]", status=422)["code"] == "usage"
    assert served.json("POST", "/executions/demo/hello", content="{", status=422)["code"] == "usage"
    assert served.json("POST", "/executions/demo/hello?labels=system.x:1", status=422)["code"] == "usage"
    assert served.json("POST", "/executions/demo/hello?labels=nocolon", status=422)["code"] == "usage"
    served.save("id: off\nnamespace: demo\ndisabled: true\ntasks:\n  - {id: a, type: log, message: x}\n")
    assert served.json("POST", "/executions/demo/off", status=409)["code"] == "conflict"
    broken = served.client.post(
        "/api/v1/executions/demo/hello",
        content=b"nonsense",
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert (broken.status_code, broken.json()["code"]) == (422, "usage")


def test_executions_are_found_by_kestras_parameters_old_and_new(served: Served) -> None:
    mine = served.run("demo/hello")
    id = served.json("POST", "/executions/demo/hello?labels=team:search&labels=run:1&wait=true")["id"]

    def ids(**parameters: Any) -> list[str]:
        return [one["id"] for one in served.json("GET", "/executions/search", params=parameters)["results"]]

    assert ids(labels="team:search") == [id]
    assert ids(labels=["team:search", "run:2"]) == []
    assert ids(flowId="hello", namespace="demo", state="SUCCESS", size=2) == [id, mine["id"]]
    assert ids(flowId="hello", size=1, page=2) == [mine["id"]]
    assert ids(**{"filters[labels][EQUALS][team]": "search", "filters[state][IN]": "FAILED,SUCCESS"}) == [id]
    assert ids(**{"filters[flowId][EQUALS]": "hello", "filters[timeRange][EQUALS]": "PT1H", "size": 1}) == [id]
    assert ids(labels="team:search", startDate="2999-01-01T00:00:00Z") == []
    listed = served.json("GET", "/executions", params={"flowId": "hello", "size": 1})
    assert listed["total"] >= 2 and listed["results"][0]["taskRunList"] is None
    for wrong in ({"filters[color][EQUALS]": "red"}, {"filters[state][EQUALS]": "RED"}, {"state": "RED"}, {"size": 0}):
        assert served.json("GET", "/executions/search", params=wrong, status=422)["message"]
    both = {"timeRange": "PT1H", "startDate": "2024-01-01T00:00:00Z"}
    assert served.json("GET", "/executions/search", params=both, status=422)["code"] == "usage"


def test_an_execution_that_is_followed_ends_with_its_last_event(served: Served) -> None:
    id = served.json("POST", "/executions/demo/asking")["id"]
    states = []
    with served.client.stream("GET", f"/api/v1/executions/{id}/follow") as events:
        kind = ""
        for line in events.iter_lines():
            name, _, data = line.partition(": ")
            kind = data if name == "id" else kind
            if name == "data":
                states.append((kind, json.loads(data)["state"]["current"]))
                if states[-1] == ("progress", "PAUSED"):
                    served.json("POST", f"/executions/{id}/resume", files={"reason": (None, "because")})
    assert ("progress", "PAUSED") in states
    assert [one for one in states if one[0] == "end"] == [("end", "SUCCESS")] == states[-1:]


def test_an_execution_is_killed_restarted_replayed_labelled_and_deleted(served: Served) -> None:
    id = served.json("POST", "/executions/demo/napping")["id"]
    served.until(lambda: served.state(id) == "RUNNING")
    assert served.json("POST", f"/executions/{id}/restart", status=409)["code"] == "conflict"
    assert served.json("POST", f"/executions/{id}/labels", json=[{"key": "a", "value": "b"}], status=409)
    assert served.json("DELETE", f"/executions/{id}", status=409)["detail"] == "kill it first"
    served.json("DELETE", f"/executions/{id}/kill", status=202)
    served.until(lambda: served.state(id) == "KILLED")
    assert served.json("DELETE", f"/executions/{id}/kill", status=409)["code"] == "conflict"
    assert served.json("POST", f"/executions/{id}/labels", json=[{"key": "a", "value": "b"}])["labels"] == [
        {"key": "a", "value": "b"}
    ]
    found = served.json("GET", "/executions/search", params={"labels": "a:b"})
    assert [one["id"] for one in found["results"]] == [id]

    failed = served.run("demo/failing")
    served.json("POST", f"/executions/{failed['id']}/restart")
    boom = {"taskId": "boom", "state": "FAILED"}
    served.until(lambda: len(_runs(served, failed["id"], **boom)[0]["attempts"]) == 2)
    again = served.json("POST", f"/executions/{failed['id']}/replay", params={"taskRunId": "boom"})
    assert again["parentId"] == failed["id"]
    served.until(lambda: served.state(again["id"]) == "FAILED")

    served.json("DELETE", f"/executions/{id}", status=204)
    assert served.json("GET", f"/executions/{id}", status=404)["code"] == "not-found"


def _runs(served: Served, id: str, *, taskId: str, state: str) -> list[Any]:
    runs = served.json("GET", f"/executions/{id}")["taskRunList"]
    return [run for run in runs if (run["taskId"], run["state"]["current"]) == (taskId, state)] or [{"attempts": []}]


def test_a_paused_execution_is_resumed_with_what_it_asks_for_only(served: Served) -> None:
    id = served.json("POST", "/executions/demo/asking")["id"]
    served.until(lambda: served.state(id) == "PAUSED")
    assert served.json("POST", f"/executions/{id}/resume", status=422)["code"] == "inputs-invalid"
    assert served.json("POST", f"/executions/{id}/pause", status=409)["code"] == "conflict"
    served.json("POST", f"/executions/{id}/resume", json={"reason": "json"})
    served.until(lambda: served.state(id) == "SUCCESS")


def test_several_executions_are_done_all_or_none(served: Served) -> None:
    naps = [served.json("POST", "/executions/demo/napping")["id"] for _ in range(2)]
    refused = served.json("DELETE", "/executions/kill/by-ids", json=[*naps, "nobody"], status=422)
    assert (refused["code"], [one["path"] for one in refused["problems"]]) == ("bulk-refused", ["nobody"])
    assert served.json("DELETE", "/executions/kill/by-ids", json=naps) == {"count": 2}
    served.until(lambda: all(served.state(id) == "KILLED" for id in naps))
    wanted = {"executionsId": naps, "executionLabels": [{"key": "bulk", "value": "yes"}]}
    assert served.json("POST", "/executions/labels/by-ids", json=wanted) == {"count": 2}
    assert served.json("POST", "/executions/replay/by-ids", json=naps[:1]) == {"count": 1}
    assert served.json("POST", "/executions/pause/by-ids", json=naps, status=422)["problems"][0]["path"] == naps[0]
    assert served.json("POST", "/executions/resume/by-ids", json=naps, status=422)["code"] == "bulk-refused"
    assert served.json("DELETE", "/executions/by-ids", json=naps) == {"count": 2}
    assert served.json("POST", "/executions/restart/by-ids", json=naps, status=422)["code"] == "bulk-refused"
    found = served.json("GET", "/executions/search", params={"flowId": "napping", "state": "RUNNING"})["results"]
    served.json("DELETE", "/executions/kill/by-ids", json=[one["id"] for one in found])


def test_nothing_is_asked_of_an_execution_that_is_not_there(served: Served) -> None:
    for method, verb in (("GET", ""), ("GET", "/follow"), ("DELETE", "/kill"), ("POST", "/restart"), ("DELETE", "")):
        assert served.json(method, f"{NOBODY}{verb}", status=404)["code"] == "not-found"


HOOKED = """\
id: hooked
namespace: demo
inputs: [{id: name, type: STRING, required: false}]
tasks: [{id: done, type: log, message: done}]
triggers: [{id: hook, type: webhook, key: any-key}]
"""


def test_what_no_answer_could_say_again_is_not_kept(served: Served) -> None:
    served.save(HOOKED)
    half = {"content": '{"name": "\\ud800"}', "headers": {"content-type": "application/json"}}
    assert served.json("POST", "/executions/demo/hooked", status=422, **half)["code"] == "usage"
    served.json("PUT", "/namespaces/demo/kv/half", status=422, **half)
    it = served.json("POST", "/executions/webhook/demo/hooked/any-key", **half)
    assert it["trigger"]["variables"]["body"] == half["content"]
    served.until(lambda: served.state(it["id"]) == "SUCCESS")
    label = {**half, "content": '[{"key": "a", "value": "\\ud800"}]'}
    assert served.json("POST", f"/executions/{it['id']}/labels", status=422, **label)["code"] == "request-invalid"
    assert served.json("GET", "/executions/search")["total"] > 0
