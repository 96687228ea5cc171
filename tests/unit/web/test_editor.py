"""What the editor's pages say, and the knowledge its script works with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.flowspec.expressions.library import FILTERS, FUNCTIONS
from taxi_pipelines.task_types import Role
from taxi_pipelines.tasks.registry import REGISTRY
from taxi_pipelines.tokens import make_token
from taxi_pipelines.web.blueprints import EMPTY_TEXT, blueprints, told
from taxi_pipelines.web.editor_knowledge import knowledge
from tests.support.service import Served, serving

LOGIN = ("admin@example.org", "long-enough")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("editor"), login=LOGIN) as found:
        found.save(EMPTY_TEXT)
        yield found


def test_every_shipped_flow_is_a_blueprint_that_says_what_it_does() -> None:
    found = {one.name: one for one in blueprints()}
    assert {"hello", "taxi_month", "taxi_monthly"} <= found.keys()
    assert found["hello"].title == "The smallest flow"
    assert found["hello"].description == "An input, a task, an output."
    assert found["maintenance"].types == ("shell.commands", "schedule")
    assert all(one.title and one.description and "taxi flow run" not in one.description for one in found.values())


def test_the_empty_flow_is_valid() -> None:
    assert read_flow(EMPTY_TEXT, REGISTRY)[1] == []


def test_a_flow_without_a_comment_is_told_nothing_of() -> None:
    assert told("id: a\n") == ("", "")


def test_the_knowledge_names_every_type_and_operation() -> None:
    known = json.loads(knowledge().content)
    assert known["types"].keys() == {spec.name for role in Role for spec in REGISTRY.specs(role)}
    assert known["types"].keys() <= known["schema"]["$defs"].keys()
    assert known["filters"].keys() == FILTERS.keys()
    assert known["functions"].keys() == FUNCTIONS.keys()
    assert known["functions"]["kv"] == "key, [namespace], [errorOnMissing]"
    assert known["types"]["io.kestra.plugin.core.trigger.Schedule"]["required"] == ["cron"]


def test_the_knowledge_is_sent_once(served: Served) -> None:
    first = served.client.get("/editor/knowledge.json")
    again = served.client.get("/editor/knowledge.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_slots_are_told_in_words_and_in_their_zone(served: Served) -> None:
    def told_of(cron: str, zone: str = "America/New_York") -> Any:
        found = served.client.get("/editor/slots", params={"cron": cron, "timezone": zone})
        assert found.status_code == 200
        return found.json()

    weekly = told_of("0 5 * * SUN")
    assert weekly["words"] == "on Sundays at 05:00"
    assert [slot.endswith("05:00 New York") for slot in weekly["slots"]] == [True] * 3
    assert "not a cron expression" in told_of("61 * * * *")["problem"]
    assert told_of("0 5 * * *", "Mars/Base")["problem"].startswith("Mars/Base: not a time zone")
    assert "problem" in told_of("0 0 30 2 *"), "never"


def test_who_may_not_save_is_shown_the_text_alone(served: Served) -> None:
    viewer, secret = make_token(AccessRole.VIEWER, datetime.now(UTC))
    served.service.tokens.add(viewer)
    path = "/flows/company.team/my_flow/edit"
    assert 'id="editor-save"' in served.client.get(path).text
    with httpx.Client(base_url=served.client.base_url, headers={"Authorization": f"Bearer {secret}"}) as client:
        page = client.get(path).text
    assert 'id="editor-save"' not in page
    assert 'id="editor-run"' not in page
    assert "This takes the role admin" in page


def test_what_is_not_there_is_said_with_the_nearest_name(served: Served) -> None:
    missing = served.client.get("/flows/company.team/my_flaw/edit")
    assert missing.status_code == 404
    assert "my_flow" in missing.text
    assert served.client.get("/flows/new?blueprint=hallo").status_code == 404
