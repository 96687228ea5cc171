"""`/triggers`, `/backfills` and webhooks."""

from __future__ import annotations

from typing import Any

from tests.support.service import Served

FLOW = """\
id: timed
namespace: api.timed
inputs:
  - {id: taxi, type: STRING, defaults: none}
tasks:
  - {id: out, type: return, format: "{{ inputs.taxi }} {{ trigger.date ?? trigger.body.month }}"}
outputs:
  - {id: said, type: STRING, value: "{{ outputs.out.value }}"}
triggers:
  - {id: monthly, type: schedule, cron: "0 9 1 * *", timezone: America/New_York}
  - {id: hook, type: webhook, key: "{{ secret('HOOK') }}", wait: true, returnOutputs: true}
  - {id: quiet, type: webhook, key: second-key, conditions: [{type: expression, expression: "{{ trigger.body.go ?? false }}"}]}
"""
NAME = {"namespace": "api.timed", "flowId": "timed", "triggerId": "monthly"}
HOOK = "/executions/webhook/api.timed/timed"


def keep(served: Served) -> None:
    served.save(FLOW)
    served.service.orchestrator.set_secret("api.timed", "HOOK", "s3cret")


def context(served: Served, id: str = "monthly") -> Any:
    found = served.json("GET", "/triggers/search", params={"q": f"api.timed.timed.{id}"})["results"]
    return found[0]["triggerContext"]


def test_triggers_are_found_and_switched(served: Served) -> None:
    keep(served)
    page = served.json("GET", "/triggers/search", params={"namespace": "api.timed", "flowId": "timed"})
    assert [one["triggerContext"]["triggerId"] for one in page["results"]] == ["hook", "monthly", "quiet"]
    assert "key" not in page["results"][0]["abstractTrigger"]
    assert context(served)["timezone"] == "America/New_York" and context(served)["nextExecutionDate"]
    assert served.json("PUT", "/triggers", json={**NAME, "disabled": True, "date": None})["disabled"] is True
    assert context(served)["nextExecutionDate"] is None
    assert served.json("POST", "/triggers/set-disabled/by-triggers", json={"triggers": [NAME], "disabled": False}) == {
        "count": 1
    }
    assert served.json("GET", "/triggers/api.timed/timed")["total"] == 3
    wrong = {**NAME, "triggerId": "monthli"}
    assert (
        served.json("PUT", "/triggers", json=wrong, status=404)["detail"] == "did you mean 'api.timed.timed.monthly'?"
    )


def test_a_backfill_is_planned_started_and_seen_to_its_end(served: Served) -> None:
    keep(served)
    order = {
        "trigger": "api.timed.timed.monthly",
        "start": "2021-01",
        "end": "2021-03",
        "parallel": 2,
        "inputs": {"taxi": "green"},
    }
    planned = served.json("POST", "/backfills/plan", json=order)
    assert (planned["slots"][0]["slot"], planned["slots"][0]["action"]) == ("2021-01-01T14:00:00Z", "run")
    begun = served.json("POST", "/backfills", json=order)
    path = f"/backfills/{begun['id']}"
    served.until(lambda: served.json("GET", path)["state"] == "DONE")
    done = served.json("GET", path)
    assert (done["counts"], len(done["slots"])) == ({"SUCCESS": 3}, 3)
    slot = served.json("GET", f"/executions/{done['slots'][0]['executionId']}")
    assert slot["outputs"] == {"said": "green 2021-01-01T09:00:00-05:00"}
    assert served.json("GET", "/backfills")[0]["id"] == begun["id"]
    assert {one["action"] for one in served.json("POST", "/backfills/plan", json=order)["slots"]} == {"skip"}
    for verb in ("pause", "resume", "cancel", "retry"):
        assert served.json("POST", f"{path}/{verb}", status=409)["code"] == "conflict"
    assert served.json("GET", "/backfills/nothing", status=404)["code"] == "not-found"
    assert served.json("POST", "/backfills", json=order | {"end": "soon"}, status=422)["code"] == "usage"


def test_a_webhook_is_called_by_its_key_without_a_login(served: Served) -> None:
    keep(served)
    assert served.json("POST", f"{HOOK}/s3cret", json={"month": "2021-05"}) == {"said": "none 2021-05"}
    for key in ("wrong", "{{ secret('HOOK') }}", ""):
        assert served.client.post(f"/api/v1{HOOK}/{key}").status_code == 404
    assert served.json("POST", f"{HOOK}/second-key", json={"go": False}, status=204) is None
    begun = served.json("PUT", f"{HOOK}/second-key?a=1&a=2", json={"go": True}, headers={"authorization": "Basic eDp5"})
    seen = served.json("GET", f"/executions/{begun['id']}")["trigger"]["variables"]
    assert (seen["parameters"], seen["body"]) == ({"a": ["1", "2"]}, {"go": True})
    assert "authorization" not in seen["headers"] and "content-type" in seen["headers"]
    served.json("PUT", "/triggers", json={**NAME, "triggerId": "hook", "disabled": True})
    assert served.json("GET", f"{HOOK}/s3cret", status=409)["code"] == "conflict"
