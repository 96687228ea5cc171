"""The lock of a month: between processes of one machine a file's, between machines its record's.

Who takes it, writes itself into the record with a lease, which is renewed while it is held. A holder of the same machine and home
folder whose file lock is free is dead; one of another machine counts as dead when its lease has ended. Whoever takes a dead
holder's place first finds out how far that one came: a staged version whose publishing job succeeded is the published one.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import PipelineError, WarehouseUnavailable
from taxi_pipelines.interfaces import Clock, PublishedMonth
from taxi_pipelines.warehouses.bigquery_names import MonthKey, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_records import Holder, Record, Records, StoredRecord
from taxi_pipelines.warehouses.locks import Locks

LEASE = timedelta(minutes=3)
RENEW_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class Hold:
    """A month that this process holds. For several threads: a renewal may fall into anything."""

    def __init__(self, records: Records, month: MonthKey, stored: StoredRecord, clock: Clock) -> None:
        self.month = month
        self.publishing: VersionKey | None = None
        """A version that may or may not have been published: it was begun, and broke off."""
        self.swept = 0
        """Staging tables of a dead holder that were removed."""
        self._records = records
        self._stored = stored
        self._clock = clock
        self._published = stored.record.published
        self._source: VersionKey | None = None
        self._guard = threading.Lock()
        self._lost = False

    @property
    def published(self) -> PublishedMonth | None:
        """What readers see of the month."""
        return self._published

    def note(self, month: PublishedMonth | None, source: VersionKey | None = None) -> None:
        """Another version is published now; written when the hold ends, and then its staging table `source` goes."""
        self._published, self._source = month, source
        self.publishing = None

    @property
    def record(self) -> Record:
        """As it was last written."""
        return self._stored.record

    def confirm(self) -> None:
        """Makes sure that nobody has taken our place, and that nobody soon will. Raises WarehouseUnavailable."""
        holder = self._stored.record.holder
        if not self._lost and (holder is None or holder.until - self._clock() < LEASE / 2):
            self.renew()
        if self._lost:
            raise WarehouseUnavailable(f"{self.month} was taken over by another process while we worked", "run again")

    def renew(self) -> None:
        """Makes the lease last from now on."""
        with self._guard:
            record = self._stored.record
            if self._lost or record.holder is None:
                return
            holder = replace(record.holder, until=self._clock() + LEASE)
            self._write(replace(record, holder=holder))

    def write(self) -> None:
        """Writes what is published, still held."""
        with self._guard:
            self._write(replace(self._stored.record, published=self._published))

    def release(self) -> None:
        """Writes what is published, and that nobody holds the month; not where it is unknown how far publishing came."""
        with self._guard:
            if self._lost or self.publishing:
                return
            self._write(Record(published=self._published))
        if self._source and not self._lost:
            with suppress(PipelineError):  # what stays is swept by the next run
                self._records.drop_staged(self._source)

    def _write(self, record: Record) -> None:
        stored = self._records.replace(self.month, self._stored, record)
        if stored is None:
            self._lost = True
        else:
            self._stored = stored


Resolve = Callable[[Hold, Holder], None]
"""Finds out what is published of a month whose holder died, notes it, and removes what the dead one staged."""


class MonthLocks:
    """The locks of one warehouse, as one process sees them."""

    def __init__(
        self, records: Records, names: Callable[[], Names], folder: Path, clock: Clock, resolve: Resolve
    ) -> None:
        self._records = records
        self._names = names
        self._files = Locks(folder)
        self._folder = folder
        self._clock = clock
        self._resolve = resolve
        self._holds: dict[MonthKey, Hold] = {}

    def holds(self) -> dict[MonthKey, Hold]:
        """What is held through this object, by any of its threads."""
        return dict(self._holds)

    @contextmanager
    def hold(self, month: MonthKey, *, recorded: bool) -> Iterator[Hold]:
        """Waits for the month and holds it. `recorded`: whether it seems to have a record; being wrong costs a call."""
        with self._files.hold(self._names().lock_name(month)):
            pause = _FIRST_PAUSE
            while (taken := self._try_record(month, recorded=recorded)) is None:
                time.sleep(pause)
                pause, recorded = min(pause * 2, _LONGEST_PAUSE), True
            with self._work(month, *taken) as hold:
                yield hold

    @contextmanager
    def try_hold(self, month: MonthKey) -> Iterator[Hold | None]:
        """Holds the month if that needs no waiting."""
        with self._files.try_hold(self._names().lock_name(month)) as ours:
            taken = self._try_record(month, recorded=True) if ours else None
            if taken is None:
                yield None
                return
            with self._work(month, *taken) as hold:
                yield hold

    def is_alive(self, month: MonthKey, record: Record | None) -> bool:
        """Whether somebody is working on the month, going by its record and this machine's locks."""
        if self._files.is_held(self._names().lock_name(month)):
            return True
        holder = record.holder if record else None
        return holder is not None and holder.place != self._place and holder.until > self._clock()

    def is_left(self, month: MonthKey, record: Record) -> bool:
        """Whether the month's holder died: nobody knows what is published of it until somebody takes its place.

        Asks again, because the holder may have ended, or renewed its lease, since the record was seen.
        """
        if record.holder is None or self.is_alive(month, record):
            return False
        again = self._records.read(month)
        return again is not None and again.record.holder == record.holder

    @contextmanager
    def _work(self, month: MonthKey, stored: StoredRecord, dead: Holder | None) -> Iterator[Hold]:
        """A hold that ends, or dies, in the middle of finding out or publishing keeps its name in the record."""
        hold = Hold(self._records, month, stored, self._clock)
        with _renewed(hold):
            if dead:
                self._resolve(hold, dead)
            self._holds[month] = hold
            try:
                yield hold
            except BaseException as error:
                _release_quietly(hold, error)
                raise
            finally:
                del self._holds[month]
            hold.release()

    def _try_record(self, month: MonthKey, *, recorded: bool) -> tuple[StoredRecord, Holder | None] | None:
        """The record with our name in it, and the dead holder that it had; None where somebody else's name is in it."""
        now = self._clock()
        ours = Holder(place=self._place, token=uuid.uuid4().hex, since=now, until=now + LEASE)
        seen = self._records.read(month) if recorded else None
        if seen is None:
            made = self._records.insert(month, Record(holder=ours))
            return (made, None) if made else None
        before = seen.record.holder
        if before and before.place != self._place and before.until > now:
            return None
        if before:
            ours = replace(ours, since=before.since)
        taken = self._records.replace(month, seen, replace(seen.record, holder=ours))
        return (taken, before) if taken else None

    @cached_property
    def _place(self) -> str:
        """This machine and folder; a copied folder on another machine is another place."""
        return f"{socket.gethostname()}/{_folder_id(self._folder)}"


@contextmanager
def _renewed(hold: Hold) -> Iterator[None]:
    ended = threading.Event()
    renewal = threading.Thread(target=_keep_renewing, args=(hold, ended), daemon=True, name=f"lease of {hold.month}")
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()


def _keep_renewing(hold: Hold, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            hold.renew()
        except PipelineError:
            continue  # `confirm` says so when it matters; until the lease ends there are more chances


def _release_quietly(hold: Hold, error: BaseException) -> None:
    """What broke the work off is what must be told; a record that cannot be cleared is taken over by the next run."""
    try:
        hold.release()
    except PipelineError as second:
        error.add_note(f"the lock of {hold.month} could not be given back either: {second}")


def _folder_id(folder: Path) -> str:
    """A name of the folder's own, made when first asked for."""
    path = folder / "id"
    with writable(folder):
        try:
            return path.read_text(encoding="ascii")
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / f"id.{uuid.uuid4().hex}"
            temporary.write_text(uuid.uuid4().hex[:12], encoding="ascii")
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
            return path.read_text(encoding="ascii")
