"""Scripts and styles: under an address that changes with them, so that browsers may keep them for good."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from taxi_pipelines.web.assets import HERE, Assets

ASSETS = Assets()


def get(path: str) -> httpx.Response:
    """Asked of them alone, without a server."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(ASSETS), base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_a_file_is_kept_by_browsers_as_long_as_it_is_this_one() -> None:
    now, older = get(ASSETS.url("app.js")), get("/static/older/app.js")
    assert now.text == older.text == (HERE / "static" / "app.js").read_text()
    assert now.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert older.headers["cache-control"] == "no-cache"
    assert now.headers["content-type"].startswith("text/javascript")


def test_the_stylesheet_is_all_of_them_the_tokens_first() -> None:
    text = get(ASSETS.url("app.css")).text
    assert text.index("--tone-good") < text.index(".top-nav") < text.index(".card")


@pytest.mark.parametrize(
    "path", ["/static/x/nothing.js", "/static/x/../web/app.py", "/static/x/%2e%2e/app.py", "/static/"]
)
def test_nothing_else_is_served(path: str) -> None:
    assert get(path).status_code == 404


def test_templates_name_only_files_that_are_there_and_icons_that_are_drawn() -> None:
    texts = "".join(path.read_text() for path in (HERE / "templates").rglob("*.html"))
    for name in set(re.findall(r"asset\('([^']+)'\)", texts)):
        ASSETS.url(name)
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (HERE / "static" / "icons.svg").read_text()))
    assert set(re.findall(r'icon\("([^"]+)"\)', texts)) - drawn == set()


def test_no_page_brings_code_in_its_text_or_from_elsewhere() -> None:
    for path in (HERE / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*(\bsrc=|application/json))", text), path
        assert not re.search(r"\son[a-z]+=|hx-on|javascript:", text), path
        assert not re.search(r"(src|href)=\"https?://", text) or _only_links(path, text), path


def _only_links(path: Path, text: str) -> bool:
    """Links for people to follow are not loaded."""
    return not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=\"https?://", text)


def test_colours_are_named_once_as_tokens() -> None:
    for path in (HERE / "styles").glob("*.css"):
        if path.name != "00-tokens.css":
            plain = re.findall(r":\s*#[0-9a-fA-F]{3,8}\b", path.read_text())
            assert [one for one in plain if one.strip(": ") not in ("#fff", "#ffffff")] == [], path.name
