"""The list of executions: filters, many at once, files, saved searches."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import PHONE, Visitor, visiting
from tests.support.cli_flows import HELLO
from tests.support.service import Served, serving

MONTHLY = """\
id: monthly
namespace: demo.months
inputs: [{id: taxi, type: STRING}, {id: month, type: STRING}]
tasks: [{id: load, type: io.kestra.plugin.core.execution.Fail, errorMessage: "ehail_fee arrived as INT64"}]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("executions")) as found:
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, str(served.client.base_url).rstrip("/")) as found:
        yield found
        assert found.complaints == []


def failed(served: Served, month: str) -> str:
    return str(served.run("demo.months/monthly", data={"taxi": "green", "month": month})["id"])


def attempts(served: Served, id: str) -> int:
    (run,) = served.json("GET", f"/executions/{id}")["taskRunList"]
    return len(run["attempts"])


def told(visitor: Visitor) -> Any:
    return expect(visitor.page.locator("#toasts"))


def test_before_anything_has_run_the_page_says_what_to_do(visitor: Visitor) -> None:
    visitor.open("/executions")
    expect(visitor.page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Choose a flow")).to_have_attribute("href", "/flows")
    assert visitor.faults() == []


def test_filters_are_in_the_address_and_survive_reload_and_back(served: Served, visitor: Visitor) -> None:
    served.save(HELLO, MONTHLY)
    served.json("POST", "/executions/demo/hello?labels=team:data&wait=true")
    failed(served, "2023-09")
    visitor.open("/executions")
    rows = visitor.page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("monthly · green September 2023")
    expect(rows.first).to_contain_text("ehail_fee arrived as INT64")
    visitor.page.get_by_label("State").select_option("SUCCESS")
    expect(visitor.page).to_have_url(f"{visitor.url}/executions?state=SUCCESS")
    visitor.page.get_by_label("Flow, namespace, label").fill("team:data")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page).to_have_url(f"{visitor.url}/executions?state=SUCCESS&labels=team%3Adata")
    expect(rows).to_have_count(1)
    visitor.page.reload()
    expect(rows).to_have_count(1)
    assert visitor.faults() == []
    visitor.page.go_back()
    visitor.page.get_by_role("link", name="Without success").click()
    expect(visitor.page).to_have_url(f"{visitor.url}/executions")
    visitor.page.get_by_label("Flow, namespace, label").fill("nothing like it")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_text("Nothing is called nothing like it")).to_be_visible()


def test_two_that_failed_are_restarted_at_once_and_what_cannot_be_is_told(served: Served, visitor: Visitor) -> None:
    served.save(HELLO, MONTHLY)
    ids = [failed(served, "2023-10"), failed(served, "2023-11")]
    good = served.run("demo/hello")["id"]
    visitor.open("/executions")
    for id in (*ids, good):
        visitor.page.locator(f"[data-pick='{id}']").check()
    visitor.page.get_by_role("button", name="Restart").click()
    visitor.page.get_by_role("button", name="Yes").click()
    told(visitor).to_contain_text("2 restarted; 1 could not be")
    told(visitor).to_contain_text("1 is SUCCESS")
    served.until(lambda: all(attempts(served, id) == 2 for id in ids))


def test_on_a_phone_all_that_failed_are_restarted_at_once(browser: Browser, served: Served) -> None:
    served.save(MONTHLY)
    ids = [failed(served, f"2022-{month:02d}") for month in (1, 2, 3)]
    with visiting(browser, str(served.client.base_url).rstrip("/"), size=PHONE, has_touch=True) as visitor:
        visitor.open("/executions?state=FAILED&flowId=monthly")
        visitor.page.get_by_label("Select all on this page").tap()
        visitor.page.locator(f"#row-{ids[0]}").scroll_into_view_if_needed()
        visitor.page.get_by_role("button", name="Restart").tap()
        visitor.page.get_by_role("button", name="Yes").tap()
        served.until(lambda: all(attempts(served, id) == 2 for id in ids))
        assert visitor.faults() == []
        assert visitor.complaints == []


def test_a_row_turns_and_one_that_is_selected_stays_so(served: Served, visitor: Visitor) -> None:
    served.save(HELLO, MONTHLY)
    id = served.run("demo/hello")["id"]
    visitor.open("/executions?flowId=hello")
    visitor.page.locator(f"[data-pick='{id}']").check()
    other = served.run("demo/hello")["id"]
    expect(visitor.page.locator(f"#row-{other}")).to_contain_text("success")
    expect(visitor.page.locator(f"[data-pick='{id}']")).to_be_checked()
    expect(visitor.page.locator(f"[data-pick='{other}']")).not_to_be_checked()


def test_all_that_match_are_deleted(served: Served, visitor: Visitor) -> None:
    served.save(HELLO)
    for _ in range(3):
        served.json("POST", "/executions/demo/hello?labels=bulk:yes&wait=true")
    visitor.open("/executions?labels=bulk:yes&size=2")
    visitor.page.get_by_label("Select all on this page").check()
    visitor.page.get_by_role("button", name="Select all 3 that match").click()
    visitor.page.get_by_role("button", name="Delete").click()
    expect(visitor.page.get_by_text("Delete, with their logs and files, 3 executions?")).to_be_visible()
    visitor.page.get_by_role("button", name="Yes").click()
    told(visitor).to_contain_text("3 deleted")
    assert served.json("GET", "/executions/search", params={"labels": "bulk:yes"})["total"] == 0


def test_the_file_holds_what_is_shown(served: Served, visitor: Visitor) -> None:
    served.save(MONTHLY)
    failed(served, "2024-01")
    visitor.open("/executions?state=FAILED&flowId=monthly")
    shown = [one.get_attribute("data-pick") for one in visitor.page.locator("[data-pick]").all()]
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(StringIO(Path(download.value.path()).read_text())))
    assert [row["id"] for row in rows] == shown
    assert {row["error"] for row in rows} == {"ehail_fee arrived as INT64"}


def test_a_search_is_saved_renamed_and_removed(served: Served, visitor: Visitor) -> None:
    served.save(HELLO)
    served.run("demo/hello")
    visitor.open("/executions?flowId=hello")
    page = visitor.page
    page.get_by_role("button", name="Save this search").click()
    page.get_by_label("Name", exact=True).fill("All hellos")
    page.get_by_role("button", name="Save", exact=True).click()
    visitor.open("/executions")
    page.get_by_role("link", name="All hellos").click()
    expect(page).to_have_url(f"{visitor.url}/executions?flowId=hello")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("Greetings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Greetings")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("button", name="Remove the search Greetings").click()
    expect(page.get_by_role("link", name="Greetings")).to_have_count(0)
