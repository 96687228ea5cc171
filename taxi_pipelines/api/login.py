"""Who asks: the user of TAXI_AUTH, a token, or, where only this machine can ask and no user is set, anybody."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import time
from collections import deque
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.errors import TooManyLogins, Unauthorized
from taxi_pipelines.api.sessions import Sessions
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.tokens import KnownTokens

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
"""So many failed logins an address may have in so long."""

_MOST_ADDRESSES = 10_000


class FailedLogins:
    """Counts failures by address, and refuses whoever has too many of them before anything is compared."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def check(self, address: str) -> None:
        """Raises TooManyLogins."""
        failures = self._recent(address)
        if len(failures) >= MOST_FAILURES:
            raise TooManyLogins(math.ceil(failures[0] + WINDOW_SECONDS - self._clock()))

    def note(self, address: str) -> None:
        """One more."""
        if address not in self._failures and len(self._failures) >= _MOST_ADDRESSES:
            self._failures.pop(next(iter(self._failures)))
        self._failures.setdefault(address, deque(maxlen=MOST_FAILURES)).append(self._clock())

    def _recent(self, address: str) -> deque[float]:
        failures = self._failures.get(address, deque())
        while failures and failures[0] <= self._clock() - WINDOW_SECONDS:
            failures.popleft()
        return failures


class Login:
    """Finds the role of whoever asks. `auth` is `USER:PASSWORD`, an admin's; None: no login is asked for."""

    def __init__(self, auth: str | None, tokens: KnownTokens) -> None:
        self.is_asked_for = auth is not None
        self._auth = _fingerprint(auth) if auth else None
        self._tokens = tokens
        self._failures = FailedLogins()
        self.sessions = Sessions(auth) if auth else None

    def of_cookies(self, cookies: str) -> str | None:
        """What a browser that has logged in would say in the header `Authorization`."""
        return self.sessions.authorization(cookies) if self.sessions else None

    async def role_of(self, authorization: str | None, address: str) -> AccessRole:
        """By the header of that name. Raises Unauthorized, TooManyLogins, PipelineError."""
        scheme, _, given = (authorization or "").partition(" ")
        if self._auth is None and scheme.lower() != "bearer":
            return AccessRole.ADMIN
        if not given:
            raise Unauthorized("a login is needed", "user and password (curl -u USER:PASSWORD), or a token")
        self._failures.check(address)
        role = await self._role(scheme.lower(), given.strip())
        if role is None:
            self._failures.note(address)
            raise Unauthorized("this login is not known", "look at TAXI_AUTH of the service, or `taxi token list`")
        return role

    async def _role(self, scheme: str, given: str) -> AccessRole | None:
        if scheme == "bearer":
            return await run_in_threadpool(self._tokens.role_of, given)
        if scheme != "basic" or self._auth is None:
            return None
        try:
            pair = base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return AccessRole.ADMIN if hmac.compare_digest(_fingerprint(pair), self._auth) else None


def _fingerprint(text: str) -> bytes:
    """Of one length for all, so that comparing tells nothing, not even how long the other is."""
    return hashlib.sha256(text.encode()).digest()
