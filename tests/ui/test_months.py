"""The home page: months loaded by a click or a drag, failures that say why, a first start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from taxi_pipelines.tokens import make_token
from tests.support.browser import PHONE, Visitor, visiting
from tests.support.service import Served, serving

RETRY = re.compile(r"^( *)retry:\n(?:\1  .*\n)+", re.M)
"""Left out of the flow: here what fails is to be seen at once."""

LOADED = re.compile(r"^l\b")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Green from 2023-01 to 2023-12; of them 2023-09 is cut off, and 2023-11 has a row where the others have 40."""
    folder = tmp_path_factory.mktemp("ui_months")
    for month in range(1, 13):
        path = write_month(folder / "source", "green", Month(2023, month), 1 if month == 11 else 40)
        if month == 9:
            path.write_bytes(path.read_bytes()[:2_000])
    with serving(folder, source=str(folder / "source"), workers=2) as found:
        flow = files("taxi_pipelines") / "shipped_flows" / "taxi_month.yaml"
        found.save(RETRY.sub("", flow.read_text(encoding="utf-8")))
        begun = found.json("POST", "/months/green/load", json={"months": [f"2023-{it:02d}" for it in (9, 10, 11, 12)]})
        found.service.outlook.ask()
        found.until(lambda: all(found.state(one["executionId"]) in ("SUCCESS", "FAILED") for one in begun))
        found.until(lambda: not found.service.outlook.known.is_asking)
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, address(served)) as found:
        yield found
        assert found.complaints == []


def address(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def cell(page: Page, month: str, type: str = "green") -> Locator:
    return page.locator(f'td a[href="/months/{type}/{month}"]')


def test_a_month_is_loaded_from_the_grid_and_its_cell_turns(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    expect(cell(page, "2023-01")).to_have_class("o")
    cell(page, "2023-01").click()
    expect(page).to_have_url(f"{visitor.url}/months/green/2023-01")
    panel = page.get_by_role("region", name="The chosen month")
    expect(panel.get_by_role("heading", name="January 2023")).to_be_visible()
    panel.get_by_role("button", name="Load January 2023").click()
    expect(cell(page, "2023-01")).to_have_class(LOADED)
    expect(cell(page, "2023-01")).to_have_accessible_name(re.compile("January 2023: 40 rows, loaded and proven"))
    expect(panel.locator(".steps .done")).to_have_count(4)
    expect(panel).to_contain_text("1 version in the lake")
    panel.get_by_role("button", name="Verify").click()
    expect(page.locator(".toast")).to_have_text("Proven: all 40 rows are those of the file")
    assert visitor.faults() == []
    page.go_back()
    expect(panel).to_be_hidden()
    page.go_forward()
    expect(panel).to_be_visible()


def test_months_that_are_dragged_over_are_loaded_together(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/?taxi=green")
    expect(page.locator("tbody[data-type]")).to_have_count(1)
    cell(page, "2023-03").hover()
    page.mouse.down()
    cell(page, "2023-04").hover()
    cell(page, "2023-05").hover()
    page.mouse.up()
    bar = page.locator("#m-chosen")
    expect(bar).to_contain_text("green, March 2023 to May 2023: 3 to load (")
    bar.get_by_role("button", name="Load 3 months").click()
    for month in ("2023-03", "2023-04", "2023-05"):
        expect(cell(page, month)).to_have_class(LOADED)
    expect(bar).to_be_hidden()
    expect(page).to_have_url(f"{visitor.url}/?taxi=green")


def test_a_failed_month_says_which_step_why_and_what_was_kept(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    line = page.get_by_role("link", name=re.compile("September 2023 failed: green_tripdata_2023-09.parquet is cut off"))
    line.click()
    panel = page.get_by_role("region", name="The chosen month")
    expect(panel.locator(".notice.fail")).to_contain_text("extract failed: green_tripdata_2023-09.parquet is cut off")
    expect(panel.locator(".notice.fail")).to_contain_text("the table is unchanged; load, merge and check did not run.")
    expect(panel.locator(".steps li")).to_have_class(["failed", "unreached", "unreached", "unreached"])
    expect(panel.get_by_role("button", name="Load September 2023 again")).to_be_visible()
    panel.get_by_text("Log of extract").click()
    expect(panel.locator(".log li.error").last).to_be_in_viewport()
    assert visitor.faults() == []


def test_a_month_with_far_fewer_rows_than_its_neighbours_stands_out(visitor: Visitor, served: Served) -> None:
    begun = served.json("POST", "/months/green/load", json={"months": ["2023-06", "2023-07", "2023-08"]})
    served.until(lambda: all(served.state(one["executionId"]) == "SUCCESS" for one in begun))
    visitor.open("/")
    few = cell(visitor.page, "2023-11")
    expect(few).to_have_class("l few")
    expect(few).to_have_accessible_name(re.compile("November 2023: only 1 row, its neighbours have about 40"))
    expect(visitor.page.locator("#m-lines")).to_contain_text("November 2023 has only 1 row.")


def test_the_calendar_is_used_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    cell(page, "2023-01").focus()
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "2022-12")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cell(page, "2021-12")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#m-chosen")).to_contain_text("December 2021 to February 2022: 3 not published")
    page.keyboard.press("Escape")
    expect(page.locator("#m-chosen")).to_be_hidden()
    expect(cell(page, "2021-12")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="December 2021")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{visitor.url}/")
    expect(cell(page, "2021-12")).to_be_focused()


def test_on_a_phone_a_month_lies_over_the_calendar(browser: Browser, served: Served) -> None:
    with visiting(browser, address(served), size=PHONE, dark=True) as visitor:
        visitor.open("/months/green/2023-12")
        expect(visitor.page.get_by_role("heading", name="December 2023")).to_be_in_viewport()
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert visitor.faults() == []
        assert visitor.complaints == []


def test_a_first_start_offers_one_month_and_shows_it_being_loaded(browser: Browser, tmp_path: Path) -> None:
    write_month(tmp_path / "source", "green", Month(2024, 1), 40)
    with serving(tmp_path, source=str(tmp_path / "source"), workers=1) as served:
        with visiting(browser, address(served)) as visitor:
            page = visitor.page
            visitor.open("/")
            page.get_by_role("button", name="Load green 2024-01").click()
            expect(page.get_by_role("heading", name="Loading green January 2024")).to_be_visible()
            expect(cell(page, "2024-01")).to_have_class(LOADED)
            expect(page.locator(".first")).to_have_count(0)
            expect(page.locator("#m-lines")).to_contain_text("loaded and proven")
            expect(page).to_have_url(f"{visitor.url}/months/green/2024-01")
            expect(page.locator("#m-panel")).to_contain_text("Rows40")
            assert visitor.complaints == []


def test_who_may_only_look_sees_no_buttons(browser: Browser, tmp_path: Path) -> None:
    login = ("admin@example.org", "long-enough")
    write_month(tmp_path / "source", "green", Month(2023, 1), 40)
    with serving(tmp_path, login=login, source=str(tmp_path / "source")) as served:
        token, text = make_token(AccessRole.VIEWER, utc_now())
        served.service.tokens.add(token)
        with visiting(browser, address(served), extra_http_headers={"Authorization": f"Bearer {text}"}) as visitor:
            visitor.open("/months/green/2023-01")
            expect(visitor.page.get_by_role("heading", name="January 2023")).to_be_visible()
            expect(visitor.page.get_by_role("button", name=re.compile("Load|Ask"))).to_have_count(0)
            expect(visitor.page.get_by_text("This takes the role operator; you are viewer.")).to_be_visible()
            assert visitor.complaints == []
