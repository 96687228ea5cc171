"""The form that begins an execution: its fields, its problems, the same as a command."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Visitor, visiting
from tests.support.service import Served, serving

FLOW = """\
id: asks
namespace: demo.asks
inputs:
  - {id: name, type: STRING, displayName: Your name, defaults: Ada, validator: "[A-Z].*"}
  - {id: rows, type: INT, min: 1, max: 10}
  - {id: force, type: BOOLEAN, defaults: true}
  - {id: why, type: STRING, required: false, dependsOn: {inputs: [force], condition: "{{ inputs.force }}"}}
  - {id: taxi, type: SELECT, values: [green, yellow]}
  - {id: taxis, type: MULTISELECT, values: [green, yellow, fhv], defaults: [green, fhv]}
  - {id: day, type: DATE, defaults: "{{ '2024-03-01' | date('yyyy-MM-dd') }}"}
  - {id: wait, type: DURATION, defaults: PT5S}
  - {id: body, type: JSON, defaults: '{"a": 1}'}
  - {id: password, type: SECRET, required: false}
  - {id: data, type: FILE}
tasks:
  - {id: read, type: return, format: "{{ read(inputs.data) | trim }}"}
outputs:
  - {id: said, type: STRING, value: "{{ inputs.name }} {{ inputs.rows }} {{ inputs.taxis }} {{ inputs.day }} {{ outputs.read.value }}"}
triggers: [{id: monthly, type: schedule, cron: "0 6 2 * *"}]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("execute")) as found:
        found.save(FLOW)
        yield found


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    url = str(served.client.base_url).rstrip("/")
    with visiting(browser, url, permissions=["clipboard-read", "clipboard-write"]) as found:
        yield found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "trips, of March.csv"
    path.write_text("a,b\n")
    return path


def test_a_wrong_value_is_told_at_its_field_and_the_right_ones_begin_an_execution(
    visitor: Visitor, served: Served, table: Path
) -> None:
    page = visitor.page
    visitor.open("/flows")
    page.get_by_role("link", name="Execute asks").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_label("Your name").fill("bob")
    page.get_by_label("rows").fill("11")
    page.get_by_label("rows").press("Control+Enter")
    expect(page.locator('[data-field="name"] [role=alert]')).to_have_text("'bob' does not match [A-Z].*")
    expect(page.locator('[data-field="rows"] [role=alert]')).to_have_text("11 is above max = 10")
    expect(page.locator('[data-field="data"] [role=alert]')).to_have_text("a value is needed")
    page.get_by_label("Your name").fill("Bob")
    page.get_by_label("rows").fill("3")
    page.get_by_label("taxi *").select_option("green")
    page.get_by_role("checkbox", name="yellow").check()
    page.get_by_role("checkbox", name="fhv").uncheck()
    page.get_by_label("data").set_input_files(table)
    page.get_by_text("Labels and time").click()
    page.get_by_label("Label", exact=True).fill("team")
    page.get_by_label("Its value").fill("data")
    page.get_by_role("button", name="Execute", exact=True).click()
    page.wait_for_url(re.compile("/executions/[a-z0-9]+$"))
    id = page.url.rpartition("/")[2]
    served.until(lambda: served.state(id) == "SUCCESS")
    execution = served.json("GET", f"/executions/{id}")
    assert execution["outputs"] == {"said": 'Bob 3 ["green","yellow"] 2024-03-01 a,b'}
    assert execution["labels"] == [{"key": "team", "value": "data"}]
    assert [one for one in visitor.complaints if "422" not in one] == []


def test_an_input_is_asked_for_only_where_its_condition_holds(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/flows/demo.asks/asks/execute?in.rows=7")
    expect(page.get_by_label("rows")).to_have_value("7")
    expect(page.get_by_label("why")).to_be_visible()
    page.get_by_label("password").fill("secret of mine")
    page.get_by_label("force").uncheck()
    expect(page.get_by_label("why")).to_have_count(0)
    expect(page.get_by_label("password")).to_have_value("secret of mine")
    page.get_by_label("force").check()
    expect(page.get_by_label("why")).to_be_visible()
    assert visitor.complaints == []
    assert visitor.faults() == []


def test_the_copied_command_begins_the_same_execution(visitor: Visitor, served: Served, table: Path) -> None:
    page = visitor.page
    visitor.open("/flows/demo.asks/asks/execute")
    page.get_by_label("Your name").fill("O'Hara; type=none $HOME")
    page.get_by_label("rows").fill("3")
    page.get_by_label("taxi *").select_option("green")
    page.get_by_label("data").set_input_files(table)
    page.get_by_label("Slot").fill("2024-03")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator(".execute-curl")).to_be_visible()
    command = str(page.evaluate("navigator.clipboard.readText()"))
    done = subprocess.run(
        ["bash", "-c", f"{command} -s --fail"], cwd=table.parent, capture_output=True, text=True, check=True
    )
    id = re.findall(r'"id":"([a-z0-9]+)"', done.stdout)[0]
    served.until(lambda: served.state(id) == "SUCCESS")
    execution = served.json("GET", f"/executions/{id}")
    assert execution["outputs"]["said"] == 'O\'Hara; type=none $HOME 3 ["green","fhv"] 2024-03-01 a,b'
    assert execution["trigger"]["variables"]["date"].startswith("2024-03-02T06:00")
