"""Sessions of browsers: what was typed comes back from the cookie, and from no other."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from cryptography.fernet import Fernet

from taxi_pipelines.api.sessions import COOKIE, LIFETIME_SECONDS, Sessions

GIVEN = "Basic YWRtaW46c2VjcmV0"


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return Sessions("admin:long-enough")


def _pair(header: str) -> str:
    return header.partition(";")[0]


def test_what_was_typed_comes_back_and_cannot_be_read_in_the_cookie(sessions: Sessions) -> None:
    cookie = sessions.cookie(GIVEN, secure=False)
    assert sessions.authorization(f"theme=dark; {_pair(cookie)}") == GIVEN
    assert "YWRtaW46" not in cookie


@pytest.mark.parametrize("other", ['{"a": 1}', '"open', "[1, 2]", "\xe9", "a b=c"])
def test_cookies_of_other_programs_on_this_machine_are_passed_over(sessions: Sessions, other: str) -> None:
    pair = _pair(sessions.cookie(GIVEN, secure=False))
    for cookies in (f"other={other}; {pair}", f"{pair}; other={other}"):
        assert sessions.authorization(cookies) == GIVEN


def test_scripts_and_other_sites_do_not_get_the_cookie(sessions: Sessions) -> None:
    said = SimpleCookie(sessions.cookie(GIVEN, secure=True))[COOKIE]
    assert (said["httponly"], said["samesite"], said["secure"], said["path"]) == (True, "Lax", True, "/")
    assert "Secure" not in sessions.cookie(GIVEN, secure=False)


@pytest.mark.parametrize(
    "cookies", ["", "taxi_session=", "taxi_session=forged", "other=1", "taxi_session=" + "g" * 200, "a=b;;=;\x00"]
)
def test_anything_else_is_no_session(sessions: Sessions, cookies: str) -> None:
    assert sessions.authorization(cookies) is None


def test_another_password_ends_the_sessions(sessions: Sessions) -> None:
    assert Sessions("admin:another-one").authorization(_pair(sessions.cookie(GIVEN, secure=False))) is None


def test_an_old_session_has_ended(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = _pair(sessions.cookie(GIVEN, secure=False))
    decrypt = Fernet.decrypt
    monkeypatch.setattr(Fernet, "decrypt", lambda it, token, ttl: decrypt(it, token, ttl - LIFETIME_SECONDS - 5))
    assert sessions.authorization(pair) is None
