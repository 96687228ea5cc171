"""Which page of a list is shown, and where those around it are."""

from __future__ import annotations

from taxi_pipelines.web.paging import turning, url_of

GIVEN = [("q", "a b"), ("labels", "taxi:green"), ("labels", "team:data"), ("namespace", "")]


def test_an_address_has_what_is_given_and_nothing_empty() -> None:
    assert url_of("/flows", GIVEN) == "/flows?q=a%20b&labels=taxi%3Agreen&labels=team%3Adata"
    assert url_of("/flows", [("q", "")]) == "/flows"


def test_the_first_page_has_none_before_it() -> None:
    assert turning("/flows", [("q", "x")], 1, 10, 11) == {
        "first": 1,
        "live_url": "/flows/live?q=x",
        "before": "",
        "after": "/flows?q=x&page=2",
    }


def test_the_last_page_has_none_after_it() -> None:
    assert turning("/flows", [], 3, 10, 30) == {
        "first": 21,
        "live_url": "/flows/live?page=3",
        "before": "/flows?page=2",
        "after": "",
    }
    assert turning("/flows", [], 2, 10, 20)["before"] == "/flows"
