"""What a polling trigger is asked, and what it answers. Looks are made outside of the scheduler's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from taxi_pipelines.engine.rendering import Rendering


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """`properties`: the type's own, rendered. `memory`: what the last look left, nothing at the first.

    `keep_file` stores a file's bytes under a name; its URI.
    """

    properties: Any
    memory: Mapping[str, Any]
    now: datetime
    rendering: Rendering
    keep_file: Callable[[str, BinaryIO], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An execution starts for each event, with it as its `trigger`; `memory` is for the next look.

    `finish` is called once both are stored; what it did not come to, the next look makes up for.
    """

    memory: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...] = ()
    finish: Callable[[], None] = field(default=lambda: None)


Watcher = Callable[[Look], Found]
"""Raises PipelineError where it cannot look; it is asked again after the trigger's interval."""
