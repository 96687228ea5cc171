"""The page of tables, and the box that asks them in SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.browser import PHONE, Visitor, visiting
from tests.support.service import Served, serving

REFUSED = "status of 422"
"""Chromium complains of every answer that is an error, also of those that the page tells in words."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("data")
    source = folder / "source"
    months = [Month(2024, month) for month in (1, 2, 3)]
    for month in months:
        write_month(source, "green", month, 1_200 + month.month)
    write_zones(source)
    with serving(folder, source=str(source)) as found:
        for month in months:
            found.service.pipeline.run("green", str(month))
        found.service.pipeline.run("zones")
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, str(served.client.base_url).rstrip("/"), accept_downloads=True) as found:
        yield found


def run(page: Page, sql: str) -> None:
    page.get_by_label("Statement").fill(sql)
    page.keyboard.press("Control+Enter")


def test_tables_are_shown_with_their_months_and_columns(visitor: Visitor) -> None:
    visitor.open("/data")
    row = visitor.page.get_by_role("row", name="green_tripdata")
    expect(row).to_contain_text("3, from January 2024 to March 2024")
    expect(row).to_contain_text("3,606")
    row.get_by_role("link").click()
    expect(visitor.page.get_by_role("row", name="trip_distance")).to_contain_text("Miles by the taximeter.")
    expect(visitor.page.get_by_role("link", name="February 2024")).to_have_attribute("href", "/months/green/2024-02")
    expect(visitor.page.get_by_role("region", name="Some rows").locator("tbody tr")).to_have_count(20)
    visitor.page.get_by_role("link", name="Query this table").click()
    expect(visitor.page.locator("#told")).to_contain_text("20 rows in")
    assert visitor.complaints == []
    assert visitor.faults() == []


def test_a_statement_is_run_charted_and_kept(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/data")
    page.get_by_text("Examples").click()
    page.get_by_role("button", name="Trips per month").click()
    expect(page.locator("#told")).to_contain_text(re.compile(r"^3 rows in \d+\.\d\d s\.$"))
    expect(page.locator("#rows tbody tr").nth(1)).to_contain_text("2024-02-01")
    expect(page.locator("#rows td.number").first).to_have_text("1201")
    page.get_by_text("Chart", exact=True).click()
    expect(page.locator("#chart canvas")).to_be_visible()
    page.get_by_label("Draw").select_option("lines")
    expect(page.locator("#chart")).to_contain_text("As a table")
    assert visitor.faults() == []

    shared = page.url
    assert "sql=SELECT" in shared
    page.goto(shared)
    expect(page.locator("#rows tbody tr")).to_have_count(3)
    page.get_by_text("History").click()
    expect(page.locator("#history-list button")).to_contain_text(["SELECT source_month, count(*) AS trips"])
    assert visitor.complaints == []


def test_values_are_shown_for_what_they_are(visitor: Visitor) -> None:
    visitor.open("/data")
    long = "y" * 60
    run(
        visitor.page,
        f"select null as a, 9007199254740993 as b, 'nan'::double as c, '{long}' as d, '<b>' as e, [1, 2] as f",
    )
    cells = visitor.page.locator("#rows tbody td")
    expect(cells).to_have_text(["null", "9007199254740993", "NaN", long, "<b>", "[1,2]"])
    expect(cells.nth(3)).to_have_attribute("title", long)
    run(visitor.page, "select * from range(2500) t(i)")
    expect(visitor.page.locator("#told")).to_contain_text("1,000 of more rows in")
    expect(visitor.page.locator("#told")).to_contain_text("the rest is in the download")


def test_a_result_is_downloaded_whole(visitor: Visitor, served: Served) -> None:
    sql = "select source_month, source_row, fare_amount from green_tripdata order by 1, 2"
    visitor.open("/data")
    run(visitor.page, sql)
    expect(visitor.page.locator("#told")).to_contain_text("1,000 of more rows")
    wanted = served.service.pipeline.query_arrow(sql)
    for name, read in (("CSV", pa_csv.read_csv), ("Parquet", pq.read_table)):
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("link", name=name).click()
        assert read(download.value.path()).to_pylist() == wanted.to_pylist()


def test_what_only_seems_to_be_a_question_is_refused_in_words(visitor: Visitor) -> None:
    visitor.open("/data")
    trouble = visitor.page.get_by_role("alert")
    run(visitor.page, "drop view green_tripdata")
    expect(trouble).to_contain_text("a query only reads, and this is DROP")
    run(visitor.page, "select * from read_text('/etc/passwd')")
    expect(trouble).to_contain_text("the statement asks for more than the tables")
    run(visitor.page, "select 1,\n  nope from green_tripdata")
    expect(trouble).to_contain_text("Line 2, column 3:")
    selected = "document.getElementById('statement').value.slice(statement.selectionStart, statement.selectionEnd)"
    assert visitor.page.evaluate(selected) == "nope"
    assert [said for said in visitor.complaints if REFUSED not in said] == []
    assert visitor.faults() == []


def test_a_statement_is_cancelled_and_ends_on_the_server_too(visitor: Visitor, served: Served) -> None:
    visitor.open("/data")
    run(visitor.page, "select count(*) from range(1000000000000) t(i) where i % 7 = 3")
    visitor.page.get_by_role("button", name="Cancel").click()
    expect(visitor.page.locator("#told")).to_have_text("Cancelled.")
    run(visitor.page, "select 1 as one")
    expect(visitor.page.locator("#told")).to_contain_text("1 row in")
    assert visitor.complaints == []


def test_before_anything_is_loaded_it_says_what_to_do(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("empty")) as served:
        with visiting(browser, str(served.client.base_url).rstrip("/"), size=PHONE) as visitor:
            visitor.open("/data")
            expect(visitor.page.get_by_role("heading", name="Nothing is loaded yet")).to_be_visible()
            expect(visitor.page.get_by_role("link", name="To the months")).to_have_attribute("href", "/?taxi=green")
            visitor.open("/data/green_tripdata")
            expect(visitor.page.get_by_role("heading", name="Nothing of it is loaded yet")).to_be_visible()
            assert visitor.open("/data/nothing").status == 404
