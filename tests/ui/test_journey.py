"""The way of a failure: found in the list, read in its log, mended in the editor, restarted to its success; on pages alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import visiting
from tests.support.service import Served, serving

BROKEN = """\
id: fares
namespace: company.team
tasks:
  - {id: fetch, type: return, format: "3 fares"}
  - {id: compare, type: return, format: "{{ outputs.fetch.valeu }}"}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("journey")) as found:
        found.save(BROKEN)
        found.run("company.team/fares")
        yield found


def test_a_failure_is_found_read_mended_and_restarted(browser: Browser, served: Served) -> None:
    with visiting(browser, str(served.client.base_url).rstrip("/")) as visitor:
        page = visitor.page
        visitor.open("/executions?state=FAILED")
        page.get_by_role("main").get_by_role("link", name="fares").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("fares")
        expect(page.get_by_role("main")).to_contain_text("compare failed:")
        execution = page.url
        page.get_by_role("link", name="Log at the error").click()
        expect(page.locator(".execution-log, main").first).to_contain_text("valeu")
        page.get_by_role("link", name="Edit the flow").click()
        page.locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(BROKEN.replace("valeu", "value"))
        expect(page.locator("#editor-count")).to_have_text("No problems")
        page.keyboard.press("Control+s")
        expect(page.locator("#editor-revision")).to_have_text("2")
        page.goto(execution)
        page.get_by_role("button", name="Restart from compare with revision 2").click()
        expect(page.get_by_role("link", name="revision 2")).to_be_visible()
        expect(page.get_by_text("compare failed:")).to_have_count(0)
        served.until(lambda: served.state(execution.split("/executions/")[1]) == "SUCCESS")
        assert served.json("GET", f"/executions/{execution.split('/executions/')[1]}")["flowRevision"] == 2
        assert visitor.complaints == []
