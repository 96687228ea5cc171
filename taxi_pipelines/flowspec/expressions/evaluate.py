"""Expressions compiled to closures: `Compiler.expression(node)` gives a function from a frame to the value.

Compiled once, run often. Each closure that can fail knows its place and raises ExpressionFailed with it. How deep closures
call each other is bounded by the parser, how long they run by the frame's budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from taxi_pipelines.errors import ExpressionFailed, PermanentError
from taxi_pipelines.flowspec.expressions import nodes
from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Missing, Refused, UndefinedName, Where, nearest
from taxi_pipelines.flowspec.expressions.library import FILTERS, FUNCTIONS, TESTS
from taxi_pipelines.flowspec.expressions.operations import Operation, bind, find
from taxi_pipelines.flowspec.expressions.operators import COMPARISONS, OPERATORS, equal, multiply
from taxi_pipelines.flowspec.expressions.values import attribute, is_true, item, kind, scalar_key

Run = Callable[[Frame], object]

LONG = 1_000
METHODS = ("length", "size")
HINTS = {
    "trigger": "this run was not started by a trigger; give it a slot, as in `--slot 2021-03`",
    "taskrun": "it is known while a task runs, not when the flow starts",
    "parent": "it is known inside a loop",
    "parents": "it is known inside a loop",
    "error": "it is known in `errors` tasks",
    "loop": "it is known inside {% for %}",
}


class Compiler:
    """Compiles the expressions of one tag; `source` is the tag as written, `macros` those of the template."""

    def __init__(self, source: str, macros: Mapping[str, nodes.Macro]) -> None:
        self.source = source
        self.macros = macros

    def where(self, node: nodes.Node) -> Where:
        """The place of a node, for messages."""
        return Where(source=self.source, line=node.line, column=node.column)

    def expression(self, node: nodes.Expression) -> Run:
        """The closure of any node."""
        match node:
            case nodes.Literal(value=value):
                return lambda _frame: value
            case nodes.Name():
                return self._name(node)
            case nodes.Attribute():
                return self._attribute(node)
            case nodes.Index():
                return self._index(node)
            case nodes.Chain():
                return self._chain(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Call():
                return self._call(node)
            case nodes.Test():
                return self._test(node)
            case nodes.Ternary():
                return self._ternary(node)
            case nodes.Unary():
                return self._unary(node)
            case nodes.Method():
                return self._method(node)
            case nodes.ListOf(items=items):
                runs = [self.expression(each) for each in items]
                return lambda frame: [run(frame) for run in runs]
            case nodes.MapOf():
                return self._map(node)
        raise TypeError(f"no such node: {node!r}")

    def _name(self, node: nodes.Name) -> Run:
        name, where = node.name, self.where(node)

        def run(frame: Frame) -> object:
            for scope in reversed(frame.scopes):
                if name in scope:
                    return scope[name]
            try:
                return frame.context[name]
            except KeyError:
                hint = HINTS.get(name) or nearest(name, frame.variables())
                raise where.failed(Missing(f"{name!r} is not defined", hint, name=name)) from None

        return run

    def _attribute(self, node: nodes.Attribute) -> Run:
        target, name, where = self.expression(node.target), node.name, self.where(node)
        owner = _path(node.target)

        def run(frame: Frame) -> object:
            value = target(frame)
            if type(value) is dict and name in value:
                return value[name]
            try:
                return attribute(value, name)
            except Missing as error:
                if isinstance(value, dict):
                    error = Missing(f"{owner} has no {name!r}", error.hint, name=name)
                elif value is None:
                    error = Missing(f"{owner} is null and has no {name!r}", name=name)
                raise where.failed(error) from None

        return run

    def _index(self, node: nodes.Index) -> Run:
        target, key, where = self.expression(node.target), self.expression(node.key), self.where(node)
        owner = _path(node.target)

        def run(frame: Frame) -> object:
            value, place = target(frame), key(frame)
            try:
                return item(value, place)
            except Missing as error:
                what = f"{owner} has no {str(place)[:100]!r}" if isinstance(value, dict) else f"{owner}: {error.what}"
                raise where.failed(Missing(what, error.hint, name=error.name)) from None
            except Refused as error:
                raise where.failed(error) from None

        return run

    def _ternary(self, node: nodes.Ternary) -> Run:
        condition, where = self.expression(node.condition), self.where(node)
        then, otherwise = self.expression(node.then), self.expression(node.otherwise)

        def run(frame: Frame) -> object:
            try:
                chosen = is_true(condition(frame))
            except Refused as error:
                raise where.failed(error) from None
            return then(frame) if chosen else otherwise(frame)

        return run

    def _unary(self, node: nodes.Unary) -> Run:
        operand, where = self.expression(node.operand), self.where(node)
        factor = -1 if node.operator == "-" else 1

        def run(frame: Frame) -> object:
            value = operand(frame)
            try:
                return not is_true(value) if node.operator == "not" else multiply(value, factor, frame.budget)
            except Refused as error:
                raise where.failed(error) from None

        return run

    def _map(self, node: nodes.MapOf) -> Run:
        pairs = [(self.expression(pair.key), self.expression(pair.value)) for pair in node.pairs]
        where = self.where(node)

        def run(frame: Frame) -> object:
            try:
                return {scalar_key(key(frame)): value(frame) for key, value in pairs}
            except Refused as error:
                raise where.failed(error) from None

        return run

    def _chain(self, node: nodes.Chain) -> Run:
        """Short-circuiting operators have closures of their own; the others are applied one after the other."""
        match node.rest[0].operator:
            case "and" | "or" as word:
                return self._logic(node, word == "or")
            case "??" | "???" | "..":
                return self._fallbacks(node)
        rest = [
            (_apply(operand.operator), self.expression(operand.value), self.where(operand)) for operand in node.rest
        ]
        first = self.expression(node.first)

        def run(frame: Frame) -> object:
            value = first(frame)
            for operate, right, where in rest:
                other = right(frame)
                try:
                    value = operate(value, other, frame)
                except Refused as error:
                    raise where.failed(error) from None
            return value

        return run

    def _logic(self, node: nodes.Chain, decisive: bool) -> Run:
        operands = [(self.expression(node.first), self.where(node))]
        operands += [(self.expression(operand.value), self.where(operand)) for operand in node.rest]

        def run(frame: Frame) -> object:
            for operand, where in operands:
                try:
                    if is_true(operand(frame)) is decisive:
                        return decisive
                except Refused as error:
                    raise where.failed(error) from None
            return not decisive

        return run

    def _fallbacks(self, node: nodes.Chain) -> Run:
        """`??` takes the right side where the left is null or undefined, `???` only where it is undefined; `..` is a range."""
        run = self.expression(node.first)
        for operand in node.rest:
            right = self.expression(operand.value)
            if operand.operator == "..":
                run = self._operation("range", FUNCTIONS["range"], [run, right, None], self.where(operand))
            else:
                run = _fallback(run, right, null_too=operand.operator == "??")
        return run

    def _filter(self, node: nodes.Filter) -> Run:
        where = self.where(node)
        target = self.expression(node.target)
        operation = self._find(node, FILTERS, "filter", where)
        arguments = self._bound(node.name, operation, node.arguments, where)
        if node.name == "default":
            return _default(target, arguments[0])
        return self._operation(node.name, operation, [target, *arguments], where)

    def _call(self, node: nodes.Call) -> Run:
        where = self.where(node)
        if node.name in FUNCTIONS or node.name not in self.macros:
            operation = self._find(node, FUNCTIONS, "function", where)
            return self._operation(
                node.name, operation, self._bound(node.name, operation, node.arguments, where), where
            )
        macro = self.macros[node.name]
        given = [(argument.name, self.expression(argument.value)) for argument in node.arguments]
        try:
            arguments = bind(node.name, [parameter.name for parameter in macro.parameters], given, required=0)
        except Refused as error:
            raise where.failed(error) from None
        return _macro_call(node.name, arguments, where)

    def _test(self, node: nodes.Test) -> Run:
        where = self.where(node)
        target = self.expression(node.target)
        operation = self._find(node, TESTS, "test", where)
        arguments = self._bound(node.name, operation, node.arguments, where)
        if node.name == "defined":
            target = _fallback(target, lambda _frame: None, null_too=False)
        tested = self._operation(node.name, operation, [target, *arguments], where)
        return (lambda frame: not tested(frame)) if node.negated else tested

    def _method(self, node: nodes.Method) -> Run:
        target, where = self.expression(node.target), self.where(node)
        if node.name not in METHODS or node.arguments:
            hint = "only .length() and .size() can be called; everything else is a filter, as in `value | upper`"
            raise where.failed(Refused(f"there is no method {node.name!r}", hint, name=node.name))

        def run(frame: Frame) -> object:
            value = target(frame)
            if isinstance(value, str | list | dict):
                return len(value)
            raise where.failed(Refused(f".{node.name}() asked of {kind(value)}", name=node.name))

        return run

    def _find(
        self, node: nodes.Filter | nodes.Call | nodes.Test, known: Mapping[str, Operation], what: str, where: Where
    ) -> Operation:
        try:
            return find(node.name, known, what, list(self.macros) if what == "function" else ())
        except Refused as error:
            raise where.failed(error) from None

    def _bound(
        self, name: str, operation: Operation, arguments: tuple[nodes.Argument, ...], where: Where
    ) -> list[Run | None]:
        given = [(argument.name, self.expression(argument.value)) for argument in arguments]
        try:
            if operation.variadic and all(keyword is None for keyword, _ in given):
                return [run for _, run in given]
            return bind(name, operation.parameters, given, len(operation.required))
        except Refused as error:
            raise where.failed(error) from None

    def _operation(self, name: str, operation: Operation, arguments: list[Run | None], where: Where) -> Run:
        call = operation.call

        def run(frame: Frame) -> object:
            values = [None if argument is None else argument(frame) for argument in arguments]
            budget = frame.budget
            try:
                budget.spend(1)
                for value in values:
                    budget.made(value)
                result = call(frame, *values)
                budget.made(result)
            except Refused as error:
                raise where.failed(error) from error
            except ExpressionFailed:
                raise  # of a text that render() rendered: it has its own place
            except PermanentError as error:
                raise where.failed(Refused(f"{name}: {error.what}", error.hint, name=name)) from error
            return result

        return run


def _fallback(left: Run, right: Run, *, null_too: bool) -> Run:
    def run(frame: Frame) -> object:
        try:
            value = left(frame)
        except UndefinedName:
            return right(frame)
        return right(frame) if null_too and value is None else value

    return run


def _default(target: Run, default: Run | None) -> Run:
    """`default` also takes the place of an undefined name, and is only evaluated where it is needed."""
    empty = TESTS["empty"].call
    fallback = default or (lambda _frame: None)

    def run(frame: Frame) -> object:
        try:
            value = target(frame)
        except UndefinedName:
            return fallback(frame)
        return fallback(frame) if empty(frame, value) else value

    return run


def _macro_call(name: str, arguments: list[Run | None], where: Where) -> Run:
    def run(frame: Frame) -> object:
        values = [None if argument is None else (argument(frame),) for argument in arguments]
        try:
            frame.budget.enter()
        except Refused as error:
            raise where.failed(error) from None
        try:
            return frame.macros[name](frame, values)
        finally:
            frame.budget.leave()

    return run


def _apply(operator: str) -> Callable[[object, object, Frame], object]:
    """Any operator that takes both its sides as values."""
    if operator in ("==", "equals"):
        return _equals
    if operator == "!=":
        return lambda left, right, frame: not _equals(left, right, frame)
    if compare := COMPARISONS.get(operator):
        return lambda left, right, frame: compare(_weighed(left, frame), right)
    operate = OPERATORS[operator]
    return lambda left, right, frame: operate(left, right, frame.budget)


def _equals(left: object, right: object, frame: Frame) -> bool:
    return equal(_weighed(left, frame), _weighed(right, frame))


def _weighed(value: object, frame: Frame) -> object:
    """The value, paid for where looking through it is work."""
    if isinstance(value, list | dict):
        frame.budget.weigh(value)
    elif isinstance(value, str) and len(value) > LONG:
        frame.budget.text(len(value))
    return value


def _path(node: nodes.Expression) -> str:
    """How to call the owner of an attribute in a message: `outputs.extract`."""
    match node:
        case nodes.Name(name=name):
            return name
        case nodes.Attribute(target=target, name=name):
            return f"{_path(target)}.{name}"
        case nodes.Index(target=target):
            return f"{_path(target)}[…]"
    return "the value"
