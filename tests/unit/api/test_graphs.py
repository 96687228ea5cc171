"""Graphs of flows and executions, on Kestra's paths."""

from __future__ import annotations

from tests.support.service import Served

FLOW = """\
id: drawn
namespace: api.graphs
tasks:
  - id: both
    type: parallel
    tasks: [{id: a, type: return, format: x}, {id: b, type: fail}]
  - {id: call, type: subflow, namespace: api.other, flowId: called}
triggers: [{id: monthly, type: schedule, cron: "0 9 1 * *"}]
"""


def test_a_flow_its_text_and_its_executions_have_a_graph(served: Served) -> None:
    served.save(FLOW)
    kept = served.json("GET", "/flows/api.graphs/drawn/graph")
    assert kept == served.json("POST", "/flows/graph", content=FLOW, headers={"content-type": "application/x-yaml"})
    nodes = {node["id"]: node for node in kept["nodes"]}
    assert (nodes["both"]["kind"], nodes["a"]["parent"], nodes["a"]["line"]) == ("group", "both", 6)
    assert nodes["call"]["flow"] == {"namespace": "api.other", "id": "called"}
    assert {"source": "trigger:monthly", "target": "both", "kind": "starts"} in kept["edges"]
    execution = served.run("api.graphs/drawn")
    states = served.json("GET", f"/executions/{execution['id']}/graph")["nodes"]
    assert {node["id"]: node["state"] for node in states if node["taskId"]} == {
        "both": "FAILED",
        "a": "SUCCESS",
        "b": "FAILED",
        "call": None,
    }


def test_an_older_revision_has_a_graph_of_its_own_and_a_wrong_text_is_refused_with_its_problems(served: Served) -> None:
    served.save(FLOW, FLOW.replace("id: call", "id: other"))
    old = served.json("GET", "/flows/api.graphs/drawn/graph", params={"revision": 1})
    assert "call" in [node["id"] for node in old["nodes"]]
    assert served.json("GET", "/flows/api.graphs/nothing/graph", status=404)["code"] == "not-found"
    refused = served.json("POST", "/flows/graph", content=FLOW.replace("type: fail", "type: fall"), status=422)
    assert (refused["problems"][0]["line"], refused["problems"][0]["column"]) == (6, 61)


def test_an_execution_may_take_the_place_of_a_slot(served: Served) -> None:
    served.save(
        "id: slot\nnamespace: api.graphs\ntasks: [{id: a, type: return, format: \"{{ trigger.date | date('yyyy-MM-dd') }}\"}]\n"
        "outputs: [{id: day, type: STRING, value: '{{ outputs.a.value }}'}]\n"
        "triggers: [{id: monthly, type: schedule, cron: '0 9 5 * *'}]\n"
    )
    asked = {"wait": "true", "slot": "2024-03"}
    assert served.json("POST", "/executions/api.graphs/slot", params=asked)["outputs"] == {"day": "2024-03-05"}
