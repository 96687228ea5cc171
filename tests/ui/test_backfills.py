"""Backfills: twelve months from the dialog, with their preview, live to their end; what failed, and again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import visiting
from tests.support.service import Served, serving

FLOW = """\
id: monthly
namespace: ui.back
inputs:
  - {id: month_to_fail, type: STRING, required: false}
  - {id: taxis, type: MULTISELECT, values: [yellow, green], defaults: [yellow, green]}
tasks:
  - {id: nap, type: sleep, duration: PT0.15S}
  - id: check
    type: fail
    condition: "{{ trigger.date | date('yyyy-MM') == (inputs.month_to_fail ?? '') and kv('mended', errorOnMissing=false) != true }}"
    errorMessage: column ehail_fee arrived as INT64
triggers:
  - {id: first, type: schedule, cron: "0 6 2 * *", timezone: America/New_York}
  - {id: nightly, type: schedule, cron: "30 4 * * *"}
"""
FORM = "/triggers/ui.back/monthly/first/backfill"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("backfills")) as found:
        found.save(FLOW)
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def test_twelve_months_from_the_dialog_are_previewed_followed_and_mended(
    browser: Browser, served: Served, url: str
) -> None:
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open("/triggers")
        page.get_by_role("link", name="Backfill ui.back.monthly.first").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading", name="Backfill monthly")).to_be_visible()
        expect(dialog.get_by_role("button", name="Start 12 slots")).to_be_enabled()
        dialog.get_by_label("From").fill("2024-06")
        dialog.get_by_label("To, included").fill("2024-01")
        expect(
            dialog.get_by_text("the window 2024-06 to 2024-01 is empty; give the earlier time first")
        ).to_be_visible()
        expect(dialog.get_by_role("button", name="Nothing to start")).to_be_disabled()
        dialog.get_by_label("From").fill("2023-01")
        dialog.get_by_label("To, included").fill("2023-12")
        dialog.get_by_label("At a time").fill("3")
        dialog.get_by_text("Inputs").click()
        dialog.get_by_label("month_to_fail").fill("2023-09")
        dialog.get_by_label("green").check()
        expect(dialog.get_by_text("12 slots, all missing.")).to_be_visible()
        assert visitor.faults() == []
        dialog.get_by_role("button", name="Start 12 slots").click()
        expect(page.get_by_role("heading", name="monthly, January to December 2023")).to_be_visible()
        expect(page.locator(".slot[data-state=RUNNING]").first).to_be_visible()
        expect(page.get_by_text("11 of 12 done, 1 failed.")).to_be_visible()
        expect(page.locator("#backfill-state .state")).to_have_text("failed")
        expect(page.get_by_text("September 2023: column ehail_fee arrived as INT64")).to_be_visible()
        expect(page.locator(".slot[data-state=SUCCESS]")).to_have_count(11)
        assert visitor.faults() == []
        served.json("PUT", "/namespaces/ui.back/kv/mended", json=True, status=204)
        page.get_by_role("button", name="Retry the failed").click()
        expect(page.get_by_text("All 12 done.")).to_be_visible()
        expect(page.get_by_role("button", name="Retry the failed")).to_have_count(0)
        cell = page.get_by_role("link", name=re.compile("^2 September 2023 06:00: done"))
        execution = served.json("GET", f"/executions/{(cell.get_attribute('href') or '').rpartition('/')[2]}")
        assert (execution["state"]["current"], execution["inputs"]["taxis"]) == ("SUCCESS", ["green"])
        visitor.open(f"{FORM}?start=2023-10&end=2024-01")
        expect(page.get_by_text("4 slots: 1 missing, 3 done already.")).to_be_visible()
        expect(page.get_by_role("button", name="Start 1 slot")).to_be_enabled()
        page.get_by_label("Execute those again").check()
        expect(page.get_by_role("button", name="Start 4 slots")).to_be_enabled()
        visitor.open("/backfills")
        expect(page.locator("tbody tr")).to_contain_text("All 12 done.")
        assert visitor.complaints == [] and visitor.faults() == []


def test_a_backfill_is_paused_resumed_and_cancelled(browser: Browser, served: Served, url: str) -> None:
    request = {"trigger": "ui.back.monthly.nightly", "start": "2024-01-01", "end": "2024-02-20", "inputs": {}}
    id = served.json("POST", "/backfills", json=request)["id"]
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open(f"/backfills/{id}")
        expect(page.get_by_role("heading", name="January 2024", exact=True)).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("waiting to be resumed")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#backfill-state .state")).to_have_text("running")
        expect(page.get_by_text("left at the pace so far")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(page.get_by_text(re.compile(r"^\s*cancelled \d+ of 51 done, .*\d+ given up\."))).to_be_visible()
        expect(page.get_by_role("button", name="Resume")).to_have_count(0)
        assert visitor.complaints == []


def test_what_stands_against_a_backfill_is_said_in_the_dialog(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        assert visitor.open("/backfills/nothing").status == 404
        assert visitor.open("/triggers/ui.back/monthly/gone/backfill").status == 404
        visitor.complaints.clear()
        visitor.open(FORM)
        served.json(
            "PUT",
            "/flows/ui.back/monthly",
            content=FLOW.replace("namespace: ui.back", "namespace: ui.back\ndisabled: true"),
        )
        visitor.page.get_by_role("button", name="Start 12 slots").click()
        expect(visitor.page.get_by_role("alert")).to_contain_text("the flow ui.back.monthly is disabled; remove")
