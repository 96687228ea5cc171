"""What every verb on a month works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.outcome import Finding
from taxi_pipelines.interfaces import Clock, Comparer, Lake, Progress, Receipts, Source, Warehouse


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """The adapters of one configuration. `prefer` is the format taken where a month is published in several.

    `bills` says whether the warehouse's owner is billed by bytes. `examiners` are what `doctor` asks besides the adapters.
    `execution_id` is what receipts say of who did it: the flow's execution, if it is one.
    """

    source: Source
    lake: Lake
    warehouse: Warehouse
    receipts: Receipts
    comparer: Comparer
    progress: Progress
    clock: Clock
    prefer: FileFormat = FileFormat.PARQUET
    bills: bool = False
    examiners: Sequence[Callable[[], Sequence[Finding]]] = ()
    execution_id: str | None = None


@dataclass(slots=True)
class Stopwatch:
    """Wall seconds per step."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("extract", "load", "merge", "check"), 0.0))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times the block as (part of) that step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds[name] + time.perf_counter() - start, 3)
