"""The page of an execution: why it failed, what to press, its chart, log, files and expressions; the same for all who look."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PHONE, visiting
from tests.support.service import Served, serving

BROKEN = """\
id: prices
namespace: company.team
inputs: [{id: taxi, type: STRING, defaults: green}, {id: month, type: STRING, defaults: "2023-09"}]
tasks:
  - {id: fetch, type: return, format: "3 prices"}
  - {id: compare, type: fail, errorMessage: "column ehail_fee arrived as INT64"}
  - {id: publish, type: log, message: "published {{ outputs.fetch.value }}"}
"""
MENDED = BROKEN.replace('type: fail, errorMessage: "column ehail_fee arrived as INT64"', "type: log, message: compared")
COUNTING = """\
id: counting
namespace: company.team
tasks:
  - id: count
    type: shell.commands
    commands: ["for i in $(seq 1 1000); do echo line $i; sleep 0.1; done"]
  - {id: last, type: log, message: end}
"""
ASKING = """\
id: approval
namespace: company.team
tasks:
  - {id: ask, type: pause, onResume: [{id: reason, type: STRING}, {id: size, type: SELECT, values: [small, large]}]}
  - {id: go_on, type: log, message: "{{ outputs.ask.onResume.size }} because {{ outputs.ask.onResume.reason }}"}
"""
LOOKED_INTO = """\
id: files
namespace: company.team
inputs: [{id: days, type: FILE}, {id: trips, type: FILE}]
tasks:
  - {id: keep, type: return, format: "{{ inputs.days }}"}
  - {id: also, type: return, format: "{{ inputs.trips }}"}
"""
WIDE = """\
id: wide
namespace: company.team
tasks:
  - id: each
    type: foreach
    values: "[{% for n in range(1, 39) %}{{ n }}{% if not loop.last %},{% endif %}{% endfor %}]"
    tasks: [{id: say, type: log, message: "{{ taskrun.value }} is done"}]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("execution")) as found:
        found.save(COUNTING, ASKING, LOOKED_INTO, WIDE)
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def begun(served: Served, flow: str) -> str:
    return str(served.json("POST", f"/executions/company.team/{flow}")["id"])


def state(page: Page) -> Any:
    return page.locator("#exec-state .state")


def test_a_failure_is_understood_mended_and_restarted(browser: Browser, served: Served, url: str) -> None:
    served.save(BROKEN)
    id = served.run("company.team/prices")["id"]
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/executions/{id}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("green, September 2023 · prices")
        expect(page.locator(".exec-reason")).to_contain_text("compare failed: column ehail_fee arrived as INT64")
        expect(page.locator(".exec-none")).to_contain_text("not reached")
        assert visitor.faults() == []
        page.get_by_role("link", name="Log at the error").click()
        expect(page.locator(".exec-line.opened")).to_contain_text("column ehail_fee arrived as INT64")
        expect(page.locator(".exec-line.opened")).to_be_in_viewport()
        assert visitor.faults() == []
        served.save(MENDED)
        page.reload()
        page.get_by_role("button", name="Restart from compare with revision 2").click()
        expect(state(page)).to_have_text("success")
        expect(page.locator(".exec-reason")).to_have_count(0)
        expect(page.get_by_role("log")).to_contain_text("published 3 prices")
        assert visitor.complaints == []


def test_two_who_look_see_the_same_at_once_and_one_kills_it(browser: Browser, served: Served, url: str) -> None:
    id = begun(served, "counting")
    with visiting(browser, url) as one, visiting(browser, url, size=PHONE) as other:
        one.open(f"/executions/{id}")
        other.open(f"/executions/{id}/logs")
        expect(state(one.page)).to_have_text("running")
        lines = other.page.locator(".exec-line")
        expect(lines.nth(4)).to_contain_text("line")
        seen = lines.count()
        expect(lines.nth(seen + 2)).to_be_attached()
        one.page.get_by_role("button", name="Kill").click()
        one.page.get_by_role("button", name="Yes").click()
        expect(state(one.page)).to_have_text("killed")
        began = time.monotonic()
        expect(state(other.page)).to_have_text("killed")
        assert time.monotonic() - began < 5
        expect(other.page).to_have_title("counting, killed · taxi")
        expect(one.page.locator(".exec-none")).to_contain_text("lastnot reached")
        expect(one.page.locator(".exec-reason")).to_contain_text("Killed while count ran")
        assert one.complaints + other.complaints == []
        assert one.faults() + other.faults() == []


