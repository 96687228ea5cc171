"""API tokens: how one is made, and known again. `taxi_ID_SECRET`; of the secret only its argon2 hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from taxi_pipelines.domain.access import AccessRole, Token
from taxi_pipelines.flow_interfaces import Tokens

PREFIX = "taxi"
_ID_BYTES = 4
_SECRET_BYTES = 32
_MOST_KNOWN = 1_000

# The least that OWASP recommends: what is hashed is 256 random bits, not a password somebody thought of.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def make_token(role: AccessRole, now: datetime) -> tuple[Token, str]:
    """A new token as it is kept, and its text, which nobody can find out again."""
    id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    return Token(id=id, role=role, digest=_HASHER.hash(secret), created_at=now), f"{PREFIX}_{id}_{secret}"


class KnownTokens:
    """Tokens that were proven once need not be hashed again, which takes 20 ms; one that is revoked is out at once."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._proven: dict[bytes, str] = {}  #: fingerprint of the whole text → digest it was proven against

    def role_of(self, text: str) -> AccessRole | None:
        """The role of a token; None where it is none of ours. Raises PipelineError where the store does not answer."""
        prefix, _, rest = text.partition("_")
        id, _, secret = rest.partition("_")
        token = self._tokens.find(id) if prefix == PREFIX and secret else None
        if token is None:
            return None
        mark = hashlib.sha256(text.encode()).digest()
        if not hmac.compare_digest(self._proven.get(mark, ""), token.digest):
            if not _fits(token.digest, secret):
                return None
            if len(self._proven) >= _MOST_KNOWN:
                self._proven.clear()
            self._proven[mark] = token.digest
        return token.role


def _fits(digest: str, secret: str) -> bool:
    try:
        return _HASHER.verify(digest, secret)
    except (VerificationError, InvalidHashError):
        return False
