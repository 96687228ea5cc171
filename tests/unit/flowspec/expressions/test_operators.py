from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.support.expressions import failure, render

VALUES = [
    ("1 + 2 * 3", "7"),
    ("(1 + 2) * 3", "9"),
    ("7 / 2", "3"),
    ("-7 / 2", "-3"),
    ("-7 % 3", "-1"),
    ("7 % -3", "1"),
    ("7.0 / 2", "3.5"),
    ("'a' + 1", "a1"),
    ("1 + 'a'", "1a"),
    ("'4' * 2", "8"),
    ("'04' + 1", "041"),
    ("'2020' - 1", "2019"),
    ("[1] + 2", "[1,2]"),
    ("[1] + [2]", "[1,2]"),
    ("[1, 2, 1] - 1", "[2,1]"),
    ("[1, 2, 1] - [1]", "[2]"),
    ("'a' ~ 1 ~ null ~ true ~ [1]", "a1true[1]"),
    ("-2 - -3", "1"),
    ("1 == 1.0", "true"),
    ("'04' == 4", "false"),
    ("'04' == '04'", "true"),
    ("true == 1", "false"),
    ("[1, 2] == [1.0, 2]", "true"),
    ("[true] == [1]", "false"),
    ("{'a': 1} == {'a': 1}", "true"),
    ("null == null", "true"),
    ("1 != 2", "true"),
    ("1 equals 1", "true"),
    ("1 < 2", "true"),
    ("'b' > 'a'", "true"),
    ("'10' < '9'", "true"),
    ("null < 1", "false"),
    ("1 >= 1 and 2 <= 2", "true"),
    ("true or missing", "true"),
    ("false and missing", "false"),
    ("not false", "true"),
    ("not 1 == 2", "false"),
    ("not (1 == 2)", "true"),
    ("true ? 'a' : missing", "a"),
    ("false ? missing : 'b'", "b"),
    ("true ? false ? 1 : 2 : 3", "2"),
    ("missing ?? 'x'", "x"),
    ("null ?? 'x'", "x"),
    ("null ??? 'x'", ""),
    ("missing ??? 'x'", "x"),
    ("missing.deeper[0] ?? missing ?? 'z'", "z"),
    ("missing ?? 'a' ~ 'b'", "ab"),
    ("(missing | upper) ?? 'x'", "x"),
    ("1..3", "[1,2,3]"),
    ("'a'..'c'", '["a","b","c"]'),
    ("3 | abs + 1", "4"),
    ("'a' ~ 'b' | upper", "AB"),
    ("'a' | upper ~ 'b'", "Ab"),
    ("'a' | upper ~ 'b' ~ missing ?? 'c' | lower", "abc"),
    ("missing | upper ?? 'x' ~ 'y'", "xy"),
    ("'a' + 'b' | upper ~ 'c'", "aBc"),
    ("missing is defined == false", "true"),
    ("missing is defined == false and true", "true"),
    ("1 + '2' | number", "3"),
    ("[1, 2, 3] contains 2", "true"),
    ("[1, 2, 3] contains [1, 3]", "true"),
    ("{'a': 1} contains 'a'", "true"),
    ("'abc' contains 'b'", "true"),
    ("null contains 'b'", "false"),
    ("[1] contains '1'", "false"),
    ("missing is defined", "false"),
    ("missing.deep is not defined", "true"),
    ("vars.nothing is defined", "false"),
    ("null is null", "true"),
    ("vars.name is not null", "true"),
    ("' ' is empty", "true"),
    ("[] is empty and {} is empty and null is empty", "true"),
    ("0 is empty", "false"),
    ("2 is even and 3 is odd", "true"),
    ("[1] is iterable", "true"),
    ("{} is iterable", "false"),
    ("{} is map", "true"),
    ("'[1' is json", "false"),
    ("'[1]' is json", "true"),
    ("1 is even ? 'e' : 'o'", "o"),
    ("vars.items[0] + vars.items['2']", "4"),
    ("vars.items.length() + vars.name.size() + vars.sizes.size()", "9"),
    ("vars.items.size", "3"),
    ("vars['na' ~ 'me']", "taxi"),
    ("vars['sizes'].small", "1"),
    ("TRUE", "true"),
    ("none", ""),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_an_expression_has_pebbles_value(expression: str, expected: str) -> None:
    assert render(f"{{{{ {expression} }}}}") == expected


@pytest.mark.parametrize(
    ("context", "expression", "expected"),
    [
        (
            {"t": {"values": [1], "keys": "k", "size": "s", "length": 2}},
            "t.values ~ t.keys ~ t.size ~ t.length",
            "[1]ks2",
        ),
        ({"t": {"values": 1}}, "t.size()", "1"),
        ({"m": {1: "one"}}, "m[1] ~ m['1']", "oneone"),
        ({"order": 1, "android": 2, "isle": 3, "notes": 4, "inner": 5}, "order + android + isle + notes + inner", "15"),
        (
            {"x": {"is": 1, "and": 2, "in": 3, "contains": 4, "true": 5}},
            "x.is + x.and + x.in + x.contains + x.true",
            "15",
        ),
        ({"d": Decimal("1.1")}, "d + 1", "2.1"),
        ({"d": Decimal("1.1")}, "d + 0.2", "1.3"),
        ({"a": date(2021, 1, 1), "b": date(2021, 1, 2)}, "a < b", "true"),
        ({"été": 1}, "été", "1"),
    ],
)
def test_names_and_keys_are_never_words_of_the_language(
    context: dict[str, object], expression: str, expected: str
) -> None:
    assert render(f"{{{{ {expression} }}}}", context) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1.5 / 0", "division by zero"),
        ("9223372036854775807 + 1", "64 bits"),
        ("'a' * 2", "'a' is not a number"),
        ("null + 1", "not null"),
        ("[1] * 2", "not a list"),
        ("1 < 'a'", "cannot be compared"),
        ("[] ? 1 : 2", "a condition cannot be a list"),
        ("not {}", "a condition cannot be a map"),
        ("5 contains 1", "`contains` asked of a number"),
        ("'a' is even", "a whole number is needed"),
        ("{[1]: 2}", "cannot be a key"),
        ("-vars.name", "is not a number"),
        ("5.size()", "asked of a number"),
    ],
)
def test_a_refused_operation_says_why(expression: str, says: str) -> None:
    assert says in str(failure(f"{{{{ {expression} }}}}"))
