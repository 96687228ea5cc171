"""`/namespaces/{namespace}/secrets` and `/tokens`: what is secret goes in, and only a new token's text comes out."""

from __future__ import annotations

from tests.support.service import Served

PLACE = "/namespaces/api.secret/secrets"


def test_secrets_are_set_listed_by_name_inherited_and_forgotten(served: Served) -> None:
    assert served.json("PUT", PLACE, json={"key": "TOKEN", "value": "s3cret"}) == [{"key": "TOKEN"}]
    assert served.service.orchestrator.parts.secrets.get("api.secret", "TOKEN") == "s3cret"
    assert served.json("GET", PLACE) == {"readOnly": False, "results": [{"key": "TOKEN"}], "total": 1}
    assert served.json("GET", "/namespaces/api.secret.deep/inherited-secrets") == {"api.secret": ["TOKEN"]}
    served.json("DELETE", f"{PLACE}/TOKEN", status=204)
    assert served.json("DELETE", f"{PLACE}/TOKEN", status=404)["code"] == "not-found"


def test_an_empty_secret_and_those_of_executions_are_refused(served: Served) -> None:
    assert served.json("PUT", PLACE, json={"key": "TOKEN", "value": ""}, status=422)["code"] == "request-invalid"
    assert served.json("GET", "/namespaces/execution:abc/secrets", status=422)["code"] == "request-invalid"


def test_a_tokens_text_is_answered_once_and_works_until_it_is_revoked(served: Served) -> None:
    made = served.json("POST", "/tokens", json={"role": "viewer"})
    text = made.pop("token")
    assert served.json("GET", "/tokens") == [made] and made["role"] == "viewer"
    login = {"Authorization": f"Bearer {text}"}
    assert served.json("GET", "/backfills", headers=login) == []
    assert served.json("GET", "/tokens", headers=login, status=403)["code"] == "forbidden"
    served.json("DELETE", f"/tokens/{made['id']}", status=204)
    assert served.json("GET", "/backfills", headers=login, status=401)["code"] == "unauthorized"
    assert served.json("DELETE", f"/tokens/{made['id']}", status=404)["code"] == "not-found"
