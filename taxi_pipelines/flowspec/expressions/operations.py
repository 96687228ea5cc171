"""How functions, filters and tests are declared, and how a call's arguments find their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Refused, nearest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation:
    """A function, filter or test: `call(frame, *arguments)`, for filters and tests with the value first.

    `required` and `optional` name the parameters in Pebble's order; an absent optional argument arrives as None. `variadic`
    takes any number without names.
    """

    call: Callable[..., object]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    variadic: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """All of them, in order."""
        return self.required + self.optional


def pure(
    call: Callable[..., object], *required: str, optional: tuple[str, ...] = (), variadic: bool = False
) -> Operation:
    """An operation that needs nothing of the frame: `call(*arguments)`."""

    def without_frame(_frame: Frame, *arguments: object) -> object:
        return call(*arguments)

    return Operation(without_frame, required, optional, variadic)


def find(name: str, operations: Mapping[str, Operation], what: str, others: Sequence[str] = ()) -> Operation:
    """The operation of this name. Raises Refused, naming the nearest."""
    try:
        return operations[name]
    except KeyError:
        raise Refused(f"there is no {what} {name!r}", nearest(name, [*operations, *others]), name=name) from None


def bind(name: str, parameters: Sequence[str], given: Sequence[tuple[str | None, T]], required: int) -> list[T | None]:
    """The arguments in the parameters' order, None where absent; the first `required` must be there. Raises Refused."""
    bound: dict[str, T] = {}
    for place, (keyword, value) in enumerate(given):
        if keyword is None and place >= len(parameters):
            raise Refused(
                f"{name!r} takes at most {len(parameters)} arguments, not {len(given)}", _takes(parameters), name=name
            )
        parameter = parameters[place] if keyword is None else keyword
        if parameter not in parameters:
            raise Refused(
                f"{name!r} has no argument {parameter!r}",
                nearest(parameter, parameters) or _takes(parameters),
                name=name,
            )
        if parameter in bound:
            raise Refused(f"{name!r} gets the argument {parameter!r} twice", name=name)
        bound[parameter] = value
    for parameter in parameters[:required]:
        if parameter not in bound:
            raise Refused(f"{name!r} needs the argument {parameter!r}", _takes(parameters), name=name)
    return [bound.get(parameter) for parameter in parameters]


def _takes(parameters: Sequence[str]) -> str:
    return f"it takes: {', '.join(parameters)}" if parameters else "it takes none"
