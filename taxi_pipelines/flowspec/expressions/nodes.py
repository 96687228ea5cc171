"""The syntax tree: what a template says, without any meaning.

Apart from the parser, which makes it, and from `evaluate` and `statements`, which compile it. Lines and columns count from 1
in the template's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """Anything with a place in the text."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression(Node):
    """Has a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal(Expression):
    """`1`, `1.5`, `'text'`, `true`, `null`."""

    value: str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Name(Expression):
    """A variable."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute(Expression):
    """`target.name`."""

    target: Expression
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Index(Expression):
    """`target[key]`."""

    target: Expression
    key: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument(Node):
    """One argument of a call; a name where it was given by name."""

    name: str | None
    value: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Expression):
    """`name(…)`: a function, or a macro of the template."""

    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method(Expression):
    """`target.name(…)`."""

    target: Expression
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter(Expression):
    """`target | name(…)`."""

    target: Expression
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Test(Expression):
    """`target is name`, `target is not name`."""

    target: Expression
    name: str
    negated: bool
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unary(Expression):
    """`not x`, `-x`, `+x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Operand(Node):
    """An operator of a chain with what stands right of it."""

    operator: str
    value: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain(Expression):
    """Operators of one precedence, applied from the left: `first op x op y`. Flat, so that a long sum is not a deep tree."""

    first: Expression
    rest: tuple[Operand, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ternary(Expression):
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class ListOf(Expression):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair(Node):
    """`key: value` of a map."""

    key: Expression
    value: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class MapOf(Expression):
    """`{'a': 1}`."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Text(Node):
    """What stands between the tags, already trimmed; `raw` where it came from a raw block."""

    text: str
    raw: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Tag(Node):
    """`source` is the tag as written, for messages."""

    source: str


Statement = Text | Tag
Body = tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Output(Tag):
    """`{{ expression }}`."""

    expression: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch(Tag):
    """`{% if condition %}` or `{% elseif condition %}` with its body."""

    condition: Expression
    body: Body


@dataclass(frozen=True, kw_only=True, slots=True)
class If(Tag):
    """The first branch whose condition holds, else `otherwise`."""

    branches: tuple[Branch, ...]
    otherwise: Body


@dataclass(frozen=True, kw_only=True, slots=True)
class For(Tag):
    """`otherwise` is rendered where there is nothing to loop over."""

    name: str
    iterable: Expression
    body: Body
    otherwise: Body


@dataclass(frozen=True, kw_only=True, slots=True)
class Set(Tag):
    """`{% set name = value %}`."""

    name: str
    value: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter(Node):
    """Of a macro; null where there is no default."""

    name: str
    default: Expression | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Macro(Tag):
    """A piece of template with parameters, called like a function."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Body


def walk(root: Node | Body) -> Iterator[Node]:
    """Every node below and with `root`, in the order of the text."""
    waiting: list[object] = [root]
    while waiting:
        here = waiting.pop()
        if isinstance(here, tuple):
            waiting.extend(reversed(here))
        elif isinstance(here, Node):
            yield here
            waiting.extend([getattr(here, name) for name in _parts(here)])


def _parts(node: Node) -> tuple[str, ...]:
    """The fields that may hold nodes, the last first; found once for each class."""
    kind = type(node)
    if kind not in _PARTS:
        names = (field.name for field in reversed(fields(kind)))
        _PARTS[kind] = tuple(name for name in names if name not in ("line", "column", "source"))
    return _PARTS[kind]


_PARTS: dict[type[Node], tuple[str, ...]] = {}
