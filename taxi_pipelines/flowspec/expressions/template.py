"""The public face: compile a text once, render it often.

    compile_template("{{ inputs.taxi }}_{{ trigger.date | date('yyyy-MM') }}").render(context, environment)

A template raises ExpressionFailed and nothing else, except a transient error of the environment's own, which passes unchanged.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.expressions import nodes
from taxi_pipelines.flowspec.expressions.budget import Budget
from taxi_pipelines.flowspec.expressions.environment import Environment, Frame
from taxi_pipelines.flowspec.expressions.evaluate import Compiler
from taxi_pipelines.flowspec.expressions.failures import Refused, UndefinedName, Where, shortened
from taxi_pipelines.flowspec.expressions.names import called_functions, free_names
from taxi_pipelines.flowspec.expressions.parser import parse
from taxi_pipelines.flowspec.expressions.statements import Step, compile_body, compile_macro

ROUNDS = 100
LONGEST = 250_000  # characters inside tags: parsing them takes about 2 s at worst
STEPS_PER_CHARACTER = 6  # inside the tags of a text that is only known while rendering
TAGS = ("{{", "{%", "{#")
TAG = re.compile(r"\{[{%].*?(?:[}%]\}|\Z)", re.DOTALL)
LONGEST_CACHED = 16_000
CACHED = 1_024

T = TypeVar("T")


class Template:
    """A compiled text; immutable and safe for threads. Made by `compile_template`."""

    def __init__(self, text: str, body: nodes.Body) -> None:
        self.text = text
        self._body = body
        self._macros = {node.name: node for node in nodes.walk(body) if isinstance(node, nodes.Macro)}
        self._printer = _Printer(body, self._macros, keep_raw=False)
        self._only = _only_expression(text, body)

    @functools.cached_property
    def _printer_of_raw_tags(self) -> _Printer:
        return _Printer(self._body, self._macros, keep_raw=True)

    def render(self, context: Mapping[str, object], environment: Environment) -> str:
        """The text with every tag replaced."""
        return _guarded(self.text, lambda: self.printed(_frame(context, environment)))

    def value(self, context: Mapping[str, object], environment: Environment) -> object:
        """The typed value of a template that is exactly one `{{ … }}`, the rendered text of any other."""
        run = self._only
        if run is None:
            return self.render(context, environment)
        return _guarded(self.text, lambda: run(_frame(context, environment)))

    def names(self) -> frozenset[str]:
        """The variables of the context it refers to, at their top level."""
        return free_names(self._body)

    def calls(self) -> frozenset[str]:
        """The functions it calls, its own macros left out."""
        return called_functions(self._body)

    def printed(self, around: Frame, *, keep_raw: bool = False) -> str:
        """Rendered inside another rendering, with its variables and on its budget; `keep_raw` leaves raw blocks in their tags."""
        return (self._printer_of_raw_tags if keep_raw else self._printer).printed(around)


class _Printer:
    """A body and its macros, compiled."""

    def __init__(self, body: nodes.Body, macros: Mapping[str, nodes.Macro], *, keep_raw: bool) -> None:
        self._step: Step = compile_body(body, macros, keep_raw=keep_raw)
        self._macros = {name: compile_macro(macro, macros, keep_raw=keep_raw) for name, macro in macros.items()}

    def printed(self, around: Frame) -> str:
        frame = around.nested(around.variables(), self._macros, {})
        self._step(frame)
        return frame.taken()


def compile_template(text: str) -> Template:
    """The template of a text; short ones are kept.

    Raises ExpressionFailed for wrong syntax, unknown filters, functions and tests, and arguments they do not have.
    """
    return _compiled(text) if len(text) <= LONGEST_CACHED else _compile(text)


def render_deep(text: str, context: Mapping[str, object], environment: Environment) -> str:
    """Rendered again and again until nothing changes, at most `ROUNDS` times; what `render()` does."""
    return _guarded(text, lambda: _settled(text, _frame(context, environment)))


def _compile(text: str) -> Template:
    if not _has_tags(text):
        return Template(text, (nodes.Text(text=text, line=1, column=1),))
    if (length := _length_of_tags(text)) > LONGEST:
        what, hint = (
            f"a template with tags of {length:,} characters is too long",
            f"at most {LONGEST:,}; render less at once",
        )
        raise ExpressionFailed(what, hint, expression=shortened(text))
    return _guarded(text, lambda: Template(text, parse(text)))


_compiled = functools.lru_cache(maxsize=CACHED)(_compile)


def _has_tags(text: str) -> bool:
    return any(opening in text for opening in TAGS)


def _length_of_tags(text: str) -> int:
    return sum(match.end() - match.start() for match in TAG.finditer(text))


def _only_expression(text: str, body: nodes.Body) -> Callable[[Frame], object] | None:
    node = body[0] if len(body) == 1 else None
    if not isinstance(node, nodes.Output) or node.source != text:
        return None
    return Compiler(text, {}).expression(node.expression)


def _frame(context: Mapping[str, object], environment: Environment) -> Frame:
    return Frame(context, environment, Budget(environment.limits), _nested)


def _nested(text: str, frame: Frame, deep: bool) -> str:
    """`render()` inside a template. A name undefined in there is an error of its own, not caught by a `??` around the call."""
    try:
        return _settled(text, frame) if deep else _once(text, frame, keep_raw=False)
    except UndefinedName as error:
        place = {"expression": error.expression, "name": error.name}
        raise ExpressionFailed(error.what, error.hint, line=error.line, column=error.column, **place) from error


def _once(text: str, frame: Frame, *, keep_raw: bool) -> str:
    if not _has_tags(text):
        return text
    frame.budget.spend(STEPS_PER_CHARACTER * _length_of_tags(text))
    frame.budget.text(len(text))
    return compile_template(text).printed(frame, keep_raw=keep_raw)


def _settled(text: str, frame: Frame) -> str:
    """Raw blocks stay closed from round to round and are opened at the end."""
    for _ in range(ROUNDS):
        rendered = _once(text, frame, keep_raw=True)
        if rendered == text:
            return _once(text, frame, keep_raw=False)
        text = rendered
    raise Refused(f"the text still changes after {ROUNDS} rounds of rendering", "does a variable hold itself?")


def _guarded(text: str, run: Callable[[], T]) -> T:
    """Turns what has no place yet into an error with one."""
    where = Where(source=text, line=1, column=1)
    try:
        return run()
    except Refused as error:
        raise where.failed(error) from error
    except RecursionError as error:
        raise where.failed(Refused("nested too deeply")) from error
