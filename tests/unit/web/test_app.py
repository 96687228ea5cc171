"""Who may see the pages: nobody without a login, and reading them takes the least role."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute

from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.web.app import MODULES
from tests.support.service import Served, serving

WITHOUT_LOGIN = {"GET /login", "POST /login", "POST /logout"}
ROUTES = [route for module in MODULES for route in module.router.routes if isinstance(route, APIRoute)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("pages"), login=("admin@example.org", "long-enough")) as served:
        yield served


def test_pages_only_read_and_each_says_that_a_viewer_may() -> None:
    assert len(ROUTES) > 50
    for route in ROUTES:
        (method,) = route.methods
        if f"{method} {route.path}" not in WITHOUT_LOGIN:
            assert (method, route.openapi_extra) == ("GET", {"x-role": str(AccessRole.VIEWER)}), route.path
            assert route.dependencies, route.path


def test_no_page_is_answered_without_a_login(guarded: Served) -> None:
    for path in {route.path for route in ROUTES} - {"/login"}:
        address = f"{guarded.client.base_url}{path.replace('{', '').replace('}', '')}"
        opened = httpx.get(address)
        assert (opened.status_code, opened.headers["location"].partition("?")[0]) == (303, "/login"), path
        assert httpx.get(address, headers={"sec-fetch-mode": "cors"}).status_code == 401, path


def test_what_is_served_without_a_login_tells_nothing(guarded: Served) -> None:
    for path in ("/loginx", "/static/", "/static/x/..%2f..%2fapp.py", "/static/x//etc/passwd"):
        answer = httpx.get(f"{guarded.client.base_url}{path}")
        assert answer.status_code == 404, path


def test_a_search_for_more_than_the_store_can_look_for_is_refused_in_words(guarded: Served) -> None:
    for path in ("/logs", "/api/v1/logs/search"):
        assert guarded.client.get(path, params={"q": "%_" * 10_000}).status_code == 422
        assert guarded.client.get(path, params={"q": "%_" * 400}).status_code == 200
