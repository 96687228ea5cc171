"""The service: how soon it is healthy, what it costs while it idles, how long what is asked of it takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench.engine import SEQUENCE
from tests.bench.measure import Figure, median, taxi
from tests.support.data import ROOT

STARTS = 3
IDLE_SECONDS = 20.0
TRIGGERS = 100
SLOTS = 15
SECONDS = 60.0
CLIENTS, REQUESTS = 50, 2_000

MONTHLY = """\
id: monthly
namespace: bench
tasks: [{id: t, type: return, format: x}]
triggers: [{id: months, type: schedule, cron: "0 9 1 * *"}]
"""
TICKING = """\
id: ticking
namespace: bench
tasks: [{{id: t, type: return, format: x}}]
triggers: [{{id: seconds, type: scheduleOnDates, dates: {dates}}}]
"""


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as folder:
        home = Path(folder)
        (home / "flows").mkdir()
        (home / "flows" / "sequence.yaml").write_text(SEQUENCE)
        (home / "flows" / "monthly.yaml").write_text(MONTHLY)
        yield healthy(home)
        with up(home) as (process, client, _):
            yield from idle(process)
            yield trigger(client)
            yield backfill(client)
            yield slots(client)
            yield crowd(client)


@contextmanager
def up(home: Path, *more: str) -> Iterator[tuple[psutil.Process, httpx.Client, float]]:
    """`taxi up` while the block lasts, and the seconds until it was healthy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "TAXI_HOME": str(home / "home"), "TAXI_PORT": str(port)}
    start = time.perf_counter()
    process = subprocess.Popen(
        taxi("up", *more), cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
        while not _is_healthy(client):
            assert process.poll() is None and time.perf_counter() - start < SECONDS
            time.sleep(0.01)
        took = time.perf_counter() - start
        try:
            yield psutil.Process(process.pid), client, took
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def healthy(home: Path) -> Figure:
    """From the command to the first answer, the first start left out: it makes the database and the bytecode."""
    times = []
    for _ in range(STARTS + 1):
        with up(home) as (_, _, took):
            times.append(took)
    found = median(times[1:])
    return Figure(
        "`taxi up`: healthy", "≤ 2.0 s, target 1.0 s", f"{found:.2f} s", f"median of {STARTS}, two flows kept"
    )


def idle(process: psutil.Process) -> Iterator[Figure]:
    """Memory and CPU of all its processes while nothing is asked of it."""
    time.sleep(2)
    family = [process, *process.children(recursive=True)]
    before = _cpu_seconds(family)
    time.sleep(IDLE_SECONDS)
    share = (_cpu_seconds(family) - before) / IDLE_SECONDS
    memory = sum(one.memory_full_info().pss for one in family) / 1e6
    count = f"{len(family)} process{'es' if len(family) > 1 else ''}"
    yield Figure("`taxi up`: idle memory", "≤ 200 MB, target 150 MB", f"{memory:.0f} MB", f"PSS of {count}")
    yield Figure(
        "`taxi up`: idle CPU", "≤ 1 %", f"{share:.2%}", f"of one core, over {IDLE_SECONDS:.0f} s, 2 triggers waiting"
    )


def trigger(client: httpx.Client) -> Figure:
    """From the request to its answer, one after the other on one connection."""
    times = []
    for _ in range(TRIGGERS):
        start = time.perf_counter()
        answer = client.post("/api/v1/executions/bench/sequence", params={"wait": "true"}).json()
        times.append((time.perf_counter() - start) * 1000)
        assert answer["state"]["current"] == "SUCCESS", answer
    last = sorted(times)[int(TRIGGERS * 0.99) - 1]
    detail = f"`?wait=true`, {TRIGGERS} one after the other, p99 {last:.0f} ms"
    return Figure("API trigger → SUCCESS, 10 tasks", "p50 ≤ 100 ms", f"{median(times):.0f} ms", detail)


def backfill(client: httpx.Client) -> Figure:
    """From the request until it is done."""
    order = {"trigger": "bench.monthly.months", "start": "2021-01", "end": "2021-12", "parallel": 4}
    start = time.perf_counter()
    it = _json(client, "POST", "/backfills", json=order)
    while it["state"] != "DONE":
        assert time.perf_counter() - start < SECONDS
        time.sleep(0.02)
        it = _json(client, "GET", f"/backfills/{it['id']}")
    took = time.perf_counter() - start
    assert it["counts"] == {"SUCCESS": 12}, it
    return Figure("backfill of 12 months, no-op flows", "≤ 2 s", f"{took:.2f} s", "4 at a time, asked for by API")


def slots(client: httpx.Client) -> Figure:
    """From a slot's time to the start of its first task."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    dates = [(first + timedelta(seconds=number)).isoformat() for number in range(SLOTS)]
    _json(client, "POST", "/flows", content=TICKING.format(dates=dates))
    time.sleep(SLOTS + 4)
    wanted = {"flowId": "ticking", "size": SLOTS, "state": "SUCCESS"}
    late = []
    for one in _json(client, "GET", "/executions/search", params=wanted)["results"]:
        run = _json(client, "GET", f"/executions/{one['id']}")["taskRunList"][0]
        began = datetime.fromisoformat(run["attempts"][0]["state"]["startDate"])
        late.append((began - datetime.fromisoformat(one["trigger"]["variables"]["date"])).total_seconds() * 1000)
    found, most = f"p50 {median(late):.0f} ms, max {max(late):.0f} ms", len(late)
    return Figure("slot → first task", "p50 ≤ 100 ms, max ≤ 1 s", found, f"{most} slots, one a second")


def crowd(client: httpx.Client) -> Figure:
    """Many clients at once, who look around and start executions; any error ends it."""
    command = [sys.executable, "-m", "tests.bench.clients", str(client.base_url), str(CLIENTS), str(REQUESTS)]
    start = time.perf_counter()
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    took = time.perf_counter() - start
    times = sorted(json.loads(output))
    p50, p99 = median(times), times[int(len(times) * 0.99) - 1]
    while _json(client, "GET", "/executions/search", params={"state": ["CREATED", "QUEUED", "RUNNING"]})["total"]:
        assert time.perf_counter() - start < SECONDS
        time.sleep(0.02)
    ended = time.perf_counter() - start
    failed = _json(client, "GET", "/executions/search", params={"state": ["FAILED", "KILLED"]})["total"]
    assert (len(times), failed) == (REQUESTS, 0)
    detail = f"every tenth starts an execution of 10 tasks; all answered in {took:.1f} s, all executions ended in {ended:.1f} s"
    return Figure(
        f"{REQUESTS:,} requests of {CLIENTS} clients", "no error", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", detail
    )


def _json(client: httpx.Client, method: str, path: str, **more: Any) -> Any:
    answer = client.request(method, f"/api/v1{path}", **more)
    assert answer.status_code < 300, answer.text
    return answer.json()


def _is_healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def _cpu_seconds(family: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in family))
