"""The API as a whole: its documentation, its paths, the one shape of its errors, what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.service import Served

ALWAYS = {"401", "403", "413", "422", "429", "500", "503"}


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    return served.json("GET", "/openapi.json")


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """(path, method, operation)."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_documented(document: Any) -> None:
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        assert operation["summary"] and operation["description"] and operation["tags"], name
        assert operation["x-role"] in ("public", "viewer", "operator", "admin"), name
        assert operation["responses"].keys() >= ALWAYS, name
        assert all("description" in one or "schema" in one for one in operation.get("parameters", [])), name
        if "{" in path and method != "put" and "namespaces" not in path:
            assert {"404", "409"} & operation["responses"].keys() or method == "get", name


def test_every_body_has_an_example(document: Any) -> None:
    schemas = document["components"]["schemas"]

    def shown(content: Any) -> bool:
        schema = content.get("schema", {})
        items = schema.get("items", schema)
        parts = items.get("anyOf", [items])
        names = [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]
        return (
            "example" in content
            or "examples" in schema
            or not names
            or all("examples" in schemas[name] for name in names)
        )

    for path, method, operation in operations(document):
        answers = [
            content for answer in operation["responses"].values() for content in answer.get("content", {}).values()
        ]
        asked = list(operation.get("requestBody", {}).get("content", {}).values())
        assert all(shown(content) for content in answers), f"{method} {path}"
        assert all(shown(content) or "properties" in content["schema"] for content in asked), f"{method} {path}"


def test_every_error_is_documented_in_the_one_shape(document: Any) -> None:
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, f"{method} {path} {status}"


def test_every_path_is_there_with_kestras_tenant_too(served: Served) -> None:
    id = served.json("POST", "/main/executions/demo/hello")["id"]
    assert served.json("GET", f"/main/executions/{id}")["id"] == id
    assert served.json("GET", "/main/flows/demo/hello") == served.json("GET", "/flows/demo/hello")
    assert served.json("GET", "/other/flows/demo/hello", status=404)["code"] == "not-found"


def test_errors_have_one_shape_whoever_met_them(served: Served) -> None:
    for method, path, status, code in (
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/v1/flows/", 404, "not-found"),
        ("PATCH", "/api/v1/flows/search", 405, "method-not-allowed"),
        ("GET", "/api/v1/executions/search?size=x", 422, "request-invalid"),
        ("GET", f"/api/v1/flows/demo/hello?revision={1 << 64}", 422, "request-invalid"),
        ("GET", "/api/v1/executions/nobody", 404, "not-found"),
        ("GET", "/api/v1/flows/a%00b", 422, "usage"),
        ("GET", "/api/v1/logs/search?q=%00", 422, "usage"),
    ):
        answer = served.client.request(method, path)
        body = answer.json()
        assert (answer.status_code, body["code"]) == (status, code)
        assert body.keys() == {"code", "message", "detail", "problems"}
        assert body["message"] and body["detail"]
    wrong = served.json("POST", "/backfills", content="{", headers={"content-type": "application/json"}, status=422)
    assert (wrong["code"], wrong["problems"][0]["path"]) == ("request-invalid", "body.1")
    no_text = served.json(
        "POST", "/backfills", content=b"\xff", headers={"content-type": "application/json"}, status=422
    )
    assert no_text["code"] == "request-invalid"


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_said_or_not(served: Served) -> None:
    large = b"x" * (10 << 20)

    def in_parts() -> Iterator[bytes]:
        yield large
        yield b"x"

    for content in (large + b"x", in_parts()):
        refused = served.json("POST", "/flows", content=content, status=413)
        assert refused["code"] == "too-large"


def test_every_answer_tells_browsers_to_be_careful(served: Served) -> None:
    for path in ("/health", "/api/v1/flows/search", "/api/v1/nothing"):
        headers = served.client.get(path).headers
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
