"""`/namespaces/{namespace}/kv`: values with their types."""

from __future__ import annotations

from tests.support.service import Served

PLACE = "/namespaces/api.kv/kv"


def test_values_are_kept_read_listed_and_deleted_with_their_types(served: Served) -> None:
    for key, body, type, value in (
        ("text", '"hello"', "STRING", "hello"),
        ("number", "1.5", "NUMBER", 1.5),
        ("flag", "true", "BOOLEAN", True),
        ("map", '{"a": [1]}', "JSON", {"a": [1]}),
    ):
        served.json("PUT", f"{PLACE}/{key}", content=body, headers={"content-type": "application/json"}, status=204)
        assert served.json("GET", f"{PLACE}/{key}") == {"type": type, "value": value}
    served.json(
        "PUT", f"{PLACE}/plain", content="not json", headers={"content-type": "text/plain", "ttl": "P1D"}, status=204
    )
    listed = {one["key"]: one for one in served.json("GET", PLACE)}
    assert (listed["plain"]["type"], listed["plain"]["expirationDate"] is not None) == ("STRING", True)
    assert "value" not in listed["plain"]
    assert served.json("DELETE", f"{PLACE}/text") is True
    assert served.json("DELETE", f"{PLACE}/text") is False
    assert served.json("DELETE", PLACE, json={"keys": ["number", "gone"]}) == {"keys": ["number"]}


def test_what_is_not_there_or_not_a_value_says_so(served: Served) -> None:
    assert served.json("GET", f"{PLACE}/nothing", status=404)["code"] == "not-found"
    assert served.json("PUT", f"{PLACE}/a", content="{", headers={"content-type": "application/json"}, status=422)
    assert served.json("PUT", f"{PLACE}/a", content="1", headers={"ttl": "soon"}, status=422)["code"] == "usage"


def test_a_text_is_kept_as_a_value_of_the_type_that_is_asked_for(served: Served) -> None:
    for type, body, value in (
        ("DATE", "2024-02-29", "2024-02-29"),
        ("DATETIME", "2024-02-29T09:00:00+00:00", "2024-02-29T09:00:00Z"),
        ("DURATION", "PT1H", "PT1H"),
        ("STRING", "10", "10"),
        ("JSON", '"10"', "10"),
    ):
        served.json("PUT", f"{PLACE}/typed", content=body, params={"type": type}, status=204)
        assert served.json("GET", f"{PLACE}/typed") == {"type": type, "value": value}
    for type, body in (("DATE", "2024-02-30"), ("NUMBER", "ten"), ("JSON", "{"), ("BOOLEAN", "yes")):
        refused = served.json("PUT", f"{PLACE}/typed", content=body, params={"type": type}, status=422)
        assert refused["code"] == "usage" and refused["detail"]
