from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.expressions import compile_template, is_true_text, render_deep
from tests.support.expressions import CONTEXT, WORLD, failure, render

TEXTS = [
    ("", ""),
    ("plain { text } with } braces {", "plain { text } with } braces {"),
    ("a {{ 1 }} b", "a 1 b"),
    ("{{1}}{{2}}", "12"),
    ("{# nothing #}a{# {{ x }} #}b", "ab"),
    ("{% raw %}{{ x }}{% endraw %} {{ 1 }}", "{{ x }} 1"),
    ("{%raw%}\n{% if %}\n{%endraw%}", "\n{% if %}\n"),
    ("{% verbatim %}{{ x }}{% endverbatim %}", "{{ x }}"),
    ('{{ \'it\\\'s\' }} {{ "a \\"b\\"" }}', 'it\'s a "b"'),
    ("{{ 'a\\nb' }}", "a\\nb"),
    ('{{ "#{vars.name}-#{1 + 1}!" }}', "taxi-2!"),
    ("{{ '#{vars.name}' }}", "#{vars.name}"),
    ("{{ {'a': {'b': 1}} }}", '{"a":{"b":1}}'),
    ("{{ {'a': {'b': 1}}}}", '{"a":{"b":1}}'),
    ("{{ {} }}{{ [] }}", "{}[]"),
    ("{{ 5L }} {{ 1.50 }}", "5 1.5"),
    ("{{\n  vars.name\n}}", "taxi"),
]

WHITESPACE = [
    ("a {{- 1 -}} b", "a1b"),
    ("a\n{%- if true -%}\n x \n{%- endif -%}\n b", "axb"),
    ("{% if true %}\nx\n{% endif %}\ny\n", "\nx\n\ny\n"),
    ("a {#- c -#} b", "ab"),
    ("{{-1}}", "-1"),
    ("a {{ 1 -}}\n\n{{- 2 }} b", "a 12 b"),
    ("last line {{ 1 }}\n", "last line 1\n"),
    ("{{ 1 }}\n\n{{ 2 }}", "1\n\n2"),
    ("a {%- raw -%} b {%- endraw -%} c", "abc"),
]

