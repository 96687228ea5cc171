"""Bombs: each ends in ExpressionFailed, soon, and without eating the memory."""

from __future__ import annotations

import json
import threading
import time

import pytest

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.expressions import Limits, compile_template, confined
from tests.support.expressions import failure, render

SOON_SECONDS = 5.0

DOUBLED = "{% set x = 'xxxxxxxxxx' %}{% for i in 1..60 %}{% set x = x ~ x %}{% endfor %}"
SHARED = "{% set x = ['x'] %}{% for i in 1..60 %}{% set x = [x, x] %}{% endfor %}"
BIG = {"big": "x" * 9_000_000, "a": "a" * 100_000, "deep": "[" * 200_000}

BOMBS = [
    "{{ range(1, 1000000000) }}",
    "{{ range(1, 9223372036854775807) | length }}",
    "{{ range(-9223372036854775807, 9223372036854775807) | length }}",
    "{{ 1..1000000000 }}",
    "{% for i in 1..900000 %}{{ i }}{% endfor %}",
    "{% for i in 1..2000 %}{% for j in 1..2000 %}{{ i * j }}{% endfor %}{% endfor %}",
    "{% for i in 1..200 %}{% for j in 1..200 %}{% for k in 1..200 %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in 1..1000 %}{{ big }}{% endfor %}",
    "{% for i in 1..100000 %}{% set t = big | length %}{% endfor %}",
    "{% for i in 1..100000 %}{% set t = big ~ '' == big ~ '' %}{% endfor %}",
    "{% for i in 1..100000 %}{% set t = big contains 'y' %}{% endfor %}",
    DOUBLED,
    SHARED + "{{ x }}",
    SHARED + "{{ x | yaml }}",
    SHARED + "{{ x | jq('.') }}",
    SHARED + "{{ x == [x, x] }}",
    SHARED + "{{ [x] contains x }}",
    SHARED + "{% set y = ['x'] %}{% for i in 1..60 %}{% set y = [y, y] %}{% endfor %}{{ x == y }}",
    SHARED + "{{ x | replace({'x': 'y'}) }}",
    SHARED + "{{ [x] | distinct }}",
    SHARED + "{{ render(x) }}",
    "{% set x = [1] %}{% for i in 1..40 %}{% set x = x + x %}{% endfor %}",
    "{% set x = [[1]] %}{% for i in 1..40 %}{% set x = [x, x] | flatten %}{% endfor %}",
    "{% set x = {} %}{% for i in 1..100000 %}{% set x = {'k': x} %}{% endfor %}{{ x }}",
    "{{ a | replace({'a': a}) }}",
    "{{ a | replace({'': a}) }}",
    "{{ a | replace({'a': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}) | replace({'a': a}) }}",
    '{{ "\n\n\n\n\n\n\n\n" | indent(100000000) }}',
    "{{ 'x' | nindent(100, big) }}",
    "{{ 1..1000 | join(big) }}",
    "{{ ('1' ~ a) | number }}",
    "{{ '1e999999999' | number('BIGDECIMAL') + 1 }}",
    "{% set x = 3 %}{% for i in 1..100 %}{% set x = x * x %}{% endfor %}",
    "{% set x = 3.5 %}{% for i in 1..100 %}{% set x = x * x %}{% endfor %}",
    "{{ fromJson(deep) }}",
    "{{ fromJson('1' ~ a) }}",
    "{{ deep | jq('.') }}",
    "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | replace({'(a+)+$': 'x'}, regexp=true) }}",
    "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | split('(a|a)*b') }}",
    "{{ a | replace({'a': '$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0' ~ a}, regexp=true) }}",
    "{{ big | replace({'x': 'y'}, regexp=true) }}",
    "{{ [1] | jq('[range(1e12)]') }}",
    "{{ [1] | jq('last(repeat(1))') }}",
    "{{ [1] | jq('def f: f; f') }}",
    "{{ [1] | jq('\"x\" * 1e9') }}",
    "{{ [1] | jq('.[1e8] = 1') }}",
    "{{ [1] | jq('[range(300000)]') }}{{ 1..900000 }}",
    "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
    "{% macro m(x) %}{% for i in 1..9 %}{{ m(x) }}{% endfor %}{% endmacro %}{{ m(1) }}",
    "{{ render('{{ render(bomb) }}') }}",
    "{{ render(grows) }}",
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " + big * 2 }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ " + "-" * 5_000 + "1 }}",
    "{{ x" + "[0]" * 5_000 + " }}",
    "{{ 'x'" + " | upper" * 5_000 + " }}",
    "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
    "{% if true %}" * 5_000 + "{% endif %}" * 5_000,
    "{{ 1 }}" * 200_000,
    "{{ now(format=a) }}",
    "{{ a | date }}",
    "{{ '1' | date(existingFormat=a) }}",
    "{{ 1 | numberFormat(a) }}",
]


