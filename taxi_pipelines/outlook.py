"""`Outlook`: what the source offers, month by month: asked in the background, kept in a file, looked at without waiting.

Whoever opens the page of the months sees what was learned last, and has the source asked anew where that is old. Nothing here
decides what to do: a plan is made anew by whoever loads.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth
from taxi_pipelines.errors import InternalError, PipelineError
from taxi_pipelines.taxi.types import MONTHLY, newest_due

FRESH_FOR = timedelta(hours=6)
TRY_AGAIN_AFTER = timedelta(minutes=10)
"""How long an answer is good; how long a source that could not be asked is left alone, but for who asks expressly."""

MONTHS_AT_A_TIME = 12
GRACE_SECONDS = 2.0

Ask = Callable[[str, str, str], list[PlannedMonth]]
"""`Pipeline.plan`: a type's months from the first to the last. Raises PipelineError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """What was to be done about a month when the source was asked; its file's size, None where unknown."""

    action: PlannedAction
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of the source, by type and month (`2024-01`).

    `asked_at` is when the last asking that came to its end had begun; `trouble` why the last one failed, as one line and what
    to do.
    """

    asked_at: datetime | None = None
    tried_at: datetime | None = None
    months: Mapping[tuple[str, str], Offered] = field(default_factory=dict)
    trouble: tuple[str, str] | None = None
    is_asking: bool = False


class Outlook:
    """Of one source. `ask` is called in a thread of its own, a few months at a time, the newest first."""

    def __init__(
        self,
        ask: Ask,
        *,
        source: str,
        file: Path,
        clock: Callable[[], datetime],
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._ask = ask
        self._source = hashlib.sha256(source.encode()).hexdigest()[:16]  # an address may hold a login
        self._file = file
        self._clock = clock
        self._say = say
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._known: Known | None = None

    @property
    def known(self) -> Known:
        """What is known now, without asking."""
        with self._lock:
            return self._read()

    def ask_if_old(self) -> None:
        """Begins to ask where nothing is known, or what is known is old."""
        with self._lock:
            known, now = self._read(), self._clock()
            is_fresh = known.asked_at is not None and now - known.asked_at < FRESH_FOR
            is_left_alone = known.tried_at is not None and now - known.tried_at < TRY_AGAIN_AFTER
            if not is_fresh and not is_left_alone:
                self._begin()

    def ask(self) -> None:
        """Begins to ask, if nobody does."""
        with self._lock:
            self._read()
            self._begin()

    def close(self) -> None:
        """Asks no further; what was being asked gets a moment to end."""
        with self._lock:
            self._stopping.set()
            thread = self._thread
        if thread:
            thread.join(GRACE_SECONDS)

    def _begin(self) -> None:
        assert self._known is not None
        if self._known.is_asking or self._stopping.is_set():
            return
        now = self._clock()
        self._known = replace(self._known, is_asking=True, tried_at=now)
        self._thread = threading.Thread(target=self._go_on, args=(now,), name="outlook", daemon=True)
        self._thread.start()

    def _go_on(self, now: datetime) -> None:
        trouble: PipelineError | None = None
        try:
            trouble = self._ask_all(Month.of(now.date()))
            if trouble is None and not self._stopping.is_set():
                self._change(asked_at=now)
                _write(self._file, self._source, self.known)
        except PipelineError as error:
            trouble = error
        except Exception as error:
            self._say(f"the source could not be asked: {type(error).__name__}: {error}")
            trouble = InternalError("an error nobody foresaw", "the service's own output says more")
        finally:
            self._change(trouble=(trouble.what, trouble.hint) if trouble else None, is_asking=False)

    def _ask_all(self, today: Month) -> PipelineError | None:
        """Why the source could not be asked, if so. One month is asked for first: one that cannot be reached is given up soon."""
        first = newest_due(today)
        for number, (name, start, end) in enumerate([("green", first, first), *_parts(today)]):
            if self._stopping.is_set():
                return None
            planned = self._ask(name, str(start), str(end))
            errors = [one.error for one in planned if one.error]
            learned = {(one.type, str(one.month)): _offered(one) for one in planned if not one.error}
            self._change(months={**self.known.months, **learned})
            if errors and (number == 0 or len(errors) == len(planned)):
                return errors[0]
        return None

    def _change(self, **values: Any) -> None:
        with self._lock:
            self._known = replace(self._read(), **values)

    def _read(self) -> Known:
        if self._known is None:
            self._known = _read(self._file, self._source)
        return self._known


def _parts(today: Month) -> Iterable[tuple[str, Month, Month]]:
    """All months of all types, some at a time, those of all types that are the newest first."""
    for back in range(0, 12 * 100, MONTHS_AT_A_TIME):
        end = today.plus(-back)
        start = end.plus(1 - MONTHS_AT_A_TIME)
        for kind in MONTHLY.values():
            assert isinstance(kind.first, Month)
            if end >= kind.first:
                yield kind.name, max(start, kind.first), end


def _offered(planned: PlannedMonth) -> Offered:
    return Offered(action=planned.action, bytes=planned.bytes)


def _write(file: Path, source: str, known: Known) -> None:
    """Raises DiskFull, HomeUnwritable."""
    assert known.asked_at is not None
    months: dict[str, dict[str, list[Any]]] = {}
    for (name, month), offered in sorted(known.months.items()):
        months.setdefault(name, {})[month] = [str(offered.action), offered.bytes]
    plain = {"source": source, "askedAt": known.asked_at.isoformat(), "months": months}
    temporary = file.with_suffix(".tmp")
    with writable(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(plain, separators=(",", ":")), encoding="utf-8")
        temporary.replace(file)
        sync_folder(file.parent)


def _read(file: Path, source: str) -> Known:
    """Nothing where there is no such file, where it is of another source, or cannot be understood: it is asked for anew then."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        if plain["source"] != source:
            return Known()
        months = {
            (name, month): Offered(action=PlannedAction(action), bytes=size)
            for name, found in plain["months"].items()
            for month, (action, size) in found.items()
        }
        return Known(asked_at=datetime.fromisoformat(plain["askedAt"]), months=months)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Known()
