"""What all pages have in common: the frame, colours, keys, the login, errors."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.tokens import make_token
from tests.support.browser import log_in, visiting
from tests.support.service import Served, serving

LOGIN = ("admin@example.org", "long-enough")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("frame"), login=LOGIN) as found:
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("unguarded")) as found:
        yield str(found.client.base_url).rstrip("/")


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


def test_a_token_logs_in_with_its_own_role_until_it_is_revoked(browser: Browser, served: Served, url: str) -> None:
    token, text = make_token(AccessRole.VIEWER, utc_now())
    served.service.tokens.add(token)
    with visiting(browser, url) as visitor:
        visitor.open("/login")
        visitor.page.get_by_label("Password").fill(text)
        visitor.page.get_by_role("button", name="Log in").click()
        expect(visitor.page.get_by_title("You are viewer")).to_be_visible()
        served.service.tokens.remove(token.id)
        visitor.open("/")
        expect(visitor.page).to_have_title("Log in · taxi")


def test_a_page_whose_login_has_ended_asks_for_it_by_itself(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        log_in(visitor, *LOGIN, "/system")
        visitor.page.route("**/live", lambda route: route.fulfill(status=401))
        visitor.page.context.clear_cookies()
        visitor.page.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow'))")
        expect(visitor.page).to_have_url(f"{url}/login?to=%2Fsystem")


def test_a_page_is_live_again_after_a_proxy_had_no_service(browser: Browser, unguarded: str) -> None:
    with visiting(browser, unguarded) as visitor:
        visitor.page.route("**/live", lambda route: route.fulfill(status=502))
        visitor.open("/system")
        expect(visitor.page.get_by_text("not connected, trying again")).to_be_visible()
        visitor.page.unroute("**/live")
        expect(visitor.page.get_by_text("not connected, trying again")).to_be_hidden()


def test_all_of_the_menu_fits_on_a_phone_where_one_is_logged_in(browser: Browser, url: str) -> None:
    for width in (390, 360):
        with visiting(browser, url, size=(width, 800)) as visitor:
            log_in(visitor, *LOGIN, "/executions")
            menu = visitor.page.locator(".menu summary").bounding_box()
            end = visitor.page.locator(".top-end").bounding_box()
            assert menu and end
            assert menu["x"] + menu["width"] <= end["x"]
            assert end["x"] + end["width"] <= width


@pytest.mark.parametrize("to", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"])
def test_a_login_leads_to_pages_of_ours_alone(url: str, to: str) -> None:
    answered = httpx.post(f"{url}/login", data={"user": LOGIN[0], "password": LOGIN[1], "to": to})
    assert (answered.status_code, answered.headers["location"]) == (303, "/")


def test_scripts_without_a_session_are_told_so_without_a_window_of_the_browser(url: str) -> None:
    for headers, asked in (({"sec-fetch-mode": "cors"}, False), ({}, True)):
        answered = httpx.get(f"{url}/api/v1/flows/search", headers=headers)
        assert (answered.status_code, "www-authenticate" in answered.headers) == (401, asked)


def test_keys_lead_to_the_pages_and_tell_which_there_are(browser: Browser, unguarded: str) -> None:
    with visiting(browser, unguarded) as visitor:
        visitor.open("/")
        visitor.page.keyboard.press("?")
        expect(visitor.page.get_by_role("heading", name="Keyboard")).to_be_visible()
        visitor.page.keyboard.press("Escape")
        visitor.page.locator(".top .menu summary").press("Enter")
        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.press("Escape")
        expect(visitor.page.get_by_role("link", name="Dashboard")).to_be_hidden()
        visitor.page.keyboard.press("g")
        visitor.page.keyboard.press("f")
        expect(visitor.page).to_have_url(f"{unguarded}/flows")


def test_the_colours_that_were_chosen_stay(browser: Browser, unguarded: str) -> None:
    with visiting(browser, unguarded) as visitor:
        visitor.open("/")
        for chosen in ("light", "dark"):
            visitor.page.get_by_role("button", name="Colours").click()
            expect(visitor.page.locator("html")).to_have_attribute("data-theme", chosen)
        visitor.open("/flows")
        expect(visitor.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_page_that_is_not_there_says_so_and_leads_back(browser: Browser, unguarded: str) -> None:
    with visiting(browser, unguarded) as visitor:
        assert visitor.open("/nothing").status == 404
        expect(visitor.page.get_by_role("heading", name="There is no page /nothing")).to_be_visible()
        visitor.page.get_by_role("link", name="To the months").click()
        expect(visitor.page).to_have_url(f"{unguarded}/")
