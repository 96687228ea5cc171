"""The key-value store's types: what is kept, found, listed and removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from taxi_pipelines.domain.records import KvDeletion, KvEntry, KvType
from taxi_pipelines.domain.states import State
from tests.support.light_tasks import perform

TYPED = [
    ({"value": "text"}, KvType.STRING, "text"),
    ({"value": "2024-01-31"}, KvType.STRING, "2024-01-31"),
    ({"value": 5}, KvType.NUMBER, 5),
    ({"value": True}, KvType.BOOLEAN, True),
    ({"value": {"a": 1}}, KvType.JSON, {"a": 1}),
    ({"value": 5, "kvType": "STRING"}, KvType.STRING, "5"),
    ({"value": "5", "kvType": "NUMBER"}, KvType.NUMBER, 5),
    ({"value": "1.5", "kvType": "NUMBER"}, KvType.NUMBER, 1.5),
    ({"value": "TRUE", "kvType": "BOOLEAN"}, KvType.BOOLEAN, True),
    ({"value": "2024-01-31", "kvType": "DATE"}, KvType.DATE, "2024-01-31"),
    ({"value": "2024-01-31T09:00:00Z", "kvType": "DATETIME"}, KvType.DATETIME, "2024-01-31T09:00:00Z"),
    ({"value": "PT5M", "kvType": "DURATION"}, KvType.DURATION, "PT5M"),
    ({"value": '{"a": 1}', "kvType": "JSON"}, KvType.JSON, {"a": 1}),
]


@pytest.mark.parametrize(("properties", "kind", "value"), TYPED)
def test_a_value_is_kept_with_its_type(properties: dict[str, Any], kind: KvType, value: object) -> None:
    (entry,) = perform("kv.set", key="k", **properties).kv
    assert isinstance(entry, KvEntry)
    assert (entry.namespace, entry.key, entry.type, entry.value) == ("a.b", "k", kind, value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "NUMBER"), ("NaN", "NUMBER"), ("yes", "BOOLEAN"), ("31.1.", "DATE"), ("now", "DATETIME"), ("5 s", "DURATION"), ("{", "JSON"), ("[" * 100_000, "JSON")],
)  # fmt: skip
def test_a_value_that_is_not_of_its_type_is_refused(value: str, kind: str) -> None:
    effects = perform("kv.set", key="k", value=value, kvType=kind)
    assert effects.state is State.FAILED
    assert str(effects.error).startswith("'k' cannot be kept: ")


def test_a_value_may_live_for_a_while() -> None:
    (entry,) = perform("kv.set", key="k", value=1, ttl="PT1H", kvDescription="what for").kv
    assert isinstance(entry, KvEntry)
    assert (entry.expires_at, entry.description) == (datetime(2024, 1, 31, 13, tzinfo=UTC), "what for")


def test_a_value_that_is_there_may_be_kept() -> None:
    assert perform("kv.set", key="own", value=1, overwrite=False).error == "the key 'own' is there already in a.b"
    assert perform("kv.set", key="above", value=1, overwrite=False).state is State.SUCCESS


def test_a_key_is_looked_for_in_the_namespaces_above() -> None:
    assert perform("kv.get", key="own").outputs == {"value": "mine"}
    assert perform("kv.get", key="above").outputs == {"value": 5}
    assert perform("kv.get", key="above", namespace="a.b").outputs == {"value": None}
    missing = perform("kv.get", key="none", errorOnMissing=True)
    assert (missing.state, missing.error) == (State.FAILED, "no key 'none' in a.b, a")


def test_keys_are_listed() -> None:
    assert perform("kv.keys").outputs == {"keys": ["own"]}
    assert perform("kv.keys", namespace="a", prefix="x").outputs == {"keys": []}


def test_a_key_is_removed() -> None:
    assert perform("kv.delete", key="own").kv == (KvDeletion(namespace="a.b", key="own"),)
    assert perform("kv.delete", key="none").outputs == {"deleted": False}
    assert perform("kv.delete", key="none", errorOnMissing=True).state is State.FAILED
