"""Tags compiled to closures: what a template prints. Expressions inside them are compiled by `evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from taxi_pipelines.flowspec.expressions import nodes
from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.evaluate import Compiler, Run
from taxi_pipelines.flowspec.expressions.failures import Refused, Where
from taxi_pipelines.flowspec.expressions.values import is_true, kind, to_text

Step = Callable[[Frame], None]
MacroRun = Callable[[Frame, Sequence[object | None]], str]


def compile_body(body: nodes.Body, macros: Mapping[str, nodes.Macro], *, keep_raw: bool) -> Step:
    """Prints the body. `keep_raw` prints raw blocks with their tags, for a text that is rendered again."""
    steps = [_statement(statement, macros, keep_raw) for statement in body if not isinstance(statement, nodes.Macro)]

    def run(frame: Frame) -> None:
        for step in steps:
            step(frame)

    return run


def compile_macro(macro: nodes.Macro, macros: Mapping[str, nodes.Macro], *, keep_raw: bool) -> MacroRun:
    """A macro sees its parameters and what it sets itself, nothing of the template around it."""
    compiler = Compiler(macro.source, macros)
    parameters = [(each.name, compiler.expression(each.default) if each.default else None) for each in macro.parameters]
    body = compile_body(macro.body, macros, keep_raw=keep_raw)

    def run(frame: Frame, arguments: Sequence[object | None]) -> str:
        own: dict[str, object] = {}
        inner = frame.nested({}, frame.macros, own)
        for (name, default), given in zip(parameters, arguments, strict=True):
            own[name] = given[0] if isinstance(given, tuple) else default(inner) if default else None
        body(inner)
        return inner.taken()

    return run


def _statement(node: nodes.Statement, macros: Mapping[str, nodes.Macro], keep_raw: bool) -> Step:
    if isinstance(node, nodes.Text):
        text = f"{{% raw %}}{node.text}{{% endraw %}}" if node.raw and keep_raw else node.text
        where = Where(source=node.text, line=node.line, column=node.column)
        return _guarded(lambda frame: frame.emit(text), where, cost=1)
    compiler = Compiler(node.source, macros)
    where = compiler.where(node)

    def body(inside: nodes.Body) -> Step:
        return compile_body(inside, macros, keep_raw=keep_raw)

    match node:
        case nodes.Output():
            return _output(node, compiler.expression(node.expression), where)
        case nodes.If():
            branches = [
                (_condition(Compiler(branch.source, macros), branch), body(branch.body)) for branch in node.branches
            ]
            return _if(branches, body(node.otherwise))
        case nodes.For():
            return _for(node, compiler.expression(node.iterable), body(node.body), body(node.otherwise), where)
        case nodes.Set(name=name):
            value = compiler.expression(node.value)
            return _guarded(lambda frame: frame.assign(name, value(frame)), where, cost=_cost(node))
    raise TypeError(f"no such tag: {node!r}")


def _guarded(step: Step, where: Where, cost: int) -> Step:
    """A step that is paid for before it is taken, and that knows its place when it is refused."""

    def run(frame: Frame) -> None:
        try:
            frame.budget.spend(cost)
            step(frame)
        except Refused as error:
            raise where.failed(error) from None

    return run


def _cost(node: nodes.Node) -> int:
    """Of evaluating a tag's expression once: its nodes."""
    return sum(1 for _ in nodes.walk(node))


def _output(node: nodes.Output, value: Run, where: Where) -> Step:
    def run(frame: Frame) -> None:
        frame.emit(to_text(value(frame), frame.budget))

    return _guarded(run, where, _cost(node))


def _condition(compiler: Compiler, branch: nodes.Branch) -> Callable[[Frame], bool]:
    condition, where, cost = compiler.expression(branch.condition), compiler.where(branch), _cost(branch.condition)

    def run(frame: Frame) -> bool:
        try:
            frame.budget.spend(cost)
            return is_true(condition(frame))
        except Refused as error:
            raise where.failed(error) from None

    return run


def _if(branches: list[tuple[Callable[[Frame], bool], Step]], otherwise: Step) -> Step:
    def run(frame: Frame) -> None:
        for condition, body in branches:
            if condition(frame):
                body(frame)
                return
        otherwise(frame)

    return run


def _for(node: nodes.For, iterable: Run, body: Step, otherwise: Step, where: Where) -> Step:
    """Over a list, or over a map's entries, each with `key` and `value`. Nothing at all is printed for null."""
    name, cost = node.name, _cost(node.iterable)

    def run(frame: Frame) -> None:
        frame.budget.spend(cost)
        value = iterable(frame)
        if value is None:
            return
        if isinstance(value, dict):
            value = [{"key": key, "value": each} for key, each in value.items()]
        if not isinstance(value, list):
            raise Refused(f"{kind(value)} cannot be looped over", "a JSON text becomes a list with fromJson()")
        if not value:
            otherwise(frame)
            return
        scope: dict[str, object] = {}
        frame.scopes.append(scope)
        try:
            for index, each in enumerate(value):
                frame.budget.spend(2)
                scope["loop"] = _loop(index, len(value))
                scope[name] = each
                body(frame)
        finally:
            frame.scopes.pop()

    return _guarded(run, where, cost=1)


def _loop(index: int, length: int) -> dict[str, object]:
    return {
        "index": index,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
        "revindex": length - index - 1,
    }
