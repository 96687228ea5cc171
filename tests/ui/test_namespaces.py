"""Namespaces: values by the API with its messages in place, secrets that are never in any page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import visiting
from tests.support.service import Served, serving

FLOW = "id: one\nnamespace: ui.names.team\ntasks: [{id: out, type: log, message: hello}]\n"
PAGE = "/namespaces/ui.names.team"
SECRET = "s3cret-never-shown"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("names")) as found:
        found.save(FLOW)
        found.json("PUT", "/namespaces/ui.names/kv/shared", json={"rows": 10}, status=204)
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def test_values_are_added_refused_changed_inherited_and_deleted(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        page = visitor.page
        visitor.open("/namespaces")
        page.get_by_role("link", name="ui.names.team", exact=True).click()
        expect(page.get_by_role("link", name="1 flow")).to_be_visible()
        expect(page.locator("tr", has_text="shared")).to_contain_text("of ui.names")
        page.get_by_role("button", name="Add a value").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Key").fill("since")
        dialog.get_by_label("Type").select_option("DATE")
        dialog.get_by_label("Value").fill("2024-02-30")
        dialog.get_by_label("Expires after").fill("P1D")
        assert visitor.faults() == []
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("'since' cannot be kept as DATE")
        assert "422" in visitor.complaints.pop()
        dialog.get_by_label("Value").fill("2024-02-29")
        dialog.get_by_role("button", name="Save").click()
        row = page.locator("tr", has_text="since")
        expect(row).to_contain_text("2024-02-29")
        expect(row).to_contain_text("in 23 h")
        page.get_by_role("button", name="Edit since").click()
        expect(dialog.get_by_label("Value")).to_have_value("2024-02-29")
        dialog.get_by_label("Type").select_option("STRING")
        dialog.get_by_label("Value").fill("<b>long</b> ago")
        dialog.get_by_role("button", name="Save").click()
        expect(row).to_contain_text("<b>long</b> ago")
        expect(row).to_contain_text("never")
        page.get_by_role("button", name="Override shared").click()
        expect(dialog.get_by_label("Value")).to_have_value('{\n  "rows": 10\n}')
        dialog.get_by_label("Value").fill('{"rows": 20}')
        dialog.get_by_role("button", name="Save").click()
        expect(page.locator("tr", has_text="shared")).to_contain_text('{"rows":20}')
        for key in ("since", "shared"):
            page.get_by_role("button", name=f"Delete {key}").click()
            page.get_by_role("button", name="Yes").click()
            expect(page.get_by_role("button", name=f"Delete {key}")).to_have_count(0)
        expect(page.locator("tr", has_text="shared")).to_contain_text('{"rows":10}')
        assert served.json("GET", f"{PAGE}/kv") == []
        assert visitor.complaints == [] and visitor.faults() == []


def test_a_secret_is_set_replaced_deleted_and_never_in_a_page(browser: Browser, served: Served, url: str) -> None:
    secrets = served.service.orchestrator.parts.secrets
    seen: list[str] = []
    with visiting(browser, url) as visitor:
        page = visitor.page
        page.on("response", lambda answer: seen.append(answer.text() if answer.status == 200 else ""))
        visitor.open(PAGE)
        page.get_by_role("button", name="Add a secret").click()
        dialog = page.get_by_role("dialog")
        value = dialog.get_by_label("Value")
        expect(value).to_have_attribute("autocomplete", "off")
        dialog.get_by_label("Name").fill("TOKEN")
        value.fill(SECRET)
        dialog.get_by_role("button", name="Save").click()
        expect(page.locator("tr", has_text="TOKEN")).to_contain_text("this namespace")
        assert secrets.get("ui.names.team", "TOKEN") == SECRET
        page.get_by_role("button", name="Replace TOKEN").click()
        expect(value).to_have_value("")
        value.fill(f"{SECRET}\nof two lines")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        assert secrets.get("ui.names.team", "TOKEN") == f"{SECRET}\nof two lines"
        for path in (PAGE, "/namespaces", "/system"):
            visitor.open(path)
            assert SECRET not in page.content()
        visitor.open(PAGE)
        page.get_by_role("button", name="Delete TOKEN").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.locator("tr", has_text="TOKEN")).to_have_count(0)
        assert secrets.get("ui.names.team", "TOKEN") is None
        assert visitor.complaints == []
    assert not any(SECRET in text for text in seen)


def test_any_name_is_a_namespace(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/namespaces")
        visitor.page.get_by_label("Another one").fill("system")
        visitor.page.get_by_role("button", name="Open").click()
        expect(visitor.page.get_by_role("heading", name="system", exact=True)).to_be_visible()
        expect(visitor.page.get_by_text("No secrets.")).to_be_visible()
        assert visitor.complaints == []
