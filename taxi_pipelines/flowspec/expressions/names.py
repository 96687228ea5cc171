"""What a template refers to, found without rendering it: for validation, and to know what to load."""

from __future__ import annotations

from taxi_pipelines.flowspec.expressions import nodes
from taxi_pipelines.flowspec.expressions.library import FUNCTIONS


def free_names(body: nodes.Body) -> frozenset[str]:
    """Variables that the template does not set itself. Macros see none, so what they name is their own."""
    found: set[str] = set()
    _collect(body, set(), found)
    return frozenset(found)


def _collect(body: nodes.Body, bound: set[str], found: set[str]) -> None:
    """A name set in one branch counts as set after it."""
    for node in body:
        match node:
            case nodes.Output(expression=expression):
                found |= _names(expression) - bound
            case nodes.Set(name=name, value=value):
                found |= _names(value) - bound
                bound.add(name)
            case nodes.If(branches=branches, otherwise=otherwise):
                for branch in branches:
                    found |= _names(branch.condition) - bound
                    _collect(branch.body, bound, found)
                _collect(otherwise, bound, found)
            case nodes.For(name=name, iterable=iterable, body=inside, otherwise=otherwise):
                found |= _names(iterable) - bound
                _collect(inside, bound | {name, "loop"}, found)
                _collect(otherwise, bound, found)


def _names(expression: nodes.Expression) -> set[str]:
    return {node.name for node in nodes.walk(expression) if isinstance(node, nodes.Name)}


def called_functions(body: nodes.Body) -> frozenset[str]:
    """The functions of the language it calls; its own macros are left out."""
    return frozenset(node.name for node in nodes.walk(body) if isinstance(node, nodes.Call) and node.name in FUNCTIONS)
