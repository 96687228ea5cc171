"""What goes wrong on the way to the fake and back, and the log of what was asked: one ASGI middleware round the app.

fake.faults.on("PUT", "/upload/", Refuse(503), Refuse(503))     # the next two matching requests; all later ones are well
fake.faults.on("PUT", "/upload/", CutRequest(after=300_000))    # only so much of the body arrives; then the line is dead
fake.faults.on("GET", "alt=media", CutAnswer(after=1_000))      # only so much of the answer's body arrives
fake.faults.on("POST", "/jobs", LoseAnswer())                   # performed, but nobody hears of it
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support.google.errors import error_body

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(kw_only=True)
class Call:
    """One request. `note` is for the handler: a job's type, for example. `status` None: no answer was sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    note: str = ""
    status: int | None = None

    @property
    def target(self) -> str:
        """Path and query, decoded."""
        return unquote(f"{self.path}?{self.query}" if self.query else self.path)


@dataclass(frozen=True)
class Refuse:
    """This status, in the shape of Google's errors, instead of doing anything."""

    code: int
    reason: str = "backendError"
    message: str = "refused by the test"


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """Only so many bytes of the request's body arrive; the connection then breaks."""

    after: int


@dataclass(frozen=True, kw_only=True)
class CutAnswer:
    """Only so many bytes of the answer's body are sent; the connection then breaks."""

    after: int


@dataclass(frozen=True)
class LoseAnswer:
    """The request is performed, and the connection breaks before any answer."""


@dataclass(frozen=True)
class Hold:
    """The request waits, before anything is done. `reached` is set when it is there; setting `go_on` lets it be performed.

    Where the caller dies first it never is, and `forgotten` is set."""

    reached: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)
    forgotten: Event = field(default_factory=Event)


Fault = Refuse | CutRequest | CutAnswer | LoseAnswer | Hold


@dataclass
class Faults:
    """Faults to come, in the order in which they were asked for."""

    _queue: list[tuple[str, str, Fault]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def on(self, method: str, part: str, *faults: Fault) -> None:
        """The next requests of the method whose decoded path and query contain `part` get these, one each."""
        with self._lock:
            self._queue.extend((method, part, fault) for fault in faults)

    def take(self, call: Call) -> Fault | None:
        """The fault for a request, if there is one; it is used up by this."""
        with self._lock:
            for entry in self._queue:
                method, part, fault = entry
                if method == call.method and part in call.target:
                    self._queue.remove(entry)
                    return fault
        return None

    @property
    def left(self) -> int:
        """How many have not happened yet."""
        return len(self._queue)

    def clear(self) -> None:
        """None are to come any more."""
        self._queue.clear()


_OPEN: dict[tuple[str, int] | None, Any] = {}


class Protocol(H11Protocol):
    """HTTP as uvicorn speaks it; keeps the connections where a fault can break them."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _OPEN[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _OPEN.pop(self.client, None)
        super().connection_lost(exc)


@dataclass(frozen=True)
class Gate:
    """The middleware: notes every call as `scope["call"]` and in the log, and lets a fault happen if one is due."""

    app: App
    calls: list[Call]
    faults: Faults

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        call = Call(
            method=scope["method"],
            path=scope["raw_path"].decode("ascii"),
            query=scope["query_string"].decode("ascii"),
            headers={name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]},
        )
        scope["call"] = call
        self.calls.append(call)
        match self.faults.take(call):
            case None:
                await self.app(scope, receive, _noting(send, call))
            case Refuse() as fault:
                await _refuse(fault, receive, _noting(send, call))
            case Hold() as hold:
                if await _held(hold, scope):
                    await self.app(scope, receive, _noting(send, call))
            case LoseAnswer():
                await self.app(scope, receive, _nowhere)
                await _break(scope, receive)
            case CutRequest(after=after):
                await self.app(scope, _shortened(receive, after), _nowhere)
                await _break(scope, receive)
            case CutAnswer(after=after):
                await self.app(scope, receive, _cut(_noting(send, call), after))
                await _break(scope, receive)


async def _refuse(fault: Refuse, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    body = json.dumps(error_body(fault.code, fault.reason, fault.message)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": fault.code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _held(hold: Hold, scope: Message) -> bool:
    """Whether the caller is still there at the end of the wait."""
    hold.reached.set()
    while not hold.go_on.is_set():
        if tuple(scope["client"]) not in _OPEN:
            hold.forgotten.set()
            return False
        await asyncio.sleep(0.005)
    return True


async def _break(scope: Message, receive: Receive) -> None:
    if transport := _OPEN.get(tuple(scope["client"])):
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(message: Message) -> None:
    """Sends nothing."""


def _noting(send: Send, call: Call) -> Send:
    async def noted(message: Message) -> None:
        call.status = message.get("status", call.status)
        await send(message)

    return noted


def _shortened(receive: Receive, after: int) -> Receive:
    left = after

    async def shortened() -> Message:
        nonlocal left
        message = await receive() if left else {"type": "http.request", "body": b"", "more_body": False}
        if message["type"] == "http.request":
            body = message.get("body", b"")[:left]
            left -= len(body)
            message = {"type": "http.request", "body": body, "more_body": bool(left) and message.get("more_body")}
        return message

    return shortened


def _cut(send: Send, after: int) -> Send:
    left = after

    async def cut(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.body":
            body = message.get("body", b"")[:left]
            left -= len(body)
            message = {"type": "http.response.body", "body": body, "more_body": True}
        await send(message)

    return cut
