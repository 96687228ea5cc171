from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.errors import ExpressionFailed, StoreBusy
from taxi_pipelines.flowspec.expressions import Environment, compile_template
from tests.support.expressions import WORLD, failure, render

BARE = Environment(now=datetime(2021, 1, 1, tzinfo=UTC), zone=ZoneInfo("UTC"), random=Random(1))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("kv('retries') + 1", "4"),
        ("kv('ready') ? 'yes' : 'no'", "yes"),
        ("kv('list')[0]", "1"),
        ("kv(namespace='other', key='a')", "a of other"),
        ("kv('gone', errorOnMissing=false) is null", "true"),
        ("range(1, 3)", "[1,2,3]"),
        ("range(3, 1)", "[]"),
        ("range(start=0, end=4, increment=2)", "[0,2,4]"),
        ("range('c', 'a', -1)", '["c","b","a"]'),
        ("max()", ""),
        ("max(null, 2)", "2"),
        ("min('b', 'a')", "a"),
        ("fromJson('null')", ""),
        ("fromJson(null)", ""),
        ("fromJson('[1.5, \"a\", {}]')[1]", "a"),
        ("randomInt(3, 3)", "3"),
        ("fileURI('/a.txt')", "kestra:///company/team/_files/a.txt"),
        ("tasksWithState('failed')[0].state", "FAILED"),
        ("printContext().inputs.taxi", "green"),
    ],
)
def test_a_function_answers(expression: str, expected: str) -> None:
    assert render(f"{{{{ {expression} }}}}") == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("kv('gone')", "kv: there is no key 'gone'"),
        ("kv(1)", "'key' must be text"),
        ("kv('a', errorOnMissing='no')", "true or false"),
        ("range(1, 3, 0)", "must not be 0"),
        ("range('1', 3)", "single character"),
        ("max(1, 'a')", "cannot be compared"),
        ("max([1, 2])", "one by one"),
        ("fromJson('{')", "not JSON"),
        ("fromJson('NaN')", "not JSON"),
        ("fromJson({})", "'json' must be text"),
        ("randomInt(5, 1)", "less than"),
        ("fileURI('../x')", "'..'"),
        ("render('a', recursive='x')", "true or false"),
        ("currentEachOutput('x')", "must be a map"),
    ],
)
def test_a_refused_call_says_why(expression: str, says: str) -> None:
    assert says in str(failure(f"{{{{ {expression} }}}}"))


@pytest.mark.parametrize(
    "call",
    ["kv('a')", "secret('a')", "read('a')", "fileSize('a')", "fileExists('a')", "errorLogs()", "tasksWithState('a')"],
)
def test_what_the_environment_lacks_is_a_clear_error(call: str) -> None:
    with pytest.raises(ExpressionFailed, match="cannot be used here") as caught:
        compile_template(f"{{{{ {call} }}}}").render({}, BARE)
    assert caught.value.name == call.split("(")[0]


def test_randomness_is_the_environments() -> None:
    text = "{{ uuid() }} {{ id() }} {{ randomInt(0, 1000000) }}"
    first, second, other = (compile_template(text).render({}, replace(BARE, random=Random(seed))) for seed in (1, 1, 2))
    assert first == second != other


def test_the_outputs_of_this_iteration_are_found_under_every_enclosing_loop() -> None:
    context: dict[str, object] = {
        "outputs": {"t": {"a": {"x": {"rows": 1}}, "b": {"x": {"rows": 2}}}},
        "taskrun": {"value": "x"},
        "parents": [{"taskrun": {"value": "b"}}],
    }
    assert render("{{ currentEachOutput(outputs.t).rows }}", context) == "2"
    deeper = {
        **context,
        "outputs": {"t": {"1": {"b": {"x": 3}}}},
        "parents": [{"taskrun": {"value": "b"}}, {"taskrun": {"value": "1"}}],
    }
    assert render("{{ currentEachOutput(outputs.t) }}", deeper) == "3"


def test_a_busy_store_is_not_made_a_permanent_error() -> None:
    def busy(_key: str, _namespace: str | None, _error: bool) -> object:
        raise StoreBusy("the database stays locked")

    with pytest.raises(StoreBusy):
        compile_template("{{ kv('a') }}").render({}, replace(WORLD, kv=busy))
