"""Every page opens in light and dark, on a laptop and a phone: nothing is wrong, nothing scrolls sideways, everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import LAPTOP, PHONE, visiting
from tests.support.scene import Scene, scene


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene")) as found:
        yield found


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_opens_without_a_complaint(browser: Browser, seen: Scene, size: tuple[int, int], dark: bool) -> None:
    """axe-core looks at each page twice: light on a laptop, and dark on a phone."""
    wrong = []
    with visiting(browser, seen.url, size=size, dark=dark) as visitor:
        for path in seen.pages():
            status = visitor.open(path).status
            too_wide = visitor.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            found = [f"status {status}"] if status != 200 else []
            found += [f"{too_wide} px too wide"] if too_wide > 0 else []
            found += visitor.complaints + (visitor.faults() if dark is (size == PHONE) else [])
            wrong += [f"{path}: {what}" for what in found]
            visitor.complaints.clear()
    assert not wrong, "\n".join(wrong)