@pytest.fixture(autouse=True)
def less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "SECONDS", 0.5)


@pytest.mark.parametrize("bomb", BOMBS, ids=[f"{number}: {bomb[:60]}" for number, bomb in enumerate(BOMBS)])
def test_a_bomb_ends_in_an_error_soon(bomb: str) -> None:
    context = {**BIG, "x": 1, "bomb": "{{ render(bomb) }}", "grows": "{{ grows }}{{ grows }}"}
    start = time.perf_counter()
    error = failure(bomb, context)
    assert time.perf_counter() - start < SOON_SECONDS
    assert len(str(error)) < 1_000, "the message holds no big value"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ 1" + " + 1" * 2_000 + " }}", "2001"),
        ("{{ 'a'" + " ~ 'a'" * 2_000 + " }}", "a" * 2_001),
        ("{% for i in 1..50000 %}x{% endfor %}", "x" * 50_000),
        ("{{ " + "(" * 90 + "1" + ")" * 90 + " }}", "1"),
    ],
)
def test_what_is_only_large_renders(text: str, rendered: str) -> None:
    assert render(text) == rendered


@pytest.mark.parametrize(
    ("limits", "text", "says"),
    [
        (Limits(steps=100), "{{ 1..200 }}", "more than 100 steps"),
        (Limits(output=10), "{{ 'a long text' }}", "more than 10 characters"),
        (Limits(output=10), "plain text, but too long{# #}", "more than 10 characters"),
        (Limits(depth=3), "{% macro m(x) %}{{ x > 0 ? m(x - 1) : '' }}{% endmacro %}{{ m(5) }}", "more than 3 deep"),
    ],
)
def test_limits_are_the_environments(limits: Limits, text: str, says: str) -> None:
    assert says in str(failure(text, {}, limits=limits))


def test_after_a_bomb_the_process_for_patterns_is_there_again() -> None:
    failure("{{ [1] | jq('def f: f; f') }}")
    assert render("{{ [1] | jq('.[0] + 1') | first }}") == "2"


def test_the_process_for_patterns_may_be_gone() -> None:
    render("{{ [1] | jq('.') }}")
    process = confined.CONFINED._process
    assert process is not None
    process.kill()
    process.wait()
    assert render("{{ [1] | jq('.[0]') | first }}") == "1"


def test_threads_share_the_process_for_patterns() -> None:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = render("{{ x | jq('.n') | first }}", {"x": {"n": number}})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: str(number) for number in range(8)}


def test_an_answer_of_many_lines_is_one_answer() -> None:
    assert json.loads(render("{{ [1] | jq('[range(20000)] | map(\"a\\nb\")') | first }}")) == ["a\nb"] * 20_000


def test_a_template_may_be_long_but_not_its_tags() -> None:
    assert render("{{ 1 }}" + " " * 5_000_000 + "{") == "1" + " " * 5_000_000 + "{"
    with pytest.raises(ExpressionFailed, match="too long"):
        compile_template("{{ 1" + " " * 300_000 + "}}")
