"""What all tests of pages have: a browser.

One for a module: while Playwright is at work, its event loop runs in the tests' thread, and no other can.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import chromium

expect.set_options(timeout=20_000)  # machines that run other tests at the same time are slow at times


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