def test_a_row_opens_and_goes_on_living(browser: Browser, served: Served, url: str) -> None:
    id = begun(served, "counting")
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/executions/{id}")
        page.locator("summary", has_text="count").press("Enter")
        lines = page.locator(".exec-detail .exec-line")
        expect(lines.nth(3)).to_be_attached()
        width = page.locator(".exec-chart").evaluate("it => parseFloat(it.style.getPropertyValue('--span'))")
        served.client.delete(f"/api/v1/executions/{id}/kill")
        expect(page.get_by_role("button", name="Replay from here")).to_be_visible()
        expect(page.locator(".exec-detail")).to_be_visible()
        assert page.locator(".exec-chart").evaluate("it => parseFloat(it.style.getPropertyValue('--span'))") > width > 0
        expect(page.locator("#exec")).to_have_attribute("data-live", f"/executions/{id}/live?tab=gantt&quiet=true")
        page.get_by_role("button", name="Replay from here").click()
        expect(page).not_to_have_url(f"{url}/executions/{id}")
        expect(page.locator(".exec-facts")).to_contain_text("it repeats counting")
        served.client.delete(f"/api/v1/executions/{page.url.rpartition('/')[2]}/kill")
        expect(state(page)).to_have_text("killed")
        assert visitor.complaints == []


def test_a_pause_is_resumed_with_what_it_asks_for(browser: Browser, served: Served, url: str) -> None:
    id = begun(served, "approval")
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/executions/{id}/logs")
        page.get_by_role("button", name="Resume").click()
        dialog = page.get_by_role("dialog")
        assert visitor.faults() == []
        dialog.get_by_label("reason").fill("it is Friday")
        dialog.get_by_label("size").select_option("large")
        dialog.get_by_role("button", name="Resume").click()
        expect(state(page)).to_have_text("success")
        expect(page.get_by_role("log")).to_contain_text("large because it is Friday")
        page.get_by_role("button", name="Labels").click()
        page.get_by_label("One for each line").fill("team: data\nwhy: because: of it")
        page.get_by_role("button", name="Set labels").click()
        expect(page.locator(".exec-labels")).to_contain_text("why: because: of it")
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Yes").click()
        expect(page).to_have_url(f"{url}/executions")
        assert visitor.open(f"/executions/{id}").status == 404
        expect(page.get_by_role("main")).to_contain_text("deleted, or purged")


def test_files_are_looked_into_and_expressions_tried(browser: Browser, served: Served, url: str) -> None:
    trips = io.BytesIO()
    pq.write_table(pa.table({"borough": ["Bronx", "Queens"], "trips": [1, 2]}), trips)
    files = {"days": ("days.csv", b"day,revenue\n2024-01-01,52.5\n"), "trips": ("trips.parquet", trips.getvalue())}
    it = served.run("company.team/files", files=files)
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/executions/{it['id']}/outputs")
        page.locator(".exec-lazy summary", has_text="keep").click()
        page.get_by_role("link", name="Preview").click()
        expect(page.locator("#preview td")).to_have_text(["2024-01-01", "52.5"])
        page.locator(".exec-lazy summary", has_text="also").click()
        page.get_by_role("link", name="Preview").click()
        expect(page.locator("#preview td")).to_have_text(["Bronx", "1", "Queens", "2"])
        assert visitor.faults() == []
        page.get_by_label("Expression").fill("{{ inputs.days | split('/') | last }}")
        page.get_by_role("button", name="Try it").click()
        expect(page.locator(".exec-result")).to_have_text("days.csv")
        page.get_by_label("Expression").fill("{{ outputs.nothing }}")
        page.get_by_label("Expression").press("Control+Enter")
        expect(page.locator(".exec-result")).to_contain_text("at line 1")
        assert visitor.complaints == []
        visitor.open(f"/executions/{it['id']}/topology")
        page.locator(".topology-node", has_text="keep").click()
        expect(page.locator("#exec-picked")).to_contain_text("days.csv")
        for tab in ("metrics", "overview"):
            visitor.open(f"/executions/{it['id']}/{tab}")
            assert visitor.faults() == []
        assert visitor.complaints == []


def test_a_long_loop_is_one_row_until_all_of_it_is_asked_for(browser: Browser, served: Served, url: str) -> None:
    id = served.run("company.team/wide")["id"]
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/executions/{id}")
        expect(page.locator(".exec-many")).to_contain_text("39 success")
        page.get_by_role("link", name="show each").click()
        expect(page.locator("details.exec-run")).to_have_count(40)
        page.go_back()
        expect(page.locator("details.exec-run")).to_have_count(1)
        visitor.open(f"/executions/{id}/logs?q=17+is")
        expect(page.locator(".exec-line")).to_have_count(1)
        expect(page.locator("mark")).to_have_text("17 is")
        assert visitor.complaints == []
