"""Sessions of browsers: a cookie that holds, encrypted, what was typed at the login; nothing is kept here.

So a password that was changed, or a token that was revoked, ends its sessions, and any process of the service reads them all.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from starlette.requests import cookie_parser

COOKIE = "taxi_session"

LIFETIME_SECONDS = 7 * 24 * 3600


class Sessions:
    """Makes such cookies, and reads them. `auth` is `USER:PASSWORD`: only who knows that could make one."""

    def __init__(self, auth: str) -> None:
        # Slow on purpose: who has a cookie of his own could try passwords on it.
        key = Scrypt(salt=b"taxi session", length=32, n=2**15, r=8, p=1).derive(auth.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def cookie(self, authorization: str, *, secure: bool) -> str:
        """The header `Set-Cookie` for a browser that gave this; `secure` where it came by https."""
        value = self._fernet.encrypt(authorization.encode()).decode()
        extra = "; Secure" if secure else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={LIFETIME_SECONDS}; HttpOnly; SameSite=Lax{extra}"

    def authorization(self, cookies: str) -> str | None:
        """What was given; None without a session that is ours and young enough."""
        found = cookie_parser(cookies).get(COOKIE)  # the standard library's gives up at other programs' cookies
        if found is None:
            return None
        try:
            return self._fernet.decrypt(found.encode(), ttl=LIFETIME_SECONDS).decode()
        except InvalidToken:
            return None


ENDED = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
"""The header `Set-Cookie` that ends a session."""
