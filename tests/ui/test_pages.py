"""Every page opens in light and dark, on a laptop and a phone: nothing is wrong, nothing scrolls sideways, everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import LAPTOP, PHONE, Visitor, visiting
from tests.support.scene import Scene, scene


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene")) as found:
        yield found


def wrong_with(visitor: Visitor, path: str, *, thorough: bool) -> list[str]:
    """What is to be said of a page; only thorough ones ask axe-core, which takes most of the time."""
    status = visitor.open(path).status
    too_wide = visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = [f"status {status}"] if status != 200 else []
    found += [f"{too_wide} px too wide"] if too_wide > 0 else []
    found += visitor.complaints + (visitor.faults() if thorough else [])
    visitor.complaints.clear()
    return [f"{path}: {what}" for what in found]


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_opens_without_a_complaint(browser: Browser, seen: Scene, size: tuple[int, int], dark: bool) -> None:
    """Every other page is looked at thoroughly in the light on a laptop, the others in the dark on a phone."""
    is_thorough = dark is (size == PHONE)
    with visiting(browser, seen.url, size=size, dark=dark) as visitor:
        wrong = [
            line
            for number, path in enumerate(seen.pages())
            for line in wrong_with(visitor, path, thorough=is_thorough and number % 2 == dark)
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_every_page(browser: Browser, seen: Scene, size: tuple[int, int], dark: bool) -> None:
    with visiting(browser, seen.url, size=size, dark=dark) as visitor:
        wrong = [line for path in seen.pages() for line in wrong_with(visitor, path, thorough=True)]
    assert not wrong, "\n".join(wrong)
