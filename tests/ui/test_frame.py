"""What all pages have in common: the frame, colours, the login, errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import visiting
from tests.support.service import Served, serving

LOGIN = ("admin@example.org", "long-enough")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("frame"), login=LOGIN) as found:
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def test_whoever_opens_a_page_logs_in_and_comes_back_to_it(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/?taxi=green")
        expect(visitor.page).to_have_title("Log in · taxi")
        assert visitor.faults() == []
        visitor.page.get_by_label("User").fill(LOGIN[0])
        visitor.page.get_by_label("Password").fill("wrong")
        visitor.page.get_by_role("button", name="Log in").click()
        expect(visitor.page.get_by_role("alert")).to_contain_text("not known")
        visitor.page.get_by_label("Password").fill(LOGIN[1])
        visitor.page.get_by_role("button", name="Log in").click()
        expect(visitor.page).to_have_url(f"{url}/?taxi=green")
        visitor.page.get_by_role("button", name="Log out").click()
        visitor.open("/")
        expect(visitor.page).to_have_title("Log in · taxi")
