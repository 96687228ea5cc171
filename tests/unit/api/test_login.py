"""Who may do what: no login on loopback, the user of TAXI_AUTH, tokens with their roles; and what browsers may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from taxi_pipelines.api.errors import TooManyLogins
from taxi_pipelines.api.guard import is_own
from taxi_pipelines.api.login import MOST_FAILURES, WINDOW_SECONDS, FailedLogins
from taxi_pipelines.clock import utc_now
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.tokens import make_token
from tests.support.service import Served, serving

USER = ("admin@kestra.io", "Admin1234!")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("guarded"), login=USER) as served:
        yield served


def with_token(guarded: Served, role: AccessRole) -> httpx.Client:
    token, text = make_token(role, utc_now())
    guarded.service.tokens.add(token)
    return httpx.Client(base_url=guarded.client.base_url, headers={"authorization": f"Bearer {text}"}, timeout=20)


def test_every_operation_asks_for_a_login_and_refuses_weaker_roles(guarded: Served) -> None:
    document = guarded.json("GET", "/openapi.json")
    with ExitStack() as closing:
        viewer, operator = (closing.enter_context(with_token(guarded, role)) for role in list(AccessRole)[:2])
        nobody = closing.enter_context(httpx.Client(base_url=guarded.client.base_url))
        asked = 0
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                at, role = re.sub(r"\{\w+\}", "x", path), operation["x-role"]
                if role != "public":
                    assert nobody.request(method, at).status_code == 401, (method, path)
                for client, refused in ((viewer, ("operator", "admin")), (operator, ("admin",))):
                    if role in refused:
                        asked += 1
                        answer = client.request(method, at)
                        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
        assert asked > 20
        assert viewer.get("/api/v1/flows/search").status_code == 200
        assert operator.get("/metrics").status_code == 200


def test_reading_and_running_take_no_admin(guarded: Served) -> None:
    roles: dict[str, set[str]] = {}
    for path, methods in guarded.json("GET", "/openapi.json")["paths"].items():
        for method, operation in methods.items():
            roles.setdefault(operation["x-role"], set()).add(f"{method} {path}")
    assert all(name.startswith(("get", "post")) for name in roles["viewer"])
    assert {"get /health", "get /ready"} < roles["public"]
    assert all("webhook" in name or name in ("get /health", "get /ready") for name in roles["public"])
    assert {"post /api/v1/flows", "post /api/v1/flows/import", "delete /api/v1/executions/{execution_id}"} <= roles[
        "admin"
    ]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "foo"), ("POST", "labels"), ("GET", "file?path=x"), ("DELETE", "kill")]
)
def test_what_only_looks_like_a_webhook_asks_for_a_login(guarded: Served, method: str, path: str) -> None:
    answer = httpx.request(method, f"{guarded.client.base_url}/api/v1/executions/webhook/{path}")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_the_user_of_taxi_auth_may_everything_and_nobody_else_anything(guarded: Served) -> None:
    assert guarded.json("GET", "/flows/search")["total"] == 0
    wrong: list[Any] = [("admin@kestra.io", "admin1234!"), ("", ""), ("admin@kestra.io", ""), ("x", "Admin1234!")]
    for pair in wrong:
        answer = httpx.get(f"{guarded.client.base_url}/api/v1/flows/search", auth=pair)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_revoked_token_is_refused_at_once_and_a_made_up_one_always(guarded: Served) -> None:
    token, text = make_token(AccessRole.VIEWER, utc_now())
    guarded.service.tokens.add(token)
    address = f"{guarded.client.base_url}/api/v1/flows/search"

    def status(given: str) -> int:
        return httpx.get(address, headers={"authorization": f"Bearer {given}"}).status_code

    assert status(text) == status(text) == 200
    assert status(f"{text[:-1]}{'a' if text[-1] != 'a' else 'b'}") == 401
    guarded.service.tokens.remove(token.id)
    assert status(text) == 401


def test_too_many_failed_logins_are_refused_unseen_until_time_has_passed() -> None:
    now = [0.0]
    failures = FailedLogins(lambda: now[0])
    for _ in range(MOST_FAILURES):
        failures.check("a")
        failures.note("a")
    with pytest.raises(TooManyLogins, match="60 s"):
        failures.check("a")
    failures.check("b")
    now[0] = WINDOW_SECONDS
    failures.check("a")


def test_one_who_guesses_is_slowed_down(tmp_path: Path) -> None:
    with serving(tmp_path, login=USER) as served:
        address = f"{served.client.base_url}/api/v1/flows/search"
        found = [httpx.get(address, auth=("x", str(number))) for number in range(MOST_FAILURES + 1)]
        assert [one.status_code for one in found] == [401] * MOST_FAILURES + [429]
        assert int(found[-1].headers["retry-after"]) > 0
        assert served.client.get("/health").status_code == 200


def test_without_a_login_only_this_machines_own_names_are_answered(served: Served) -> None:
    for host, status in (("localhost", 200), ("127.0.0.1:8080", 200), ("[::1]", 200), ("evil.example", 403), ("", 403)):
        assert served.client.get("/api/v1/flows/search", headers={"host": host}).status_code == status, host


def test_with_a_login_any_name_is_good(guarded: Served) -> None:
    assert guarded.client.get("/api/v1/flows/search", headers={"host": "taxi.example"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "reads", "changes"),
    [
        ({"sec-fetch-site": "same-origin"}, 200, 404),
        ({"sec-fetch-site": "none"}, 200, 404),
        ({"sec-fetch-site": "same-site"}, 403, 403),
        ({"sec-fetch-site": "cross-site", "origin": "OWN"}, 403, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200, 403),
        ({"origin": "OWN"}, 200, 404),
        ({"origin": "http://evil.example"}, 200, 403),
        ({"origin": "null"}, 200, 403),
        ({}, 200, 404),
    ],
)
def test_another_site_may_link_to_us_and_make_a_browser_do_nothing_else(
    served: Served, headers: dict[str, str], reads: int, changes: int
) -> None:
    own = str(served.client.base_url).rstrip("/")
    sent = {name: own if value == "OWN" else value for name, value in headers.items()}
    assert served.client.get("/api/v1/flows/search", headers=sent).status_code == reads
    assert served.client.delete("/api/v1/flows/demo/nothing", headers=sent).status_code == changes


def test_only_loopback_is_this_machines_own() -> None:
    assert [host for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "10.0.0.1", "example.com") if is_own(host)] == [
        "localhost", "127.0.0.1", "127.1.2.3", "::1",
    ]  # fmt: skip