STATEMENTS = [
    ("{% if 1 > 2 %}a{% elseif 2 > 1 %}b{% else %}c{% endif %}", "b"),
    ("{% if false %}a{% else %}c{% endif %}", "c"),
    ("{% if 'false' %}text is true{% endif %}", "text is true"),
    ("{% if '' or 0 or null %}a{% else %}b{% endif %}", "b"),
    ("{% for i in [1,2,3] %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3"),
    (
        "{% for i in 1..2 %}{{ loop.index }}{{ loop.first }}{{ loop.length }}{{ loop.revindex }} {% endfor %}",
        "0true21 1false20 ",
    ),
    ("{% for e in vars.sizes %}{{ e.key }}={{ e.value }};{% endfor %}", "small=1;large=2;"),
    ("{% for i in [] %}a{% else %}none{% endfor %}", "none"),
    ("{% for i in null %}a{% else %}none{% endfor %}", ""),
    (
        "{% for i in [1,2] %}{% for j in [3,4] %}{{ i }}{{ j }} {% endfor %}{{ loop.index }};{% endfor %}",
        "13 14 0;23 24 1;",
    ),
    ("{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{% endfor %}{{ x }}", "4"),
    ("{% set vars = {'a': 1} %}{{ vars.a }}", "1"),
    (
        "{% macro tag(name, text='-') %}<{{ name }}>{{ text }}</{{ name }}>{% endmacro %}{{ tag('a') }}{{ tag(text='x', name='b') }}",
        "<a>-</a><b>x</b>",
    ),
    ("{{ later(1) }}{% macro later(x) %}[{{ x }}]{% endmacro later %}", "[1]"),
    ("{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "321"),
    ("{% macro f() %}{% set y = 2 %}{{ y }}{% endmacro %}{{ f() }}{{ y is defined }}", "2false"),
]

NAMES = [
    ("{{ a.b[c] | default(d) }}", {"a", "c", "d"}),
    ("{% for x in xs %}{{ x }}{{ loop.index }}{{ y }}{% endfor %}{{ x }}", {"xs", "y", "x"}),
    ("{% set s = t %}{{ s }}", {"t"}),
    ("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(c) }}", {"c"}),
    ("{% if p %}{{ q }}{% elseif r %}{% else %}{{ s }}{% endif %}", {"p", "q", "r", "s"}),
    ("no tags", set()),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS + WHITESPACE + STATEMENTS)
def test_a_template_renders_as_pebble_does(text: str, expected: str) -> None:
    assert render(text) == expected


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names_are_the_variables_it_does_not_set_itself(text: str, expected: set[str]) -> None:
    assert compile_template(text).names() == expected


def test_calls_are_the_functions_of_the_language() -> None:
    template = compile_template(
        "{% macro m() %}{{ uuid() }}{% endmacro %}{{ m() }}{{ kv('a') }}{{ render(secret('b')) }}"
    )
    assert template.calls() == {"uuid", "kv", "render", "secret"}


def test_a_template_is_parsed_once() -> None:
    assert compile_template("{{ vars.name }}") is compile_template("{{ vars.name }}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ vars.items }}", [1, 2, 3]),
        ("{{ vars.nothing }}", None),
        ("{{ 1 + 1 }}", 2),
        ("{{ 1 }} ", "1 "),
        ("text", "text"),
        ("{{ 1 }}{{ 2 }}", "12"),
    ],
)
def test_exactly_one_tag_gives_the_typed_value(text: str, expected: object) -> None:
    assert compile_template(text).value(CONTEXT, WORLD) == expected


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (1.0, "1.0"),
        (Decimal("12.50"), "12.50"),
        ({"a": [1, None, True, 'é"']}, '{"a":[1,null,true,"é\\""]}'),
        ({"d": date(2021, 1, 2), "n": Decimal("1.5"), "w": Decimal(7)}, '{"d":"2021-01-02","n":1.5,"w":7}'),
        (datetime(2021, 3, 1, 14, tzinfo=UTC), "2021-03-01T14:00:00Z"),
        (datetime(2021, 3, 1, 14, 0, 0, 5), "2021-03-01T14:00:00.000005"),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=26, seconds=3.5), "PT26H3.5S"),
        (timedelta(seconds=-90), "PT-1M-30S"),
        (timedelta(), "PT0S"),
        (b"abc", "YWJj"),
    ],
)
def test_values_print_as_json_and_iso(value: object, printed: str) -> None:
    assert render("{{ x }}", {"x": value}) == printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        (" false ", False),
        ("0", False),
        ("-0", False),
        ("False", True),
        ("0.0", True),
        ("no", True),
        ("x", True),
    ],
)
def test_a_rendered_condition_is_false_only_for_four_texts(text: str, expected: bool) -> None:
    assert is_true_text(text) is expected


SYNTAX = [
    ("{{ a", 1, 5, "`}}`"),
    ("x\n {{ a +* b }}", 2, 8, "a value"),
    ("{{ 'abc }}", 1, 4, "not closed"),
    ("{% if a %}x", 1, 12, "{% endif %}"),
    ("{% whil a %}", 1, 1, "no tag `whil`"),
    ("{% endif %}", 1, 1, "endif"),
    ("{# x", 1, 1, "`#}`"),
    ("{% raw %}x", 1, 1, "endraw"),
    ("{% for x of y %}{% endfor %}", 1, 10, "`in`"),
    ("{{ [1,2 }}", 1, 9, "`]`"),
    ("{{ a ? b }}", 1, 10, "`:`"),
    ("{{ a} }", 1, 5, "`}}`"),
    ("{{ f(a=1, 2) }}", 1, 11, "without a name"),
    ("a\n{{ 'x' | uper }}", 2, 10, "did you mean 'upper'"),
    ("{{ nwo() }}", 1, 4, "did you mean 'now'"),
    ("{{ a is defind }}", 1, 9, "did you mean 'defined'"),
    ("{{ 'x' | upper(1) }}", 1, 10, "at most 0"),
    ("{{ 'x' | date(formt='y') }}", 1, 10, "did you mean 'format'"),
    ("{{ 'x' | dateAdd(1) }}", 1, 10, "needs the argument 'unit'"),
    ("{{ 'x'.upper() }}", 1, 8, "value | upper"),
    ("{{ 9999999999999999999 }}", 1, 4, "64 bits"),
    ('{{ "#{1 +}" }}', 1, 4, "is not an expression"),
    ("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", 1, 34, "at most 1"),
]


