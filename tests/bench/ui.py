"""The pages: what they take of the server with a full store, how large the first one is, how soon it is usable, how soon it turns."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page

from taxi_pipelines.domain.month import Month
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.settings import Settings
from taxi_pipelines.store.open import open_database
from taxi_pipelines.synthetic.files import write_month
from tests.bench.measure import Figure, median
from tests.bench.service import up
from tests.bench.store import EXECUTIONS, LINES, Store
from tests.support.browser import chromium

FLOWS = 200
ROUNDS = 20
FLOW = """\
id: flow{0}
namespace: company.team{1}
tasks: [{{id: extract, type: return, format: x}}]
triggers: [{{id: monthly, type: schedule, cron: "0 9 1 * *"}}]
"""
SLOW = """\
id: slow
namespace: bench
tasks: [{id: wait, type: sleep, duration: PT1S}]
"""
SINCE_OPEN = "performance.getEntriesByType('navigation')[0]"


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as folder, chromium() as browser:
        yield from _of_full_store(Path(folder) / "full", browser)
        yield _live(Path(folder) / "live", browser)


def _of_full_store(place: Path, browser: Browser) -> Iterator[Figure]:
    ids = _fill(place)
    with up(place, "--role", "api") as (_, client, _):
        times = {path: _times(client, path) for path in _pages(ids)}
        everything = sorted(took for some in times.values() for took in some)
        p50, p95 = median(everything), everything[int(len(everything) * 0.95)]
        slowest = sorted(times, key=lambda path: -median(times[path]))
        detail = ", ".join(f"{path} {median(times[path]):.0f}" for path in slowest[:12])
        what = f"a page, with {EXECUTIONS:,} executions, {LINES:,} log lines and {FLOWS} flows in the store (SQLite)"
        yield Figure(f"{what}: p50", "≤ 50 ms", f"{p50:.0f} ms", f"medians in ms: {detail}")
        worst = max(max(some) for some in times.values())
        yield Figure(
            f"{what}: p95", "≤ 150 ms", f"{p95:.0f} ms", f"the slowest of {len(everything)} took {worst:.0f} ms"
        )
        yield _weight(client)
        yield _usable(browser, str(client.base_url))


def _pages(ids: list[str]) -> list[str]:
    flow, execution = "/flows/company.team3/flow3", f"/executions/{ids[0]}"
    return [
        *("/", "/dashboard", "/dashboard?range=30d", "/flows", "/flows?q=flow13", flow, f"{flow}/topology"),
        *(f"{flow}/executions", f"{flow}/revisions", f"{flow}/triggers", f"{flow}/logs", f"{flow}/metrics"),
        *(f"{flow}/edit", f"{flow}/execute", "/executions", "/executions?state=FAILED", "/executions?page=100"),
        *("/executions?namespace=company.team3&flowId=flow3", "/executions?labels=taxi:green", execution),
        *(f"{execution}/logs", f"{execution}/topology", f"{execution}/outputs", f"{execution}/metrics"),
        *(f"{execution}/overview", f"{flow}/logs?level=ERROR", "/logs", "/logs?q=green", "/logs?q=needle"),
        *("/logs?level=ERROR", "/logs?flowId=flow3", "/logs?flowId=flow3&level=ERROR", "/logs?before=500000"),
        *("/triggers", "/triggers?q=flow13", "/backfills", "/namespaces", "/namespaces/company.team3"),
        *("/data", "/flows/new", "/system"),
    ]


def _fill(place: Path) -> list[str]:
    home = place / "home"
    home.mkdir(parents=True)
    (place / "flows").mkdir()
    store = Store(place, begin=datetime.now(UTC) - timedelta(seconds=EXECUTIONS))
    with closing(open_database(None, home)) as database:
        store.fill_executions(database)
        ids = store.fill_lines(database)
    with Orchestrator(settings=Settings(home=home)) as orchestrator:
        for number in range(FLOWS):
            orchestrator.control.save_flow(FLOW.format(number, number % 20))
    return ids


def _times(client: httpx.Client, path: str) -> list[float]:
    """Milliseconds, after one uncounted round."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        response = client.get(path)
        times.append((time.perf_counter() - start) * 1000)
        assert response.status_code == 200, (path, response.status_code)
    return times[1:]


def _weight(client: httpx.Client) -> Figure:
    """The first page with all it loads, as it goes over the wire."""
    with client.stream("GET", "/") as response:
        html = response.read().decode()
        own = response.num_bytes_downloaded
    total = own
    for url in sorted(set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html))):
        with client.stream("GET", url) as response:
            response.read()
            total += response.num_bytes_downloaded
    return Figure(
        "the first page with its scripts and styles, over the wire",
        "≤ 150 KB",
        f"{total / 1000:.0f} KB",
        f"{own / 1000:.1f} KB of it are the page",
    )


def _usable(browser: Browser, url: str) -> Figure:
    times = []
    for _ in range(5):
        page = browser.new_page()
        page.goto(url, wait_until="load")
        times.append(float(page.evaluate(f"{SINCE_OPEN}.domContentLoadedEventEnd - {SINCE_OPEN}.responseStart")))
        page.close()
    return Figure(
        "the first page is usable after its first byte",
        "≤ 500 ms",
        f"{median(times):.0f} ms",
        "all scripts have run, nothing is cached",
    )


def _live(place: Path, browser: Browser) -> Figure:
    """From what the store says was the end of an execution to the page that shows it."""
    (place / "flows").mkdir(parents=True)
    (place / "flows" / "slow.yaml").write_text(SLOW)
    write_month(place / "trips", "green", Month(2024, 1), 100)
    late = []
    with up(place) as (_, client, _):
        for _ in range(5):
            execution = client.post("/api/v1/executions/bench/slow").json()["id"]
            page = browser.new_page()
            page.goto(str(client.base_url.join(f"/executions/{execution}")))
            shown = _shown_at(page)
            state = client.get(f"/api/v1/executions/{execution}").json()["state"]
            late.append(shown - datetime.fromisoformat(state["endDate"]).timestamp() * 1000)
            page.close()
    return Figure(
        "a page shows an execution's end",
        "≤ 500 ms",
        f"{median(late):.0f} ms",
        f"after it; at most {max(late):.0f} ms of {len(late)}",
    )


def _shown_at(page: Page) -> float:
    """Milliseconds since 1970."""
    page.wait_for_selector("#exec-state .tone-good", timeout=20_000)
    return float(page.evaluate("Date.now()"))
