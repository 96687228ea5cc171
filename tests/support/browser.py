"""A real browser, Debian's Chromium, driven by Playwright; and a visitor who notes everything it complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, sync_playwright

LAPTOP = (1440, 900)
PHONE = (390, 844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser while the block lasts. Skips where there is none, but not in CI."""
    path = shutil.which("chromium")
    if path is None:
        reason = "there is no chromium (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Visitor:
    """One window. `complaints` are errors of scripts, refused resources, and failed requests."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Response:
        """A page of the service."""
        response = self.page.goto(self.url + path, wait_until="load")
        assert response is not None
        return response

    def faults(self) -> list[str]:
        """What axe-core finds of serious and critical accessibility faults on this page, a line for each."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['impact']} {one['id']}: {', '.join(str(node['target']) for node in one['nodes'][:3])}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@contextmanager
def visiting(
    browser: Browser, url: str, *, size: tuple[int, int] = LAPTOP, dark: bool = False, **more: Any
) -> Iterator[Visitor]:
    """A visitor of that service, in a window of that size; nothing of other visitors is known there."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", **more
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    visitor = Visitor(page, url)
    page.on("console", lambda said: visitor.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    try:
        yield visitor
    finally:
        context.close()


def log_in(visitor: Visitor, user: str, password: str, path: str) -> None:
    """By the page that asks for it, and on to that path. Without a user the password is a token."""
    visitor.open(f"/login?to={path}")
    visitor.page.get_by_label("User").fill(user)
    visitor.page.get_by_label("Password").fill(password)
    visitor.page.get_by_role("button", name="Log in").click()
    visitor.page.wait_for_url(f"{visitor.url}{path}")
