"""Pages that stay true: a stream of the parts of a page that have changed, as HTML, by server-sent events.

What a part shows is looked up and rendered anew whenever an engine here has stored something, or every so often, because another
process may have; it is sent only where it differs from what was sent before. static/app.js puts it into the page.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from taxi_pipelines.api.follow import event_stream
from taxi_pipelines.news import ANY, News

SHORTEST_GAP = 0.1
"""Seconds between two looks, at least; and at least four times what a look took, so that a busy page costs a fifth of a core."""

Look = Callable[[], Mapping[str, str]]
"""The parts of a page now: HTML by the id of the element that holds it."""


def live(news: News, look: Look, *, of: str = ANY, every: float = 1.0) -> StreamingResponse:
    """Follows an execution, or whatever happens; looks every so many seconds anyway."""

    async def events() -> AsyncIterator[str | None]:
        sent: dict[str, str] = {}
        with news.listening(of) as listener:
            while not news.is_over:
                began = time.monotonic()
                parts = await run_in_threadpool(look)
                took = time.monotonic() - began
                changed = {name: html for name, html in parts.items() if sent.get(name) != html}
                sent |= changed
                for name, html in changed.items():
                    yield f"event: part\ndata: {json.dumps({'id': name, 'html': html})}\n\n"
                if not changed:
                    yield None
                await asyncio.sleep(max(SHORTEST_GAP, 4 * took))
                await listener.wait(every)

    return event_stream(events())
