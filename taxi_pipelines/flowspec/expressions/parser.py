"""Template text → syntax tree: the grammar is `grammar.lark`, its tree is made into ours here."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from importlib.resources import files
from typing import NoReturn

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from taxi_pipelines.flowspec.expressions import nodes
from taxi_pipelines.flowspec.expressions.failures import Refused, Where
from taxi_pipelines.flowspec.expressions.syntax_errors import syntax_error, tag_around

NESTING = 100
LARGEST = 2**63
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "none": None}
INTERPOLATED = re.compile(r"#\{((?:[^{}']|'[^']*')*)\}")
TRIMMING_CLOSES = ("-}}", "-%}", "-#}")
TRIMMING_OPENS = re.compile(r"\{(?:[%#]-|\{-\s)")
RAW_BLOCK = re.compile(r"\{%-?\s*(?:raw|verbatim)\s*(-?)%\}(.*)\{%(-?)\s*end\w+\s*-?%\}", re.DOTALL)

_Tree = Tree[Token]


def parse(text: str) -> nodes.Body:
    """The statements of a template. Raises ExpressionFailed at the first thing that does not belong where it stands."""
    try:
        tree = _grammar().parse(text, start="start")
    except UnexpectedInput as error:
        raise syntax_error(text, error) from error
    return _Builder(text).body(_child(tree, 0))


@functools.cache
def _grammar() -> Lark:
    source = files("taxi_pipelines.flowspec.expressions").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(source, parser="lalr", start=["start", "expression_only"], maybe_placeholders=True)


def _child(tree: _Tree, index: int) -> _Tree:
    child = tree.children[index]
    assert isinstance(child, Tree)
    return child


def _trees(tree: _Tree, rule: str = "") -> list[_Tree]:
    return [child for child in tree.children if isinstance(child, Tree) and (not rule or child.data == rule)]


def _place(at: Token | nodes.Node) -> tuple[int, int]:
    return at.line or 1, at.column or 1


def _token(tree: _Tree, index: int) -> Token:
    child = tree.children[index]
    assert isinstance(child, Token)
    return child


class _Builder:
    """Makes nodes of one text; counts how deep they are nested."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0

    def refuse(self, at: Token | nodes.Node, what: str, hint: str = "") -> NoReturn:
        line, column = _place(at)
        raise Where(source=tag_around(self.text, line, column), line=line, column=column).failed(Refused(what, hint))

    def enter(self, tree: _Tree) -> None:
        self.depth += 1
        if self.depth > NESTING:
            first = next(tree.scan_values(lambda _token: True))
            self.refuse(first, f"nested deeper than {NESTING} levels", "split it with {% set %}")

    # Statements

    def body(self, tree: _Tree) -> nodes.Body:
        self.enter(tree)
        statements: list[nodes.Statement] = []
        for child in tree.children:
            if isinstance(child, Token):
                statements.extend(self.plain(child))
            elif isinstance(child, Tree):
                statements.append(STATEMENTS[child.data](self, child))
        self.depth -= 1
        return tuple(statements)

    def plain(self, token: Token) -> list[nodes.Text]:
        """Text between tags and raw blocks, trimmed where the tag beside it has a `-`; nothing for a comment."""
        if token.type == "COMMENT":
            return []
        start, end = token.start_pos or 0, token.end_pos or 0
        value, raw = str(token), token.type == "RAW"
        if raw and (block := RAW_BLOCK.fullmatch(value)):
            value = block[2].lstrip() if block[1] else block[2]
            value = value.rstrip() if block[3] else value
        else:
            if self.text[max(start - 3, 0) : start] in TRIMMING_CLOSES:
                value = value.lstrip()
            if TRIMMING_OPENS.match(self.text, end):
                value = value.rstrip()
        line, column = _place(token)
        return [nodes.Text(text=value, raw=raw, line=line, column=column)] if value else []

    def source(self, first: Token, last: Token) -> str:
        return self.text[first.start_pos : last.end_pos]

    def output(self, tree: _Tree) -> nodes.Output:
        opening, brace, last = _token(tree, 0), _token(tree, -2), _token(tree, -1)
        if brace.end_pos != last.start_pos:
            self.refuse(brace, "`}}` must be written without a space between")
        line, column = _place(opening)
        expression = self.expression(tree.children[1])
        return nodes.Output(source=self.source(opening, last), expression=expression, line=line, column=column)

    def if_tag(self, tree: _Tree) -> nodes.If:
        branches = (self.branch(tree), *(self.branch(part) for part in _trees(tree, "else_if")))
        line, column = _place(branches[0])
        otherwise = self.otherwise(tree)
        return nodes.If(source=branches[0].source, branches=branches, otherwise=otherwise, line=line, column=column)

    def branch(self, tree: _Tree) -> nodes.Branch:
        opening = _token(tree, 0)
        line, column = _place(opening)
        source = self.source(opening, _token(tree, 2))
        condition, body = self.expression(tree.children[1]), self.body(_child(tree, 3))
        return nodes.Branch(source=source, condition=condition, body=body, line=line, column=column)

    def otherwise(self, tree: _Tree) -> nodes.Body:
        return next((self.body(_child(part, -1)) for part in _trees(tree, "else_body")), ())

    def for_tag(self, tree: _Tree) -> nodes.For:
        line, column = _place(_token(tree, 0))
        return nodes.For(
            source=self.source(_token(tree, 0), _token(tree, 3)),
            name=str(_token(tree, 1)),
            iterable=self.expression(tree.children[2]),
            body=self.body(_child(tree, 4)),
            otherwise=self.otherwise(tree),
            line=line,
            column=column,
        )

    def set_tag(self, tree: _Tree) -> nodes.Set:
        line, column = _place(_token(tree, 0))
        source = self.source(_token(tree, 0), _token(tree, 3))
        name, value = str(_token(tree, 1)), self.expression(tree.children[2])
        return nodes.Set(source=source, name=name, value=value, line=line, column=column)

    def macro_tag(self, tree: _Tree) -> nodes.Macro:
        line, column = _place(_token(tree, 0))
        close = next(child for child in tree.children if isinstance(child, Token) and child.type == "CLOSE")
        return nodes.Macro(
            source=self.source(_token(tree, 0), close),
            name=str(_token(tree, 1)),
            parameters=tuple(self.parameter(child) for child in _trees(tree, "parameter")),
            body=self.body(_trees(tree, "body")[0]),
            line=line,
            column=column,
        )

    def parameter(self, tree: _Tree) -> nodes.Parameter:
        line, column = _place(_token(tree, 0))
        default = None if tree.children[1] is None else self.expression(tree.children[1])
        return nodes.Parameter(name=str(_token(tree, 0)), default=default, line=line, column=column)

    # Expressions

    def expression(self, tree: object) -> nodes.Expression:
        assert isinstance(tree, Tree)
        self.enter(tree)
        made = EXPRESSIONS[tree.data](self, tree)
        self.depth -= 1
        return made

    def chain(self, tree: _Tree) -> nodes.Chain:
        first, rest = self.expression(tree.children[0]), []
        for index in range(1, len(tree.children), 2):
            operator = _token(tree, index)
            line, column = _place(operator)
            value = self.expression(tree.children[index + 1])
            rest.append(nodes.Operand(operator=str(operator), value=value, line=line, column=column))
        return nodes.Chain(first=first, rest=tuple(rest), line=first.line, column=first.column)

    def ternary(self, tree: _Tree) -> nodes.Ternary:
        condition, then, otherwise = (self.expression(child) for child in tree.children)
        line, column = _place(condition)
        return nodes.Ternary(condition=condition, then=then, otherwise=otherwise, line=line, column=column)

    def test(self, tree: _Tree) -> nodes.Test:
        word, name = _token(tree, 1), _token(tree, 2)
        target, arguments = self.expression(tree.children[0]), self.arguments(tree, 3)
        line, column = _place(name)
        negated = word.type == "IS_NOT"
        return nodes.Test(target=target, negated=negated, name=str(name), arguments=arguments, line=line, column=column)

    def filter(self, tree: _Tree) -> nodes.Filter:
        name = _token(tree, 1)
        target, arguments = self.expression(tree.children[0]), self.arguments(tree, 2)
        line, column = _place(name)
        return nodes.Filter(target=target, name=str(name), arguments=arguments, line=line, column=column)

    def unary(self, tree: _Tree) -> nodes.Unary:
        operator = _token(tree, 0)
        operand = self.expression(tree.children[1])
        line, column = _place(operator)
        return nodes.Unary(operator=str(operator), operand=operand, line=line, column=column)

    def attribute(self, tree: _Tree) -> nodes.Attribute:
        name = _token(tree, 1)
        target = self.expression(tree.children[0])
        line, column = _place(name)
        return nodes.Attribute(target=target, name=str(name), line=line, column=column)

    def method(self, tree: _Tree) -> nodes.Method:
        name = _token(tree, 1)
        target, arguments = self.expression(tree.children[0]), self.arguments(tree, 2)
        line, column = _place(name)
        return nodes.Method(target=target, name=str(name), arguments=arguments, line=line, column=column)

    def index(self, tree: _Tree) -> nodes.Index:
        target, key = self.expression(tree.children[0]), self.expression(tree.children[2])
        return nodes.Index(target=target, key=key, line=key.line, column=key.column)

    def name(self, tree: _Tree) -> nodes.Name:
        token = _token(tree, 0)
        line, column = _place(token)
        return nodes.Name(name=str(token), line=line, column=column)

    def call(self, tree: _Tree) -> nodes.Call:
        name = _token(tree, 0)
        line, column = _place(name)
        return nodes.Call(name=str(name), arguments=self.arguments(tree, 1), line=line, column=column)

    def arguments(self, call: _Tree, index: int) -> tuple[nodes.Argument, ...]:
        made: list[nodes.Argument] = []
        for child in _trees(_child(call, index)) if index < len(call.children) else ():
            named = child.data == "named"
            name = str(_token(child, 0)) if named else None
            value = self.expression(child.children[1] if named else child)
            if not named and made and made[-1].name is not None:
                self.refuse(value, "an argument without a name stands after one with a name")
            made.append(nodes.Argument(name=name, value=value, line=value.line, column=value.column))
        return tuple(made)

    def number(self, tree: _Tree) -> nodes.Literal:
        token = _token(tree, 0)
        line, column = _place(token)
        written = str(token).rstrip("L")
        value = float(written) if "." in written else int(written[:40])
        if abs(value) >= (LARGEST if isinstance(value, int) else float("inf")):
            self.refuse(token, "the number does not fit into 64 bits")
        return nodes.Literal(value=value, line=line, column=column)

    def constant(self, tree: _Tree) -> nodes.Literal:
        token = _token(tree, 0)
        line, column = _place(token)
        return nodes.Literal(value=CONSTANTS[str(token).lower()], line=line, column=column)

    def string(self, tree: _Tree) -> nodes.Expression:
        """A backslash only escapes the quote; a double-quoted text may hold `#{expression}`."""
        token = _token(tree, 0)
        quote, inside = token[0], token[1:-1]
        if quote == '"' and "#{" in inside:
            return self.interpolated(token, INTERPOLATED.split(inside))
        line, column = _place(token)
        return nodes.Literal(value=inside.replace("\\" + quote, quote), line=line, column=column)

    def interpolated(self, token: Token, pieces: list[str]) -> nodes.Chain:
        line, column = _place(token)
        texts: list[nodes.Expression] = [
            nodes.Literal(value=piece.replace('\\"', '"'), line=line, column=column) for piece in pieces[::2]
        ]
        rest: list[nodes.Operand] = []
        for piece, text in zip(pieces[1::2], texts[1:], strict=True):
            values = (self.inside_text(token, piece), text)
            rest += [nodes.Operand(operator="~", value=value, line=line, column=column) for value in values]
        return nodes.Chain(first=texts[0], rest=tuple(rest), line=line, column=column)

    def inside_text(self, token: Token, piece: str) -> nodes.Expression:
        try:
            tree = _grammar().parse(piece, start="expression_only")
        except UnexpectedInput as error:
            self.refuse(token, f"`#{{{piece}}}` is not an expression", syntax_error(piece, error).what)
        return _Builder(piece).expression(tree.children[0])

    def list_of(self, tree: _Tree) -> nodes.ListOf:
        line, column = _place(_token(tree, 0))
        items = tuple(self.expression(child) for child in _trees(tree))
        return nodes.ListOf(items=items, line=line, column=column)

    def map_of(self, tree: _Tree) -> nodes.MapOf:
        line, column = _place(_token(tree, 0))
        return nodes.MapOf(pairs=tuple(self.pair(child) for child in _trees(tree)), line=line, column=column)

    def pair(self, tree: _Tree) -> nodes.Pair:
        key, value = self.expression(tree.children[0]), self.expression(tree.children[1])
        return nodes.Pair(key=key, value=value, line=key.line, column=key.column)


STATEMENTS: dict[str, Callable[[_Builder, _Tree], nodes.Statement]] = {
    "output": _Builder.output,
    "if_tag": _Builder.if_tag,
    "for_tag": _Builder.for_tag,
    "set_tag": _Builder.set_tag,
    "macro_tag": _Builder.macro_tag,
}
EXPRESSIONS: dict[str, Callable[[_Builder, _Tree], nodes.Expression]] = {
    **dict.fromkeys(
        ("either", "both", "check", "comparison", "sum", "product", "joined", "fallback", "tested", "piped"),
        _Builder.chain,
    ),
    "ternary": _Builder.ternary,
    "test": _Builder.test,
    "filter": _Builder.filter,
    "unary": _Builder.unary,
    "attribute": _Builder.attribute,
    "method": _Builder.method,
    "index": _Builder.index,
    "name": _Builder.name,
    "call": _Builder.call,
    "number": _Builder.number,
    "constant": _Builder.constant,
    "string": _Builder.string,
    "list": _Builder.list_of,
    "map": _Builder.map_of,
}
