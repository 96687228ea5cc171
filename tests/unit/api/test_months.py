"""`/months`: loaded, proven and rolled back over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import republish, write_month
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
    folder = tmp_path_factory.mktemp("months")
    path = write_month(folder / "source", "green", MONTH, 300)
    with serving(folder, source=str(folder / "source")) as served:
        assert served.json("GET", "/months") == []
        served.json("POST", "/months/green/2021-01/load")
        republish(path, edited=3, deleted=2, added=1)
        served.json("POST", "/months/green/2021-01/load")
        yield served


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


def test_what_is_no_month_or_not_published_says_so(loaded: Served) -> None:
    assert loaded.json("POST", "/months/green/2021-1/load", status=422)["code"] == "invalid-month"
    assert loaded.json("POST", "/months/gren/2021-01/load", status=422)["code"] == "unknown-type"
    assert loaded.json("POST", "/months/green/2021-03/load", status=404)["code"] == "source-missing"


def test_where_the_flow_for_it_is_kept_loading_is_an_execution(loaded: Served) -> None:
    loaded.save(LOADING)
    it = loaded.json("POST", "/months/green/2021-01/load", params={"wait": "true"})
    assert (it["flowId"], it["state"]["current"]) == ("taxi_month", "SUCCESS")
    assert it["inputs"] == {"taxi": "green", "month": "2021-01"}
    loaded.service.orchestrator.control.delete_flow("nyc.taxi", "taxi_month")
