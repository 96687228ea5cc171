"""The search through all logs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Visitor, visiting
from tests.support.cli_flows import FAILING, HELLO
from tests.support.service import Served, serving

LONG = """\
id: long
namespace: demo
tasks:
  - {id: tell, type: log, message: "first of a long tale <b>\\nand its end"}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("logs")) as found:
        found.save(FAILING, HELLO, LONG)
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, str(served.client.base_url).rstrip("/")) as found:
        yield found
        assert found.complaints == []


def test_a_line_is_found_and_leads_to_its_place_in_the_log(served: Served, visitor: Visitor) -> None:
    id = served.run("demo/failing")["id"]
    served.run("demo/long")
    visitor.open("/logs")
    visitor.page.get_by_label("Text in the lines").fill("NO LUCK")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page).to_have_url(f"{visitor.url}/logs?q=NO+LUCK")
    row = visitor.page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("mark")).to_have_text("no luck")
    assert visitor.faults() == []
    row.get_by_role("link", name="failing / boom").click()
    expect(visitor.page).to_have_url(f"{visitor.url}/executions/{id}/logs#L{_number(served, id)}")


def _number(served: Served, id: str) -> int:
    (line,) = [one for one in served.service.orchestrator.lines(id) if one.message == "no luck today"]
    return line.number


def test_lines_are_filtered_by_level_and_long_ones_fold(served: Served, visitor: Visitor) -> None:
    served.run("demo/failing")
    served.run("demo/long")
    visitor.open("/logs?q=tale")
    visitor.page.get_by_text("first of a long").first.click()
    expect(visitor.page.get_by_text("and its end").first).to_be_visible()
    expect(visitor.page.locator("tbody tr").first).to_contain_text("<b>")
    visitor.page.get_by_label("Level").select_option("ERROR")
    expect(visitor.page).to_have_url(f"{visitor.url}/logs?q=tale&level=ERROR")
    expect(visitor.page.get_by_role("heading", name="No line matches")).to_be_visible()
    visitor.page.get_by_role("link", name="Search all time").click()
    expect(visitor.page).to_have_url(f"{visitor.url}/logs?q=tale&level=ERROR&range=all")


def test_new_lines_appear_while_they_are_followed(served: Served, visitor: Visitor) -> None:
    visitor.open("/logs?q=hello")
    visitor.page.get_by_role("link", name="Follow").click()
    served.run("demo/hello", data={"name": "follower"})
    expect(visitor.page.locator("tbody tr").first).to_contain_text("hello follower", ignore_case=True)
    expect(visitor.page.get_by_role("link", name="Stop following")).to_be_visible()


def test_older_lines_are_a_page_further(served: Served, visitor: Visitor) -> None:
    for _ in range(35):
        served.run("demo/failing")
    visitor.open("/logs")
    first = visitor.page.locator("tbody tr").first.get_attribute("id")
    visitor.page.get_by_role("link", name="Older").click()
    expect(visitor.page.locator("tbody tr").first).not_to_have_attribute("id", str(first))
    visitor.page.get_by_role("link", name="Newest").click()
    expect(visitor.page.locator("tbody tr").first).to_have_attribute("id", str(first))
