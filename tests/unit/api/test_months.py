"""`/months`: loaded, proven and rolled back over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import republish, write_month, write_zones
from tests.support.service import Served, serving

LOADING = """\
id: taxi_month
namespace: nyc.taxi
inputs:
  - {id: taxi, type: STRING}
  - {id: month, type: STRING}
tasks:
  - {id: say, type: log, message: "{{ inputs.taxi }} {{ inputs.month }}"}
"""
MONTH = Month(2021, 1)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that keeps no flow of its own: loading a month keeps the one that comes with the package."""
    folder = tmp_path_factory.mktemp("months")
    path = write_month(folder / "source", "green", MONTH, 300)
    write_zones(folder / "misc")
    with serving(folder, source=str(folder / "source"), workers=2) as served:
        assert served.json("GET", "/months") == []
        load(served)
        republish(path, edited=3, deleted=2, added=1)
        load(served)
        yield served


def load(served: Served, month: str = "2021-01", **more: Any) -> Any:
    """An execution that loads the month, ended."""
    return served.json("POST", f"/months/green/{month}/load", params={"wait": "true", **more})


def test_a_month_is_loaded_and_shown_in_the_grid(loaded: Served) -> None:
    (cell,) = loaded.json("GET", "/months", params={"type": "green"})
    assert (cell["type"], cell["month"], cell["state"]) == ("green", "2021-01", "loaded")
    assert loaded.json("GET", "/months", params={"type": "yellow"}) == []
    receipts = loaded.json("GET", "/months/green/2021-01/receipts")
    assert [one["action"] for one in receipts] == ["reloaded", "loaded"]
    assert receipts[0]["rows"] == cell["rows"]
    assert len(loaded.json("GET", "/months/green/2021-01/versions")) == 2
    assert "taxi_loaded_rows" in loaded.client.get("/metrics").text


def test_a_month_is_proven_and_rolled_back(loaded: Served) -> None:
    assert loaded.json("POST", "/months/green/2021-01/verify")["ok"] is True
    assert loaded.json("POST", "/months/green/2021-01/rollback")["action"] == "rolled_back"
    assert loaded.json("POST", "/months/green/2021-02/rollback", status=404)["code"] == "not-loaded"


def test_what_is_no_month_says_so(loaded: Served) -> None:
    assert loaded.json("POST", "/months/green/2021-1/load", status=422)["code"] == "invalid-month"
    assert loaded.json("POST", "/months/gren/2021-01/load", status=422)["code"] == "unknown-type"
    assert loaded.json("POST", "/months/green/load", status=422, json={"months": ["2021-1"]})["code"] == "invalid-month"
    assert loaded.json("POST", "/months/zones/load", status=422, json={"months": ["all"]})["code"] == "usage"


def test_loading_is_an_execution_of_the_flow_that_comes_with_the_package(loaded: Served) -> None:
    load(loaded)
    unchanged = load(loaded)
    assert (unchanged["flowId"], unchanged["state"]["current"]) == ("taxi_month", "SUCCESS")
    labels = {label["key"]: label["value"] for label in unchanged["labels"]}
    assert (labels["taxi"], labels["month"], unchanged["inputs"]["force"]) == ("green", "2021-01", False)
    assert unchanged["outputs"]["action"] == "unchanged"
    assert load(loaded, force="true")["outputs"]["action"] == "reloaded"
    found = loaded.json("GET", "/executions/search", params={"labels": ["taxi:green", "month:2021-01"]})
    assert found["total"] >= 4


def test_zones_are_loaded_at_once(loaded: Served) -> None:
    receipt = loaded.json("POST", "/months/zones/all/load")
    assert (receipt["action"], receipt["rows"]) == ("loaded", 265)


def test_several_months_are_as_many_executions(loaded: Served) -> None:
    write_month(Path(loaded.service.settings.source), "green", Month(2021, 2), 50)
    write_month(Path(loaded.service.settings.source), "green", Month(2021, 3), 50)
    begun = loaded.json("POST", "/months/green/load", json={"months": ["2021-02", "2021-03", "2021-02"]})
    assert [one["month"] for one in begun] == ["2021-02", "2021-03"]
    loaded.until(lambda: all(loaded.state(one["executionId"]) == "SUCCESS" for one in begun))
    assert [cell["month"] for cell in loaded.json("GET", "/months", params={"type": "green"})][1:] == [
        "2021-02",
        "2021-03",
    ]


def test_the_source_is_asked_what_it_offers(loaded: Served) -> None:
    assert loaded.json("GET", "/months/outlook") == {"askedAt": None, "asking": False, "trouble": None, "months": []}
    assert loaded.json("POST", "/months/outlook")["asking"] is True
    loaded.until(lambda: not loaded.json("GET", "/months/outlook")["asking"])
    known = loaded.json("GET", "/months/outlook")
    assert known["askedAt"] and known["trouble"] is None
    actions = {(one["type"], one["month"]): one["action"] for one in known["months"]}
    assert (actions["green", "2021-01"], actions["green", "2021-04"]) == ("skip", "wait")


def test_a_flow_of_ones_own_in_its_place_gets_the_inputs_that_it_has(loaded: Served) -> None:
    loaded.save(LOADING)
    it = load(loaded, force="true")
    assert (it["flowRevision"], it["state"]["current"]) == (2, "SUCCESS")
    assert it["inputs"] == {"taxi": "green", "month": "2021-01"}
