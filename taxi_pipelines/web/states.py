"""How states and levels of log lines look: each has one colour and one icon everywhere, and is never told by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State


@dataclass(frozen=True, slots=True)
class Look:
    """`tone` is a colour of the stylesheet (`--tone-…`), `icon` one of static/icons.svg."""

    tone: str
    icon: str
    word: str


LOOKS = {
    "CREATED": Look("wait", "dot", "created"),
    "QUEUED": Look("wait", "clock", "queued"),
    "WAITING": Look("wait", "clock", "waiting"),
    "RUNNING": Look("run", "running", "running"),
    "PAUSED": Look("hold", "pause", "paused"),
    "RESTARTED": Look("run", "again", "restarted"),
    "RETRYING": Look("hold", "again", "retrying"),
    "RETRIED": Look("stop", "again", "retried"),
    "KILLING": Look("hold", "stop", "killing"),
    "KILLED": Look("stop", "stop", "killed"),
    "CANCELLED": Look("stop", "skip", "cancelled"),
    "SKIPPED": Look("stop", "skip", "skipped"),
    "WARNING": Look("warn", "warn", "warning"),
    "FAILED": Look("fail", "cross", "failed"),
    "SUCCESS": Look("good", "check", "success"),
    "DONE": Look("good", "check", "done"),
}
"""Of executions, task runs, backfills and their slots, by the states' names."""

LEVELS = {
    Level.ERROR: Look("fail", "cross", "error"),
    Level.WARN: Look("warn", "warn", "warn"),
    Level.INFO: Look("wait", "dot", "info"),
    Level.DEBUG: Look("wait", "dot", "debug"),
    Level.TRACE: Look("wait", "dot", "trace"),
}


def look_of(state: State | str) -> Look:
    """Of that state."""
    return LOOKS[str(state)]
