"""`make screenshots`: the main pages as pictures, into docs/images, for the README and docs/ui.md. To be looked at, each of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from taxi_pipelines.domain.month import Month, month_range
from tests.support.browser import LAPTOP, PHONE, chromium, visiting
from tests.support.data import ROOT
from tests.support.scene import NAMESPACE, Scene, scene

IMAGES = ROOT / "docs" / "images"
ALSO = (
    *(("green", month) for month in month_range(Month(2022, 1), Month(2023, 12))),
    *(("yellow", month) for month in month_range(Month(2023, 1), Month(2024, 6))),
)
SETTLE_MS = 800
"""For charts and graphs, which are drawn after the page has come."""


def pages(found: Scene) -> dict[str, str]:
    """Pictures by name."""
    failed = found.executions["prices"]
    return {
        "months": "/months/green/2024-05",
        "dashboard": "/dashboard",
        "flows": "/flows",
        "flow": f"/flows/{NAMESPACE}/nested/topology",
        "editor": f"/flows/{NAMESPACE}/nested/edit",
        "execute": f"/flows/{NAMESPACE}/nested/execute",
        "execution": f"/executions/{found.executions['nested']}",
        "failure": f"/executions/{failed}",
        "logs": f"/executions/{failed}/logs",
        "executions": "/executions",
        "triggers": "/triggers",
        "backfill": f"/backfills/{found.backfill}",
        "data": "/data?sql=select+source_month%2C+count%28*%29+as+trips+from+green_tripdata+group+by+all+order+by+all",
        "system": "/system",
    }


def take(browser: Browser, found: Scene, name: str, path: str, *, size: tuple[int, int], dark: bool) -> None:
    """One picture."""
    with visiting(browser, found.url, size=size, dark=dark) as visitor:
        visitor.open(path)
        visitor.page.wait_for_timeout(SETTLE_MS)
        look = ("-phone" if size == PHONE else "") + ("-dark" if dark else "")
        visitor.page.screenshot(path=IMAGES / f"{name}{look}.png")
        print(f"docs/images/{name}{look}.png{'  ' + '; '.join(visitor.complaints) if visitor.complaints else ''}")


def main() -> None:
    """Writes them all."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder), also=ALSO) as found, chromium() as browser:
        for name, path in pages(found).items():
            take(browser, found, name, path, size=LAPTOP, dark=False)
        for name in ("months", "execution", "editor"):
            take(browser, found, name, pages(found)[name], size=LAPTOP, dark=True)
        for name in ("months", "failure"):
            take(browser, found, name, pages(found)[name], size=PHONE, dark=False)


if __name__ == "__main__":
    main()
