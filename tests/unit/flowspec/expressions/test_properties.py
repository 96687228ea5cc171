"""What holds of every template and every value."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.expressions import Limits
from taxi_pipelines.flowspec.expressions.library import FILTERS, FUNCTIONS, TESTS
from tests.support.expressions import CONTEXT, render

TAGS = ("{{", "{%", "{#")
SLOW = frozenset({"jq", "split", "replace"})  # ask another process: their edges are in test_filters and test_bounds
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text() | st.text(st.characters())  # the second may have lone surrogates
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10)
PIECES = st.sampled_from(
    [
        *"(){}[]|.,:?~+-*/%=<>'\"#", " ", "\n", "{{", "}}", "{%", "%}", "{#", "#}", "-}}", "..", "??", "???", "==", "1", "0", "2.5", "'a'", "[]",
        "if ", "elseif ", "else", "endif", "for ", " in ", "endfor", "set ", "macro ", "endmacro", "raw", "endraw", " is ", " is not ", " and ", " or ",
        " not ", " contains ", "vars", "inputs", "missing", "x", "null", "true", *TESTS, *FUNCTIONS, *sorted(set(FILTERS) - SLOW),
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.text().filter(lambda text: not any(tag in text for tag in TAGS)))
def test_text_without_tags_renders_as_itself(text: str) -> None:
    assert render(text) == text
    assert render("{{ '' }}" + text) == text


@settings(deadline=None)
@given(values)
def test_json_printing_reads_back(value: object) -> None:
    rendered = render("{{ x | json }}", {"x": value})
    assert json.loads(rendered) == value
    assert render("{{ fromJson(x | json) == x }}", {"x": value}) == "true"


@settings(deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="ascii", exclude_categories=["C"])),
        st.lists,
    )
)
def test_yaml_printing_reads_back(value: object) -> None:
    assert yaml.safe_load(render("{{ x | yaml }}", {"x": value})) == value


@settings(deadline=None)
@given(st.text())
def test_a_text_survives_each_pair_of_filters(text: str) -> None:
    assert render("{{ x | base64encode | base64decode }}", {"x": text}) == text
    assert render("{{ x | urlencode | urldecode }}", {"x": text}) == text
    assert render("{{ x | json | upper | length > 1 }}", {"x": text}) == "true"


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_a_date_printed_is_read_again(moment: datetime) -> None:
    pattern = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
    text = render("{{ d | date(p) }}", {"d": moment, "p": pattern})
    assert (
        render("{{ t | date(p, existingFormat=p) }}", {"t": text, "p": pattern})
        == text
        == moment.isoformat(timespec="microseconds")
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join), st.booleans())
def test_no_text_makes_anything_but_an_expression_failed(text: str, inside: bool) -> None:
    with contextlib.suppress(ExpressionFailed):
        render(f"{{{{ {text} }}}}" if inside else text, limits=Limits(steps=20_000, output=100_000))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({*FILTERS} - SLOW)), values, st.lists(values, max_size=3))
def test_no_filter_makes_anything_but_an_expression_failed(name: str, value: object, arguments: list[object]) -> None:
    given_arguments = ", ".join(f"a{number}" for number in range(len(arguments)))
    context = {"x": value} | {f"a{number}": argument for number, argument in enumerate(arguments)}
    with contextlib.suppress(ExpressionFailed):
        render(f"{{{{ x | {name}({given_arguments}) }}}}", context)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["+", "-", "*", "/", "%", "~", "==", "!=", "<", ">=", "contains", "??", "..", "and", "or"]),
    values,
    values,
)
def test_no_operator_makes_anything_but_an_expression_failed(operator: str, left: object, right: object) -> None:
    with contextlib.suppress(ExpressionFailed):
        render(f"{{{{ x {operator} y }}}}", {"x": left, "y": right})


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted({*FUNCTIONS} - {"read", "fileSize", "secret"})), st.lists(values, max_size=3))
def test_no_function_makes_anything_but_an_expression_failed(name: str, arguments: list[object]) -> None:
    given_arguments = ", ".join(f"a{number}" for number in range(len(arguments)))
    context = CONTEXT | {f"a{number}": argument for number, argument in enumerate(arguments)}
    with contextlib.suppress(ExpressionFailed):
        render(f"{{{{ {name}({given_arguments}) }}}}", context)


@settings(deadline=None)
@given(st.integers(-(2**31), 2**31), st.integers(-(2**31), 2**31).filter(bool))
def test_division_and_remainder_belong_together(left: int, right: int) -> None:
    assert render("{{ x / y * y + x % y == x }}", {"x": left, "y": right}) == "true"
