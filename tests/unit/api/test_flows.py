"""`/flows`: kept, found, validated, imported and exported as Kestra's API does it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from taxi_pipelines.api.flows import MOST_PROBLEMS
from tests.support.service import Served

LABELLED = """\
# kept as it was written
id: {id}
namespace: api.flows
labels: {{team: data}}
tasks:
  - {{id: a, type: log, message: x}}
"""
BROKEN = "id: broken\nnamespace: api.flows\ntasks:\n  - {id: a, type: lag}\n"


def flow(id: str) -> str:
    return LABELLED.format(id=id)


def test_a_flow_is_created_found_updated_and_deleted(served: Served) -> None:
    yaml = {"content-type": "application/x-yaml"}
    created = served.json("POST", "/flows", content=flow("one"), headers=yaml)
    assert (created["revision"], created["source"], created["labels"]) == (
        1,
        flow("one"),
        [{"key": "team", "value": "data"}],
    )
    assert served.json("POST", "/flows", content=flow("one"), status=409)["code"] == "conflict"
    changed = flow("one").replace("x}", "y}")
    assert served.json("PUT", "/flows/api.flows/one", content=changed)["revision"] == 2
    assert served.json("PUT", "/flows/api.flows/two", content=changed, status=404)["detail"]
    assert served.json("PUT", "/flows/api.flows/one", content=flow("two"), status=422)["code"] == "usage"
    found = served.json("GET", "/flows/api.flows/one")
    assert (found["source"], found["tasks"][0]["message"]) == (None, "y")
    assert served.json("GET", "/flows/api.flows/one?source=true&revision=1")["source"] == flow("one")
    assert [one["revision"] for one in served.json("GET", "/flows/api.flows/one/revisions")] == [1, 2]
    served.json("DELETE", "/flows/api.flows/one", status=204)
    assert served.json("GET", "/flows/api.flows/one", status=404)["code"] == "not-found"
    assert served.json("DELETE", "/flows/api.flows/one", status=404)["code"] == "not-found"


def test_an_invalid_flow_is_refused_with_every_problem_and_its_place(served: Served) -> None:
    refused = served.json("POST", "/flows", content=BROKEN, status=422)
    assert refused["code"] == "flow-invalid"
    (problem,) = refused["problems"]
    assert (problem["line"], problem["column"], problem["path"]) == (4, 19, "tasks[0].type")
    two = served.json("POST", "/flows/validate", content=f"{flow('fine')}---\n{BROKEN}")
    assert [(one["index"], one["flow"], one["constraints"] is None) for one in two] == [
        (0, "fine", True),
        (1, None, False),
    ]
    assert two[1]["problems"][0]["line"] == 5  # of its own part, after the line that parts them
    assert served.json("POST", "/flows/validate", content="")[0]["problems"]
    assert served.json("POST", "/flows", content=b"\xff", status=422)["code"] == "usage"


def test_so_many_flows_and_problems_are_told_of_at_a_time_and_no_more(served: Served) -> None:
    assert "2,000 flows" in served.json("POST", "/flows/validate", content="---\na\n" * 2_000, status=422)["message"]
    (found,) = served.json("POST", "/flows/validate", content="".join(f"k{number}: 1\n" for number in range(1_000)))
    assert len(found["problems"]) == MOST_PROBLEMS
    names = [{"namespace": "demo", "id": "hello"}] * 1_001
    assert served.json("POST", "/flows/export/by-ids", json=names, status=422)["code"] == "request-invalid"
    answer = served.client.post("/api/v1/flows/export/by-ids", json=names[1:])
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["demo.hello.yml"]


def test_flows_are_searched_by_text_namespace_and_labels(served: Served) -> None:
    served.save(flow("found"))

    def names(**parameters: Any) -> list[str]:
        return [one["id"] for one in served.json("GET", "/flows/search", params=parameters)["results"]]

    assert names(namespace="api", labels="team:data") == ["found"]
    assert names(q="flows.FOU") == ["found"]
    assert names(namespace="api", labels="team:other") == []
    assert [one["id"] for one in served.json("GET", "/flows/api.flows")] == ["found"]
    assert "api.flows" in served.json("GET", "/flows/distinct-namespaces", params={"q": "api"})
    page = served.json("GET", "/namespaces/search", params={"q": "api"})
    assert [one["id"] for one in page["results"]] == ["api", "api.flows"]
    assert "tasks" in served.json("GET", "/plugins/schemas/flow")["properties"]


def test_an_import_keeps_all_flows_of_a_file_or_none(served: Served) -> None:
    both = f"{flow('first')}---\n{flow('second')}"
    assert served.json("POST", "/flows/import", files={"fileUpload": ("flows.yaml", both)}) == []
    assert served.json("GET", "/flows/api.flows/second?source=true")["source"].strip() == flow("second").strip()
    half = {"fileUpload": ("../half.yml", f"{flow('third')}---\n{BROKEN}")}
    assert served.json("POST", "/flows/import", files=half, status=422)["problems"][0]["path"] == "tasks[0].type"
    assert served.json("GET", "/flows/api.flows/third", status=404)
    for wrong in ({"fileUpload": ("a.txt", b"x")}, {"fileUpload": ("a.zip", b"x")}, {"other": ("a.yaml", both)}):
        assert served.json("POST", "/flows/import", files=wrong, status=422)["code"] == "usage"


def test_what_is_exported_can_be_imported(served: Served) -> None:
    served.save(flow("packed"))
    path = "/api/v1/flows/export"
    archive = served.client.post(f"{path}/by-ids", json=[{"namespace": "api.flows", "id": "packed"}])
    with zipfile.ZipFile(io.BytesIO(archive.content)) as names:
        assert {name: names.read(name).decode() for name in names.namelist()} == {
            "api.flows.packed.yml": flow("packed")
        }
    assert served.json("DELETE", "/flows/delete/by-ids", json=[{"namespace": "api.flows", "id": "packed"}]) == {
        "count": 1
    }
    assert served.json("POST", "/flows/import", files={"fileUpload": ("flows.zip", archive.content)}) == []
    assert served.json("GET", "/flows/api.flows/packed?source=true")["source"] == flow("packed")
    everything = served.client.get(f"{path}/by-query", params={"namespace": "api.flows", "q": "packed"})
    assert everything.headers["content-type"] == "application/zip"
    assert served.json("POST", "/flows/export/by-ids", json=[{"namespace": "no", "id": "one"}], status=404)
