"""Flows in one line of text, for tables of examples.

    a b c                          tasks in sequence; so are the children of every kind but par and dag
    seq(a b | errors: x | finally: y)   branches after |, and for the flow itself too:  a b | errors: x
    par(a b c)  par:2(a b c)       all at once, two at a time
    dag(a b<a c<a,b)               b depends on a, c on both
    if:then(a | else: b)  if:else(a | else: b)  if:none(a)     which branch is taken is written down
    switch:x(| x: a | defaults: b)
    each:3(a b)  each:3/2(a b)  each:3/0(a b)     three values, one (two, all) at a time
    loop:3(a)  loop:5/2(a)  loop:5/2!(a)  the condition holds after 3 iterations; at most 2 of 5; and fails then
    allow(a)  wd(a)  pause  pause:5  pause:5!  pause:5(a)  sleep:5  sub     seconds; ! fails when nobody resumed it

A task is a name with what its attempts do: `a` succeeds, `a!` always fails, `a!2` fails twice, `a~` ends in WARNING,
`a?` is skipped by its runIf, `a^` exits the execution with WARNING; and with options: `a@retry=3@allow_failure`, `seq@allow_failure(…)`, `a@disabled`.
Flow control gets the id of its kind and a number in the order of the text: seq1, par2, …
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from taxi_pipelines.domain.flow import (
    ELSE,
    ERRORS,
    FINALLY,
    MAIN,
    THEN,
    Flow,
    Kind,
    RetryBehavior,
    RetryPolicy,
    RetryType,
    Task,
    case_branch,
)  # fmt: skip
from taxi_pipelines.domain.states import State

KINDS = {
    "seq": Kind.SEQUENTIAL, "par": Kind.PARALLEL, "dag": Kind.DAG, "if": Kind.IF, "switch": Kind.SWITCH, "each": Kind.FOREACH,
    "loop": Kind.LOOP_UNTIL, "allow": Kind.ALLOW_FAILURE, "wd": Kind.WORKING_DIRECTORY, "pause": Kind.PAUSE,
    "sleep": Kind.SLEEP, "sub": Kind.SUBFLOW,
}  # fmt: skip
TOKEN = re.compile(r"\s*(?:(?P<mark>[()|])|(?P<label>\w+):(?=\s)|(?P<word>[^\s()|]+))")
WORD = re.compile(
    r"(?P<name>\w+)(?::(?P<argument>[\w/!]+))?(?P<does>!\d*|[~?^])?(?:<(?P<after>[\w,]+))?(?P<options>(?:@[\w=]+)*)"
)


@dataclass
class Script:
    """A flow and what its tasks will do, by task id."""

    flow: Flow
    failures: dict[str, int] = field(default_factory=dict)  #: how many attempts fail
    ends: dict[str, State] = field(default_factory=dict)  #: how the others end; SUCCESS if not there
    resolved: dict[str, dict[str, Any]] = field(default_factory=dict)
    exits: set[str] = field(default_factory=set)
    seconds: dict[str, int] = field(default_factory=dict)  #: of pauses and sleeps
    holds_after: dict[str, int] = field(default_factory=dict)  #: iterations of a loop


def retry(attempts: int, behavior: RetryBehavior = RetryBehavior.RETRY_FAILED_TASK) -> RetryPolicy:
    return RetryPolicy(
        type=RetryType.CONSTANT, interval=timedelta(seconds=10), max_attempts=attempts, behavior=behavior
    )


def flow(text: str, **fields: Any) -> Script:
    """The flow written so, with these further fields of Flow."""
    return _Parser(text).parse(fields)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(TOKEN.finditer(text))
        self.place = 0
        self.numbers: Counter[str] = Counter()
        self.script = Script(Flow(id="f", namespace="n"))

    def parse(self, fields: dict[str, Any]) -> Script:
        branches = self.branches(MAIN, {})
        assert self.place == len(self.tokens), f"left over: {[match.group() for match in self.tokens[self.place :]]}"
        self.script.flow = Flow(id="f", namespace="n", branches=branches, **fields)
        return self.script

    def branches(self, first: str, names: dict[str, str]) -> dict[str, tuple[Task, ...]]:
        """Up to the closing parenthesis or the end; `names` gives the branch of a label, where it is not the label."""
        found: dict[str, list[Task]] = {first: []}
        branch = first
        while self.place < len(self.tokens):
            token = self.tokens[self.place]
            self.place += 1
            if token["mark"] == ")":
                break
            if token["label"]:
                branch = names.get(token["label"], token["label"])
                found[branch] = []
            elif token["word"]:
                found[branch].append(self.task(token["word"]))
        return {name: tuple(tasks) for name, tasks in found.items() if tasks or name == first}

    def task(self, word: str) -> Task:
        match = WORD.fullmatch(word)
        assert match, word
        name, argument = match["name"], match["argument"] or ""
        kind = KINDS.get(name, Kind.WORK)
        if kind is not Kind.WORK:
            number = sum(self.numbers.values()) + 1
            self.numbers[name] += 1
            name = f"{name}{number}"
        self.does(name, match["does"] or "")
        task = Task(
            id=name,
            type=name,
            name=name,
            kind=kind,
            depends_on=tuple((match["after"] or "").split(",")) if match["after"] else (),
        )
        if self.place < len(self.tokens) and self.tokens[self.place]["mark"] == "(":
            self.place += 1
            first = {Kind.IF: THEN, Kind.SWITCH: case_branch("")}.get(kind, MAIN)
            task = replace(task, branches=self.branches(first, self.labels(kind)))
        self.resolve(task, argument)
        return _with_options(task, (match["options"] or "").split("@")[1:])

    def labels(self, kind: Kind) -> dict[str, str]:
        if kind is not Kind.SWITCH:
            return {}
        own = (ERRORS, FINALLY, "defaults")
        return {
            match["label"]: case_branch(match["label"])
            for match in self.tokens
            if match["label"] and match["label"] not in own
        }

    def does(self, name: str, does: str) -> None:
        if does.startswith("!"):
            self.script.failures[name] = int(does[1:] or 1_000_000)
        if does == "^":
            self.script.exits.add(name)
        if does in ("~", "?"):
            self.script.ends[name] = State.WARNING if does == "~" else State.SKIPPED

    def resolve(self, task: Task, argument: str) -> None:
        """What the runner will find out about the task when it begins."""
        first, _, second = argument.rstrip("!").partition("/")
        match task.kind:
            case Kind.IF:
                taken = {"then": THEN, "else": ELSE}.get(first)
                resolved: dict[str, Any] = {"branch": taken if taken in task.branches else None}
            case Kind.SWITCH:
                taken = case_branch(first) if case_branch(first) in task.branches else "defaults"
                resolved = {"branch": taken if taken in task.branches else None}
            case Kind.PARALLEL | Kind.DAG:
                resolved = {"concurrency": int(first or 0)}
            case Kind.FOREACH:
                resolved = {"values": [f"v{i}" for i in range(int(first))], "concurrency": int(second or 1)}
            case Kind.LOOP_UNTIL:
                resolved = {"interval": 1.0, "max_iterations": int(second) if second else None, "max_duration": None,
                            "fail_on_max": argument.endswith("!")}  # fmt: skip
                self.script.holds_after[task.id] = int(first)
            case Kind.PAUSE:
                resolved = {"on_wake": "FAILED" if argument.endswith("!") else "SUCCESS"}
            case _:
                resolved = {}
        self.script.resolved[task.id] = resolved
        if task.kind in (Kind.PAUSE, Kind.SLEEP) and first:
            self.script.seconds[task.id] = int(first)


def _with_options(task: Task, options: list[str]) -> Task:
    for option in options:
        name, _, value = option.partition("=")
        if name == "retry":
            task = replace(task, retry=retry(int(value)))
        elif name == "warning_on_retry":
            assert task.retry is not None
            task = replace(task, retry=replace(task.retry, warning_on_retry=True))
        else:
            task = replace(task, **{name: True})
    return task
