"""What every request must pass before anything of it is read: where it comes from, its size, its login."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taxi_pipelines.api.errors import Forbidden, TooLarge
from taxi_pipelines.api.login import Login
from taxi_pipelines.errors import PipelineError, UsageError

ROLE = "taxi.role"
"""Where a request's role stands in its scope; none on public paths."""

LARGEST_BODY = 10 << 20
LARGEST_UPLOAD = 1 << 30
"""Bytes of a body, and of one that may hold files for an execution."""

WEBHOOKS = "/api/v1/executions/webhook/"
PUBLIC = ("/health", "/ready", WEBHOOKS, "/login", "/static/")
"""Paths without a login: what a load balancer asks, webhooks, whose key is in the path, and what it takes to log in."""

Refusal = Callable[[Scope, PipelineError], ASGIApp]
"""How a request is answered that does not pass."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """An ASGI application around another one. `host` is what the service listens on."""

    def __init__(self, app: ASGIApp, *, login: Login, host: str, refusal: Refusal) -> None:
        self._app = app
        self._login = login
        self._host = host
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            if scope["type"] != "http":
                raise Forbidden("there are no web sockets here", "use the event streams")
            largest = await self._admit(scope)
        except PipelineError as error:
            await self._refusal(scope, error)(scope, receive, send)
            return
        await self._app(scope, _at_most(largest, receive), send)

    async def _admit(self, scope: Scope) -> int:
        """The bytes its body may have. Raises what stands against it."""
        headers, path = Headers(scope=scope), scope["path"]
        if not self._login.is_asked_for:
            self._check_host(headers.get("host", ""))
        if "\0" in path or b"%00" in scope["query_string"]:
            raise UsageError("there is a zero byte in the address", "no name has one")
        if not path.startswith(WEBHOOKS):
            _check_origin(scope["method"], headers)
        if not path.startswith(PUBLIC):
            address = scope["client"][0] if scope.get("client") else ""
            given = headers.get("authorization") or self._login.of_cookies(headers.get("cookie", ""))
            scope[ROLE] = await self._login.role_of(given, address)
        may_have_files = path.startswith("/api/v1/executions/") and ROLE in scope
        largest = LARGEST_UPLOAD if may_have_files else LARGEST_BODY
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > largest:
            raise TooLarge(f"a body of {length} bytes is too large", f"at most {largest:,} bytes are taken")
        return largest

    def _check_host(self, host: str) -> None:
        """Where no login is asked for, a page elsewhere must not get here by a name of its own (DNS rebinding)."""
        name = urlsplit(f"//{host}").hostname or ""
        if name not in ("localhost", self._host) and not _is_loopback(name):
            hint = "ask for localhost, or set TAXI_AUTH so that a login is asked for"
            raise Forbidden(f"{name or 'no host'} is not a name of this machine's own", hint)


def is_own(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_origin(method: str, headers: Headers) -> None:
    """A browser says which site made it ask; another one may link to us, and nothing else: reading the warehouse takes long as
    well. Other clients say nothing."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if method in _SAFE_METHODS:
        is_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest", "document")) == ("navigate", "document")
        is_ours = is_link or site in (None, "same-origin", "none")
    elif site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        is_ours = origin is None or urlsplit(origin).netloc == headers.get("host")
    if not is_ours:
        raise Forbidden("another site made this browser ask", "ask from a page of the service itself")


def _at_most(largest: int, receive: Receive) -> Receive:
    """The body, as long as it is no larger than that; its length may not have been said."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise HTTPException(413, f"at most {largest:,} bytes are taken")
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
