"""Expressions tried with what a task run knew; metrics; restarts with a mended flow."""

from __future__ import annotations

from typing import Any

from tests.support.service import Served

TRIED = """\
id: tried
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: world}
  - {id: pin, type: SECRET, defaults: "1234-secret"}
variables: {greeting: "hi {{ inputs.name }}"}
tasks:
  - id: each
    type: forEach
    values: [green, yellow]
    tasks: [{id: say, type: return, format: "{{ taskrun.value }} cab"}]
"""


def evaluated(served: Served, it: Any, run: int, expression: str, **more: Any) -> Any:
    path = f"/executions/{it['id']}/eval/{it['taskRunList'][run]['id']}"
    return served.json("POST", path, content=expression, headers={"Content-Type": "text/plain"}, **more)


def test_an_expression_sees_what_the_task_run_saw(served: Served) -> None:
    served.save(TRIED)
    it = served.run("demo/tried")
    assert evaluated(served, it, 2, "{{ taskrun.value }}, {{ outputs.say.green.value }}") == {
        "result": "yellow, green cab",
        "error": None,
    }
    assert evaluated(served, it, 0, "{{ render(vars.greeting) }}")["result"] == "hi world"
    wrong = evaluated(served, it, 0, "a\n{{ outputs.nothing }}")
    assert wrong["result"] is None
    assert "at line 2, column" in wrong["error"]
    missing = f"/executions/{it['id']}/eval/nobody"
    assert served.json("POST", missing, content="x", status=404)["code"] == "not-found"


def test_secrets_are_masked_in_whatever_form_they_are_asked_for(served: Served) -> None:
    served.save(TRIED)
    served.service.orchestrator.set_secret("demo", "TOKEN", "abc-def-ghi")
    it = served.run("demo/tried")
    for expression in ("{{ secret('TOKEN') }}", "{{ inputs.pin }}"):
        assert evaluated(served, it, 0, expression)["result"] == "******"
    assert evaluated(served, it, 0, "{{ secret('TOKEN') | slice(0, 3) }}")["result"] == "***"
    assert "no secret 'NOPE'" in evaluated(served, it, 0, "{{ secret('NOPE') }}")["error"]


COUNTING = """\
id: counting
namespace: demo
tasks:
  - id: count
    type: shell.commands
    commands:
      - |
        echo '::{"metrics":[{"name":"rows","type":"counter","value":7},{"name":"took","type":"timer","value":1.5}]}::'
"""


def test_metrics_are_listed_page_by_page(served: Served) -> None:
    served.save(COUNTING)
    it = served.run("demo/counting")
    found = served.json("GET", f"/metrics/{it['id']}", params={"taskId": "count"})
    assert [(one["name"], one["type"], one["value"]) for one in found["results"][:2]] == [
        ("rows", "counter", 7.0),
        ("took", "timer", 1.5),
    ]
    assert {one["taskId"] for one in found["results"]} == {"count"}
    page = served.json("GET", f"/metrics/{it['id']}", params={"size": 1, "page": 2})
    assert [one["name"] for one in page["results"]] == ["took"]
    assert page["total"] == found["total"]
    assert served.json("GET", f"/metrics/{it['id']}", params={"taskId": "other"})["total"] == 0


BROKEN = """\
id: mended
namespace: demo
variables: {word: before}
tasks:
  - {id: first, type: return, format: "{{ vars.word }}"}
  - {id: second, type: fail, errorMessage: no luck}
"""
MENDED = BROKEN.replace("type: fail, errorMessage: no luck", "type: return, format: '{{ vars.word }}'")
MENDED = MENDED.replace("word: before", "word: after")
ELSEWHERE = MENDED.replace("id: first", "id: other")


def test_a_restart_with_a_mended_flow_keeps_what_ended_well(served: Served) -> None:
    served.save(BROKEN)
    it = served.run("demo/mended")
    assert it["state"]["current"] == "FAILED"
    served.save(ELSEWHERE)
    refused = served.json("POST", f"/executions/{it['id']}/restart", params={"revision": 2}, status=409)
    assert "the task 'first'" in refused["message"]
    served.save(MENDED)
    served.json("POST", f"/executions/{it['id']}/restart", params={"revision": 3})
    served.until(lambda: served.state(it["id"]) == "SUCCESS")
    after = served.json("GET", f"/executions/{it['id']}")
    assert after["flowRevision"] == 3
    assert [run["outputs"] for run in after["taskRunList"]] == [{"value": "before"}, {"value": "after"}]
    again = served.json("POST", f"/executions/{it['id']}/replay", params={"revision": 1})
    assert again["flowRevision"] == 1
    served.until(lambda: served.state(again["id"]) == "FAILED")