@pytest.mark.parametrize(("text", "line", "column", "says"), SYNTAX)
def test_a_syntax_error_has_its_place_and_says_what_is_valid(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        compile_template(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert says in str(caught.value)


UNDEFINED = [
    ("{{ nope }}", "nope", "'nope' is not defined"),
    ("a\n\n{{ vars.nope }}", "nope", "line 3, column 9: vars has no 'nope'"),
    ("{{ outputs.extract.uri }}", "uri", "outputs.extract has no 'uri'"),
    ("{{ vars.items[3] }}", "3", "it has 3 items"),
    ("{{ vars.nothing.x }}", "x", "vars.nothing is null"),
    ("{{ inputs.taxi.x }}", "x", "asked of text"),
    ("{{ input.taxi }}", "input", "did you mean 'inputs'"),
    ("{{ outputs.my-task }}", "my", "['my-task']"),
    ("{% for i in [1] %}{{ j }}{% endfor %}", "j", "'j' is not defined"),
    ("{% macro m() %}{{ vars.name }}{% endmacro %}{{ m() }}", "vars", "'vars' is not defined"),
    ("{{ vars.nope | upper }}", "nope", "vars has no 'nope'"),
    ("{{ vars.nope is empty }}", "nope", "vars has no 'nope'"),
]


@pytest.mark.parametrize(("text", "name", "says"), UNDEFINED)
def test_an_undefined_name_names_itself_the_expression_and_the_line(text: str, name: str, says: str) -> None:
    error = failure(text)
    assert error.name == name
    assert says in str(error)
    assert error.expression in str(error)
    assert error.line == text[: text.index(error.expression)].count("\n") + 1


def test_a_run_without_a_trigger_is_told_how_to_give_a_slot() -> None:
    error = failure("{{ trigger.date }}", {})
    assert error.name == "trigger"
    assert "--slot 2021-03" in str(error)


def test_an_error_survives_its_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(failure("{{ vars.nope }}")))
    assert (error.name, error.line, error.expression, error.code) == ("nope", 1, "{{ vars.nope }}", "expression-failed")


def test_variables_render_once() -> None:
    assert render("{{ vars.file }}") == CONTEXT["vars"]["file"]  # type: ignore[index]


DEEP = {"first": "1", "second": "{{first}}", "third": "{{second}}", "list": ["{{third}}", 1], "map": {"k": "{{third}}"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ third }}", "{{second}}"),
        ("{{ renderOnce(third) }}", "{{first}}"),
        ("{{ render(third, recursive=false) }}", "{{first}}"),
        ("{{ render(third) }}", "1"),
        ("{{ render(list) }}", '["1",1]'),
        ("{{ renderOnce(map) }}", '{"k":"{{second}}"}'),
        ("{{ render(null) }}{{ render(5) }}", "5"),
        ("{% set t = '{{ s }}' %}{% set s = 'seen' %}{{ render(t) }}", "seen"),
        ("{{ render('{% raw %}{{ first }}{% endraw %}') }}", "{{ first }}"),
    ],
)
def test_render_goes_on_until_nothing_changes(text: str, expected: str) -> None:
    assert render(f"{{% raw %}}{{% endraw %}}{text}", DEEP) == expected


def test_render_deep_is_what_the_function_does() -> None:
    assert render_deep("{{ third }}", DEEP, WORLD) == "1"


def test_variables_that_hold_each_other_end_after_a_hundred_rounds() -> None:
    error = failure("{{ render(a) }}", {"a": "{{ b }}", "b": "{{ a }}"})
    assert "100 rounds" in str(error)


def test_a_name_undefined_inside_render_is_not_taken_for_the_callers() -> None:
    assert "'gone' is not defined" in str(failure("{{ render(x) ?? 'default' }}", {"x": "{{ gone }}"}))
