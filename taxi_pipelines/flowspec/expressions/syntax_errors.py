"""A parser's error in the words of somebody who writes flows: where, what stands there, what was expected."""

from __future__ import annotations

import re

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.expressions.failures import nearest, shortened

TAGS = ("if", "elseif", "else", "endif", "for", "endfor", "set", "macro", "endmacro", "raw", "endraw")
VALUE = frozenset({"NAME", "NUMBER", "STRING", "CONSTANT", "LPAR", "LIST_OPEN", "MAP_OPEN", "NOT", "ADD"})
OPERATORS = frozenset(
    {
        "OR",
        "AND",
        "IS",
        "IS_NOT",
        "CONTAINS",
        "COMPARE",
        "ADD",
        "MULTIPLY",
        "JOIN",
        "FALLBACK",
        "RANGE",
        "QMARK",
        "VBAR",
        "DOT",
        "LIST_OPEN",
        "LPAR",
    }
)
WORDS = {
    "NAME": "a name",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}}`",
    "TRIMMED_BRACE": "`}}`",
    "CLOSE": "`%}`",
    "_IN": "`in`",
    "LPAR": "`(`",
    "ENDIF": "`{% endif %}`",
    "ELSE": "`{% else %}`",
    "ELSEIF": "`{% elseif … %}`",
    "ENDFOR": "`{% endfor %}`",
    "ENDMACRO": "`{% endmacro %}`",
}


def syntax_error(text: str, error: UnexpectedInput) -> ExpressionFailed:
    """The error to raise, with line and column in the text."""
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    position = len(text) if at_end else error.pos_in_stream or 0
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    source = _tag_at(text, position)
    what, hint = _found(text, position, at_end), _expected(error)
    if unknown := _unknown_tag(text, position):
        what, hint = unknown
    if text.startswith("{#", position):
        what, hint = "a comment that is not closed", "expected `#}`"
    message = f"syntax error at line {line}, column {column}: {what}" + (f" in {shortened(source)}" if source else "")
    return ExpressionFailed(message, hint, expression=source, line=line, column=column)


def _found(text: str, position: int, at_end: bool) -> str:
    if at_end:
        return "the text ends too early"
    found = re.match(r"\{%-?\s*\w+|[%}]\}|\w+|\S", text[position : position + 40])
    if found and found[0] in "'\"":
        return "a text that is not closed"
    return f"unexpected `{' '.join(found[0].split())}`" if found else "unexpected end"


def _unknown_tag(text: str, position: int) -> tuple[str, str] | None:
    """`{% while … %}`; the position may be the tag or its name."""
    start = text.rfind("{%", max(0, position - 4), position + 2)
    tag = re.match(r"\{%-?\s*(\w+)", text[start:]) if start >= 0 else None
    if tag is None:
        return None
    if tag[1] in ("raw", "verbatim"):
        return f"`{tag[0]} %}}` is not closed", f"expected `{{% end{tag[1]} %}}`"
    if tag[1] in TAGS:
        return None
    return f"there is no tag `{tag[1]}`", nearest(tag[1], TAGS)


def tag_around(text: str, line: int, column: int) -> str:
    """The tag that stands at a line and column."""
    return _tag_at(text, sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1)


def _tag_at(text: str, position: int) -> str:
    """From the last opening before the position to the end of that tag, or of the line where it has none."""
    start = max(text.rfind("{{", 0, position + 1), text.rfind("{%", 0, position + 1))
    if start < 0:
        return ""
    ends = [end + 2 for end in (text.find("}}", position), text.find("%}", position)) if end >= 0]
    line = text.find("\n", position)
    return text[start : min([*ends, line if line >= 0 else len(text)])]


def _expected(error: UnexpectedInput) -> str:
    names: set[str] = set()
    if isinstance(error, UnexpectedToken):
        names = set(error.accepts or error.expected or ())
    elif isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    words = []
    if {"NUMBER", "STRING"} <= names:
        words.append("a value")
        names -= VALUE
    if {"COMPARE", "MULTIPLY"} <= names:
        words.append("an operator")
        names -= OPERATORS
    words += sorted({WORDS[name] for name in names if name in WORDS})
    return f"expected {' or '.join(words)}" if words else ""
