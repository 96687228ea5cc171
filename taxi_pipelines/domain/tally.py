"""Counts of task runs by state, so that a parent need not look at all its children when one of them changes."""

from __future__ import annotations

from collections import Counter

from taxi_pipelines.domain.states import State, roll_up


class Tally:
    """How many task runs of a group are in which state."""

    __slots__ = ("_by_state", "live", "total")

    def __init__(self) -> None:
        self._by_state: Counter[State] = Counter()
        self.total = 0
        self.live = 0  #: those that have not ended

    def add(self, state: State, count: int = 1) -> None:
        """One more in that state, or one fewer with -1."""
        self._by_state[state] += count
        self.total += count
        if not state.has_ended:
            self.live += count

    def count(self, state: State) -> int:
        """How many are in that state."""
        return self._by_state[state]

    @property
    def failed(self) -> int:
        """How many ended badly."""
        return self._by_state[State.FAILED] + self._by_state[State.KILLED]

    def worst(self) -> State:
        """What these roll up to."""
        return roll_up(state for state, count in self._by_state.items() if count)
