"""Clients of a service, all at once: `python -m tests.bench.clients URL CLIENTS REQUESTS` prints what each request took, as JSON.

A process of its own, so that what a client costs is not taken for what the service costs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle, islice

import httpx

LOOKS = (
    "/executions/search?size=50",
    "/executions/search?namespace=bench&state=SUCCESS",
    "/flows/search",
    "/triggers/search",
    "/logs/search?q=task",
)
STARTS = 10
"""Every tenth request starts an execution."""


async def main(url: str, clients: int, requests: int) -> list[float]:
    """Milliseconds of every request. Raises where one fails."""
    done = await asyncio.gather(*(_client(url, requests // clients) for _ in range(clients)))
    return [took for times in done for took in times]


async def _client(url: str, requests: int) -> list[float]:
    times = []
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client:
        for number, path in enumerate(islice(cycle(LOOKS), requests)):
            start = time.perf_counter()
            if number % STARTS == 0:
                answer = await client.post("/executions/bench/sequence")
            else:
                answer = await client.get(path)
            times.append((time.perf_counter() - start) * 1000)
            answer.raise_for_status()
    return times


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
