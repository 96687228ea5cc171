"""Statements of people who are not trusted: the warehouse says what they may do, this how many, how long, how many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from taxi_pipelines.domain.asking import Asking, Limits
from taxi_pipelines.errors import PipelineError, QueryFailed, WarehouseUnavailable
from taxi_pipelines.interfaces import Answer, Warehouse

AT_ONCE = 3

_LESS = "ask for fewer rows or months, or for an aggregate"

_LEAST_BYTES = 16
"""What a value takes at least, once it is no longer Arrow's: who holds a NULL there in no byte holds millions in a few."""


class Asked:
    """An answer within its limits. `was_cut`, once `batches` has ended: there is more than they allow."""

    def __init__(self, answer: Answer, limits: Limits, asking: Asking) -> None:
        self.schema: pa.Schema = answer.reader.schema
        self.bytes_billed = answer.bytes_billed
        self.was_cut = False
        self._reader = answer.reader
        self._limits = limits
        self._asking = asking

    def batches(self) -> Iterator[pa.RecordBatch]:
        """To be read once. Raises QueryFailed."""
        rows, size = self._limits.rows, self._limits.bytes
        for batch in self._reader:
            _refuse_ended(self._asking)
            taken = _fitting(batch.slice(0, rows), size)
            self.was_cut = taken.num_rows < batch.num_rows
            if taken.num_rows:
                yield taken
            if self.was_cut:
                return
            rows, size = rows - taken.num_rows, size - _size(taken)


class Questions:
    """Those to one warehouse."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def ask(self, warehouse: Warehouse, sql: str, limits: Limits, asking: Asking) -> Iterator[Asked]:
        """Raises QueryFailed, also where time is up or `asking` is stopped; WarehouseUnavailable where too many ask at once."""
        if not self._free.acquire(blocking=False):
            raise WarehouseUnavailable(f"{AT_ONCE} statements run already", "try again when one of them has ended")
        timer = threading.Timer(limits.seconds, asking.stop, [f"the statement took longer than {limits.seconds:g} s"])
        timer.daemon = True
        timer.start()
        try:
            _refuse_ended(asking)
            with warehouse.ask(sql, asking) as answer:
                yield Asked(answer, limits, asking)
        except PipelineError as error:
            if asking.ended:
                raise QueryFailed(asking.ended, _LESS) from error
            raise
        finally:
            timer.cancel()
            self._free.release()


def _refuse_ended(asking: Asking) -> None:
    """Between two steps of the driver there is nothing that could be ended from outside."""
    if asking.ended:
        raise QueryFailed(asking.ended, _LESS)


def _fitting(batch: pa.RecordBatch, size: int) -> pa.RecordBatch:
    """The first rows, as far as they fit into so many bytes; fewer, where they are larger than those after them."""
    while (taken := _size(batch)) > size:
        batch = batch.slice(0, batch.num_rows * size // taken)
    return batch


def _size(batch: pa.RecordBatch) -> int:
    return max(int(batch.nbytes), _LEAST_BYTES * sum(_values(column) for column in batch.columns))


def _values(array: pa.Array) -> int:
    """How many there are, those inside of others included."""
    is_ = pa.types
    if is_.is_map(array.type):
        array = pa.ListArray.from_arrays(array.offsets, array.items)  # as many keys again are not counted
    if is_.is_list(array.type) or is_.is_large_list(array.type) or is_.is_fixed_size_list(array.type):
        return len(array) + _values(array.flatten())
    inner = array.flatten() if is_.is_struct(array.type) else []
    return len(array) + sum(_values(part) for part in inner)
