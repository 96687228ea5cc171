"""The page of triggers: what fires when, in words; switches; filters in the address; what a viewer may not do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import log_in, visiting
from tests.support.service import Served, serving

LOGIN = ("admin@example.org", "long-enough")
FLOW = """\
id: timed
namespace: ui.timed
tasks: [{id: out, type: return, format: "{{ trigger.date ?? '' }}"}]
triggers:
  - {id: monthly, type: schedule, cron: "0 9 28 * *", timezone: America/New_York}
  - {id: hook, type: webhook, key: "{{ secret('HOOK') }}"}
  - {id: lost, type: local.trigger, from: /nowhere/at/all}
"""
OTHER = """\
id: other
namespace: ui.other
tasks: [{id: out, type: log, message: hello}]
triggers: [{id: after, type: flow, conditions: [{type: executionFlow, namespace: ui.timed, flowId: timed}]}]
"""
MONTHLY = "ui.timed.timed.monthly"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("triggers"), login=LOGIN) as found:
        found.save(FLOW, OTHER)
        found.service.triggers_changed()
        found.until(lambda: bool(found.service.orchestrator.triggers.find("ui.timed.timed.lost").state.error))
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def test_a_trigger_says_when_it_fires_and_is_switched(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor, visiting(browser, url) as other:
        for one in (visitor, other):
            log_in(one, *LOGIN, "/triggers")
        row = visitor.page.locator(f'[id="trigger-{MONTHLY}"]')
        expect(row).to_contain_text("on the 28th at 09:00 New York")
        expect(row.locator("[title='cron: 0 9 28 * *']")).to_have_count(1)
        expect(row).to_contain_text(" 09:00 New York, in ")
        expect(visitor.page.get_by_text("when timed ends")).to_be_visible()
        expect(visitor.page.get_by_text("/api/v1/executions/webhook/ui.timed/timed/KEY")).to_be_visible()
        expect(visitor.page.get_by_text("the folder /nowhere/at/all cannot be read")).to_be_visible()
        switch = visitor.page.get_by_role("switch", name=MONTHLY)
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
        expect(other.page.get_by_role("switch", name=MONTHLY)).to_have_attribute("aria-checked", "false")
        assert not served.service.orchestrator.triggers.find(MONTHLY).state.enabled
        switch.press("Space")
        expect(other.page.get_by_role("switch", name=MONTHLY)).to_have_attribute("aria-checked", "true")
        assert visitor.complaints == [] and visitor.faults() == []


def test_filters_are_in_the_address(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        log_in(visitor, *LOGIN, "/triggers")
        visitor.page.get_by_label("Name contains").fill("mon")
        expect(visitor.page.locator("tbody tr")).to_have_count(1)
        expect(visitor.page).to_have_url(f"{url}/triggers?q=mon&namespace=&flowId=&state=")
        visitor.page.get_by_label("Name contains").fill("")
        visitor.page.get_by_label("State").select_option("error")
        expect(visitor.page.locator("tbody tr")).to_have_count(1)
        visitor.open("/triggers?namespace=ui.other&state=off")
        visitor.page.get_by_role("link", name="Show all 4").click()
        expect(visitor.page.locator("tbody tr")).to_have_count(4)
        assert visitor.complaints == []


def test_a_viewer_sees_everything_and_no_button(browser: Browser, served: Served, url: str) -> None:
    token = served.json("POST", "/tokens", json={"role": "viewer"})["token"]
    with visiting(browser, url) as visitor:
        log_in(visitor, "", token, "/triggers")
        expect(visitor.page.locator("tbody tr")).to_have_count(4)
        expect(visitor.page.get_by_role("switch")).to_have_count(0)
        expect(visitor.page.get_by_role("link", name="Backfill", exact=False)).to_have_count(1)  # the tab
        change = {"namespace": "ui.timed", "flowId": "timed", "triggerId": "monthly", "disabled": True}
        assert visitor.page.request.put(f"{url}/api/v1/triggers", data=change).status == 403
        visitor.open("/triggers/ui.timed/timed/monthly/backfill")
        expect(visitor.page.get_by_text("12 slots, all missing.")).to_be_visible()
        expect(visitor.page.get_by_text("This takes the role operator; you are viewer.")).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Start")).to_have_count(0)
        order = {"trigger": MONTHLY, "start": "2024-01", "end": "2024-02"}
        assert visitor.page.request.post(f"{url}/api/v1/backfills", data=order).status == 403
        visitor.open("/namespaces/ui.timed")
        expect(visitor.page.get_by_role("button", name="Add")).to_have_count(0)
        visitor.open("/system")
        expect(visitor.page.get_by_role("heading", name="Engines")).to_be_visible()
        expect(visitor.page.get_by_role("heading", name="Tokens")).to_have_count(0)
        assert visitor.complaints == []


def test_where_nothing_starts_by_itself_the_page_says_how(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        serving(tmp_path_factory.mktemp("empty")) as empty,
        visiting(browser, str(empty.client.base_url).rstrip("/")) as visitor,
    ):
        visitor.open("/triggers")
        link = visitor.page.get_by_role("link", name="Begin with a monthly flow")
        expect(link).to_have_attribute("href", "/flows/new?blueprint=taxi_monthly")
        visitor.open("/backfills")
        expect(visitor.page.get_by_role("link", name="Choose a trigger")).to_be_visible()
        assert visitor.complaints == []
