"""How much one rendering may do: steps, nesting and text.

Counted, not timed, so that a template fails at the same place on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from taxi_pipelines.flowspec.expressions.failures import Refused

CHARACTERS_PER_STEP = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a rendering may cost.

    A step is a node of an expression evaluated, an item made, or 64 characters produced. A million is far above any flow seen
    (the course's need some tens) and ends within about a second; it also holds all text made on the way below 64 MB. 10 MB of
    output is more than fits any property; larger data belong in files. Depth counts calls of macros and of `render` inside
    each other.
    """

    steps: int = 1_000_000
    depth: int = 50
    output: int = 10_000_000


@dataclass(slots=True)
class Budget:
    """What is left of the limits; shared by everything one rendering calls."""

    limits: Limits
    steps: int = field(init=False)
    depth: int = 0
    printed: int = 0

    def __post_init__(self) -> None:
        self.steps = self.limits.steps

    def spend(self, steps: int) -> None:
        """Raises Refused where the steps are used up."""
        self.steps -= steps
        if self.steps < 0:
            raise Refused(
                f"it takes more than {self.limits.steps:,} steps", "loop over less, or move the work into a script task"
            )

    def text(self, length: int) -> None:
        """Announces a text of this length, before it is made where that is possible."""
        if length > self.limits.output:
            raise Refused(
                f"it makes a text of more than {self.limits.output:,} characters",
                "keep large data in a file and pass its address",
            )
        self.spend(length // CHARACTERS_PER_STEP)

    def emit(self, length: int) -> None:
        """Adds to the output."""
        self.printed += length
        self.text(self.printed if self.printed > self.limits.output else length)

    def made(self, value: object) -> None:
        """Accounts for a value just made, without looking into it."""
        if isinstance(value, str):
            self.text(len(value))
        elif isinstance(value, list | dict):
            self.spend(len(value))

    def enter(self) -> None:
        """One call deeper; the caller leaves again in a `finally`."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise Refused(
                f"macros or render() call each other more than {self.limits.depth} deep",
                "does one call itself for ever?",
            )

    def leave(self) -> None:
        """Back from `enter`."""
        self.depth -= 1

    def weigh(self, value: object) -> None:
        """Walks a list or map as printing or comparing it would, and pays for each step.

        This finds out what is small in memory and huge when printed: `x = [x, x]` thirty times is a billion items.
        """
        if not isinstance(value, list | dict):
            return
        length = 0
        waiting: list[object] = [value]
        while waiting:
            here = waiting.pop()
            if isinstance(here, str):
                length += len(here)
                continue
            if isinstance(here, dict):
                self.spend(2 * len(here))
                length += sum(len(key) for key in here if isinstance(key, str))
                waiting.extend(here.values())
            elif isinstance(here, list):
                self.spend(len(here))
                waiting.extend(here)
            length += 2
        self.text(length)
