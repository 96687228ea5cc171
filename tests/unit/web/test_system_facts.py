"""Settings as the page tells them: without what logs in."""

from __future__ import annotations

import pytest

from taxi_pipelines.web import system_facts


@pytest.mark.parametrize("login", ["me:word", "me:w@rd", "me"])
def test_a_login_in_an_address_is_not_told(login: str) -> None:
    assert (
        system_facts._text(f"https://{login}@taxi.example/trips?at=me@here")
        == "https://…@taxi.example/trips?at=me@here"
    )
    assert system_facts._text("https://taxi.example/@trips") == "https://taxi.example/@trips"
