"""`make screenshots`: the main pages as pictures, into docs/images, for the README and docs/ui.md. To be looked at, each of them."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from playwright.sync_api import Browser

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.month import Month, month_range
from taxi_pipelines.domain.states import State
from tests.support.browser import LAPTOP, PHONE, chromium, visiting
from tests.support.data import ROOT
from tests.support.scene import NAMESPACE, Scene, scene
from tests.support.service import Served

IMAGES = ROOT / "docs" / "images"
HOME = Path(tempfile.gettempdir()) / "taxi"
"""A name that says nothing of who took them: some pages show paths."""

LATEST = Month(2026, 8)
ALSO = (
    *(("yellow", month) for month in month_range(Month(2009, 1), LATEST)),
    *(("green", month) for month in month_range(Month(2013, 8), LATEST) if month.year != 2024 or month.month > 8),
    *(("fhv", month) for month in month_range(Month(2015, 1), LATEST)),
    *(("fhvhv", month) for month in month_range(Month(2019, 2), LATEST)),
)
TAXIS = ("yellow", "green", "fhv", "fhvhv")
HISTORY = 160
SETTLE_MS = 800
"""For charts and graphs, which are drawn after the page has come."""


def pages(found: Scene) -> dict[str, str]:
    """Pictures by name."""
    sql = (
        "select source_month, count(*) as trips, round(avg(fare_amount), 2) as fare\n"
        "from green_tripdata where source_month >= '2022-01-01'\ngroup by all order by all"
    )
    return {
        "months": "/months/green/2024-05",
        "dashboard": "/dashboard",
        "flows": "/flows",
        "flow": f"/flows/{NAMESPACE}/nested/topology",
        "editor": "/flows/nyc.taxi/taxi_month/edit",
        "execution": f"/executions/{found.executions['2024-02']}",
        "executions": "/executions",
        "backfill": "/triggers/nyc.taxi/taxi_monthly/end_of_month/backfill",
        "data": f"/data?{urlencode({'sql': sql})}",
    }


def remember(served: Served) -> None:
    """What ran within the last day, as if the service had been there then."""
    parts = served.service.orchestrator.parts
    chance, now = Random(7), parts.clock()
    for number in reversed(range(HISTORY)):
        begun = now - timedelta(hours=24) * (number + 1) / (HISTORY + 1)
        month = LATEST.plus(-number // 4)
        ended = begun + timedelta(seconds=chance.uniform(2, 40))
        parts.executions.create(
            Execution(
                id=parts.new_id(),
                namespace="nyc.taxi",
                flow_id="taxi_month",
                flow_revision=1,
                state=State.WARNING if number % 31 == 7 else State.SUCCESS,
                inputs={"taxi": TAXIS[number % 4], "month": str(month)},
                labels={"taxi": TAXIS[number % 4], "month": str(month)},
                created_at=begun,
                started_at=begun,
                ended_at=ended,
            )
        )


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
    HOME.mkdir()
    try:
        with scene(HOME, also=ALSO, before=remember, timezone="America/New_York") as found, chromium() as browser:
            for name, path in pages(found).items():
                take(browser, found, name, path, size=LAPTOP, dark=False)
            take(browser, found, "months", pages(found)["months"], size=LAPTOP, dark=True)
            take(browser, found, "months", pages(found)["months"], size=PHONE, dark=False)
    finally:
        shutil.rmtree(HOME)


if __name__ == "__main__":
    main()
