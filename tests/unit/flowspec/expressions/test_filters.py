"""What docs/expressions.md does not already show: edges and refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from taxi_pipelines.flowspec.expressions.library import FILTERS
from tests.support.expressions import failure, render

EDGES = [
    ("'' | capitalize", ""),
    ("'  aB' | capitalize", "  AB"),
    ("'aB cD' | title", "AB CD"),
    ("'abcd' | abbreviate(2)", "ab"),
    ("'abc' | abbreviate(2)", "abc"),
    ("'abc' | abbreviate(10)", "abc"),
    ("'abcdef' | abbreviate(3)", "abc"),
    ("'a,b,,' | split(',') | json", '["a","b"]'),
    ("'a,b,,' | split(',', -1) | json", '["a","b","",""]'),
    ("'a,b,c' | split(',', 2) | json", '["a","b,c"]'),
    ("'' | split(',') | json", '[""]'),
    ("'a.b' | split('.') | json", "[]"),
    ("'a.b' | split('\\.') | json", '["a","b"]'),
    ("'a|b' | split('|') | json", '["a","|","b"]'),
    ("'a1b22c' | split('\\d+', 2) | json", '["a","b22c"]'),
    ("'abc' | substringBefore('x')", "abc"),
    ("'abc' | substringAfter('x')", ""),
    ("'abc' | substringBeforeLast('x')", "abc"),
    ("'abc' | substringAfterLast('x')", ""),
    ("'a~b*c' | urlencode", "a%7Eb*c"),
    ("'x' | replace({'x': 'y', 'y': 'z'})", "z"),
    ("['ax', {'k': 'x'}] | replace({'x': 1})", '["a1",{"k":"1"}]'),
    ("'ab' | replace({'(?<first>.)b': '${first}c\\$'}, regexp=true)", "ac$"),
    ("'a.b' | replace({'.': '-'})", "a-b"),
    ("\"it's\" | escapeChar('single')", "it\\'s"),
    ("['\"', {'a': '\"'}] | escapeChar('double')", '["\\\\\\"",{"a":"\\\\\\""}]'),
    ("'' | nindent(2)", ""),
    ("1 | indent(2)", "1"),
    ("'a' | indent(2) ~ null", "a"),
    ("[] | first", ""),
    ("'' | last", ""),
    ("null | length", "0"),
    ("5 | length", "0"),
    ("[1, 2] | keys", "[0,1]"),
    ("[null, [1], 'a'] | join('-')", "-[1]-a"),
    ("[1, 2] | join", "12"),
    ("'abc' | slice(1)", "bc"),
    ("['b', 'a'] | sort", '["a","b"]'),
    ("[2, 1.5] | sort", "[1.5,2]"),
    ("[1, 1.0, true, '1', {'a': 1}, {'a': 1}] | distinct", '[1,true,"1",{"a":1}]'),
    ("null | merge([1])", "[1]"),
    ("[1] | merge([2])", "[1,2]"),
    ("'' | default('x')", "x"),
    ("0 | default('x')", "0"),
    ("false | default('x')", "false"),
    ("missing.deeper | default(null) | json", "null"),
    ("'a' | default(missing)", "a"),
    ("null | json", "null"),
    ("'string' | yaml", "string\n"),
    ("'04' | yaml", "'04'\n"),
    ("null | yaml", "null\n"),
    ("[[1], [1]] | yaml", "- - 1\n- - 1\n"),
    ("'08' | number", "8"),
    ("'1.50' | number", "1.5"),
    ("'1e3' | number", "1000.0"),
    ("' -5 ' | number('INT')", "-5"),
    ("'1.10' | number('BIGDECIMAL')", "1.10"),
    ("3 | number('DOUBLE')", "3.0"),
    ("3.7 | number('INT')", "3"),
    ("1.232654 | numberFormat('#.##')", "1.23"),
    ("1234 | numberFormat", "1,234"),
    ("1 | className", "java.lang.Integer"),
    ("3000000000 | className", "java.lang.Long"),
    ("1.5 | className", "java.lang.Double"),
    ("true | className ~ null", "java.lang.Boolean"),
    ("true | string", "true"),
    ("null | string", ""),
    ("'{\"a\": [1, 2]}' | jq('.a[]')", "[1,2]"),
    ("vars | jq('.items | length') | first", "3"),
    ("inputs | jq('.day') | first", "2021-03-01"),
    ("[1] | jq('.[0] == 1')", "[true]"),
    ("[] | jq('.[]')", "[]"),
]


@pytest.mark.parametrize(("expression", "expected"), EDGES)
def test_an_edge_is_met_as_in_pebble(expression: str, expected: str) -> None:
    assert render(f"{{{{ {expression} }}}}") == expected


REFUSED = [
    ("'a' | abbreviate(-1)", "must not be negative"),
    ("'a' | abbreviate('x')", "'x' is not a number"),
    ("'a' | replace('x')", "must be a map"),
    ("'a' | replace({'(': 'x'}, regexp=true)", "replace:"),
    ("'a' | replace({'a': '$1'}, regexp=true)", "no such group"),
    ("'a' | split(1)", "'delimiter' must be text"),
    ("'a' | escapeChar('html')", "'single', 'double' or 'shell'"),
    ("'a' | indent(-1)", "must not be negative"),
    ("'%%%' | base64decode", "not UTF-8 text in base64"),
    ("1 | first", "for lists and text"),
    ("1 | keys", "for maps and lists"),
    ("[] | values", "for maps"),
    ("'a' | join(',')", "for lists"),
    ("[1] | slice(2)", "does not fit a length of 1"),
    ("[1] | slice(0, 2)", "does not fit a length of 1"),
    ("[1, 'a'] | sort", "numbers, text"),
    ("[null] | sort", "cannot order null"),
    ("'a' | reverse", "for lists"),
    ("[1] | chunk(0)", "1 or more"),
    ("[1] | merge({})", "cannot be merged"),
    ("'1,5' | number", "'1,5' is not a number"),
    ("'nan' | number", "not a number"),
    ("'1_000' | number", "not a number"),
    ("'1.5' | number('INT')", "not a whole number"),
    ("'3000000000' | number('INT')", "LONG has 64 bits"),
    ("'1' | number('COMPLEX')", "BIGDECIMAL"),
    ("'a' | numberFormat", "`| number` makes a number"),
    ("[1] | string", "`| json`"),
    ("[1] | jq('.[')", "jq:"),
    ("'{' | jq('.')", "jq:"),
    ("[1] | jq(1)", "'expression' must be text"),
    ("[1] | jq('error(\"no\")')", "no"),
]


@pytest.mark.parametrize(("expression", "says"), REFUSED)
def test_a_refused_value_says_why(expression: str, says: str) -> None:
    assert says in str(failure(f"{{{{ {expression} }}}}"))


NOT_OF_NULL = {"json", "toJson", "yaml", "length", "startsWith", "endsWith", "default", "merge", "abs"}
ARGUMENTS: dict[str, object] = {
    "replace_pairs": {},
    "type": "single",
    "size": 1,
    "amount": 1,
    "unit": "DAYS",
    "length": 5,
}


@pytest.mark.parametrize("name", sorted(set(FILTERS) - NOT_OF_NULL))
def test_null_goes_through_a_filter(name: str) -> None:
    given = ", ".join(f"a.{parameter}" for parameter in FILTERS[name].required)
    context: dict[str, object] = {
        "a": {parameter: ARGUMENTS.get(parameter, ".") for parameter in FILTERS[name].required},
        "x": None,
    }
    assert render(f"{{{{ x | {name}{f'({given})' if given else ''} }}}}", context) == ""


def test_jq_knows_nothing_of_this_machine() -> None:
    assert render("{{ [1] | jq('env.HOME, $ENV.PATH') }}") == "[null,null]"
    assert "jq" in str(failure('{{ [1] | jq(\'import "a" as $a {search: "/"}; $a\') }}'))


def test_decimals_keep_their_places() -> None:
    assert render("{{ x }} {{ x + 1 }} {{ [x] }}", {"x": Decimal("1.10")}) == "1.10 2.10 [1.1]"
