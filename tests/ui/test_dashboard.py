"""The dashboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Visitor, visiting
from tests.support.cli_flows import FAILING, HELLO, NAPPING
from tests.support.service import Served, serving

NIGHTLY = """\
id: nightly
namespace: demo
tasks: [{id: rest, type: log, message: "good night"}]
triggers: [{id: at_night, type: schedule, cron: "30 4 * * *", timezone: America/New_York}]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("dashboard")) as found:
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, str(served.client.base_url).rstrip("/")) as found:
        yield found
        assert found.complaints == []


def test_before_anything_has_run_it_says_what_to_do(visitor: Visitor) -> None:
    visitor.open("/dashboard")
    expect(visitor.page.get_by_role("link", name="Load a first month")).to_have_attribute("href", "/")
    assert visitor.faults() == []


def test_it_counts_what_the_store_holds_and_goes_on_counting(served: Served, visitor: Visitor) -> None:
    served.save(HELLO, FAILING, NAPPING, NIGHTLY)
    for name in ("hello", "hello", "hello", "failing"):
        served.run(f"demo/{name}")
    visitor.open("/dashboard?range=7d")
    page = visitor.page
    summary = page.locator("#dashboard-summary")
    expect(summary).to_contain_text("3 of 4 succeeded in the last 7 days, 1 failed. Nothing runs now.")
    expect(page.locator("#dashboard-failures")).to_contain_text("no luck today")
    expect(page.locator("#dashboard-slots")).to_contain_text("04:30 New York")
    expect(page.locator("#dashboard-chart canvas")).to_be_visible()
    page.get_by_text("As a table").click()
    last = page.locator("#dashboard-chart tbody tr").last
    counts = served.json("GET", "/statistics/executions", params={"timeRange": "P7D", "groupBy": "DAY"})
    assert counts["counts"] == counts["buckets"][-1]["counts"] == {"SUCCESS": 3, "FAILED": 1}
    assert last.locator("td").all_inner_texts() == ["3", "1"]
    assert visitor.faults() == []
    id = served.json("POST", "/executions/demo/napping")["id"]
    expect(page.locator("#dashboard-now")).to_contain_text("napping")
    served.json("DELETE", f"/executions/{id}/kill", status=202)
    expect(summary).to_contain_text("3 of 5 succeeded")
    expect(page.locator("#dashboard-chart thead")).to_contain_text("killed")


def test_the_chart_is_read_by_keyboard(served: Served, visitor: Visitor) -> None:
    served.save(HELLO)
    served.run("demo/hello")
    visitor.open("/dashboard")
    visitor.page.get_by_role("img", name="Executions by hour").focus()
    visitor.page.keyboard.press("ArrowLeft")
    expect(visitor.page.locator(".chart-tip")).to_contain_text("succeeded")
