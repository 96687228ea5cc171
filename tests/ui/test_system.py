"""The page of the system: calm while all is well, no secret of the settings, tokens shown once, the doctor on demand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from tests.support.browser import log_in, visiting
from tests.support.service import Served, serving

LOGIN = ("admin@example.org", "long-enough")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trip-data")
    write_month(folder, "yellow", Month(2024, 1), 10)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("system")
    with serving(
        home, login=LOGIN, source=str(source), postgres_url="postgresql://me:hidden-word@127.0.0.1/db"
    ) as found:
        yield found


def test_it_says_that_all_is_well_and_what_is_not(browser: Browser, served: Served) -> None:
    url = str(served.client.base_url).rstrip("/")
    with visiting(browser, url) as visitor:
        page = visitor.page
        log_in(visitor, *LOGIN, "/system")
        expect(page.get_by_text("All is well: 1 engine at work")).to_be_visible()
        expect(page.get_by_text("PostgreSQL", exact=False)).to_have_count(0)
        content = page.content()
        assert "hidden-word" not in content and LOGIN[1] not in content
        parts = served.service.orchestrator.parts
        parts.engines.register("gone", "elsewhere:/home", 4711, parts.clock() - timedelta(minutes=1))
        expect(page.get_by_text("Silent: elsewhere, process 4711.")).to_be_visible()
        parts.engines.leave("gone")
        expect(page.get_by_text("All is well")).to_be_visible()
        page.get_by_role("button", name="Examine now").click()
        expect(page.locator("#system-findings")).to_contain_text("GiB free")
        expect(page.locator("#system-findings")).to_contain_text("python")
        assert visitor.complaints == [] and visitor.faults() == []


def test_a_token_is_shown_once_and_revoked(browser: Browser, served: Served) -> None:
    url = str(served.client.base_url).rstrip("/")
    with visiting(browser, url) as visitor:
        page = visitor.page
        log_in(visitor, *LOGIN, "/system")
        page.get_by_role("button", name="Make a token").click()
        page.get_by_label("Role").select_option("operator")
        page.get_by_role("button", name="Make it").click()
        text = page.locator("[data-token-text]")
        expect(text).to_contain_text("taxi_")
        token = text.inner_text()
        id = token.split("_")[1]
        assert visitor.faults() == []
        page.get_by_role("button", name="Done").click()
        expect(text).to_be_empty()
        assert token not in page.content()
        expect(page.locator("tr", has_text=id)).to_contain_text("operator")
        page.get_by_role("button", name=f"Revoke {id}").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.locator("tr", has_text=id)).to_have_count(0)
        assert served.service.tokens.find(id) is None
        assert visitor.complaints == []
