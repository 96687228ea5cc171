"""What the source offers: asked in the background, kept, and asked again when it is old."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import Month, month_range
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth
from taxi_pipelines.errors import SourceUnavailable
from taxi_pipelines.outlook import Known, Offered, Outlook

NOW = datetime(2024, 3, 1, tzinfo=UTC)
NO_NETWORK = SourceUnavailable("cannot read it: the host does not answer", "check the network")


class Source:
    """A source that has everything until the end of 2023. `error`: why it cannot be asked."""

    def __init__(self) -> None:
        self.error: SourceUnavailable | None = None
        self.asked: list[tuple[str, str, str]] = []
        self.now = NOW
        self.gate = threading.Event()
        self.gate.set()

    def ask(self, type: str, start: str, end: str) -> list[PlannedMonth]:
        self.asked.append((type, start, end))
        self.gate.wait(5)
        return [self._month(type, month) for month in month_range(Month.parse(start), Month.parse(end))]

    def _month(self, type: str, month: Month) -> PlannedMonth:
        action = PlannedAction.LOAD if month <= Month(2023, 12) else PlannedAction.WAIT
        if self.error:
            return PlannedMonth(type=type, month=month, action=PlannedAction.FAIL, reason="", error=self.error)
        return PlannedMonth(type=type, month=month, action=action, reason="", bytes=7)

    def outlook(self, folder: Path, address: str = "https://source.example") -> Outlook:
        return Outlook(self.ask, source=address, file=folder / "outlook.json", clock=lambda: self.now)


@pytest.fixture
def source() -> Source:
    return Source()


def asked(outlook: Outlook) -> Known:
    end = time.monotonic() + 10
    while outlook.known.is_asking:
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.002)
    return outlook.known


def test_every_month_of_every_type_is_asked_for_once_and_kept(source: Source, tmp_path: Path) -> None:
    outlook = source.outlook(tmp_path)
    assert outlook.known == Known()
    outlook.ask_if_old()
    known = asked(outlook)
    assert (known.asked_at, known.trouble) == (NOW, None)
    assert known.months["green", "2013-08"] == Offered(action=PlannedAction.LOAD, bytes=7)
    assert known.months["yellow", "2024-03"].action is PlannedAction.WAIT
    assert ("green", "2013-07") not in known.months
    assert len(known.months) == 183 + 128 + 111 + 62  # until March 2024, from the first month of each
    again = source.outlook(tmp_path)
    assert again.known.months == known.months
    count = len(source.asked)
    again.ask_if_old()
    assert len(source.asked) == count
    outlook.close()


def test_what_is_old_or_of_another_source_is_asked_for_again(source: Source, tmp_path: Path) -> None:
    outlook = source.outlook(tmp_path)
    outlook.ask()
    asked(outlook)
    source.now += timedelta(hours=7)
    outlook.ask_if_old()
    assert asked(outlook).asked_at == source.now
    assert source.outlook(tmp_path, "https://other.example").known == Known()


def test_a_source_that_cannot_be_reached_is_given_up_after_one_month_and_left_alone(
    source: Source, tmp_path: Path
) -> None:
    source.error = NO_NETWORK
    outlook = source.outlook(tmp_path)
    outlook.ask_if_old()
    known = asked(outlook)
    assert known.trouble == ("cannot read it: the host does not answer", "check the network")
    assert (known.asked_at, len(source.asked)) == (None, 1)
    outlook.ask_if_old()
    assert len(source.asked) == 1
    source.error = None
    outlook.ask()
    assert asked(outlook).trouble is None


def test_closing_ends_the_asking(source: Source, tmp_path: Path) -> None:
    source.gate.clear()
    outlook = source.outlook(tmp_path)
    outlook.ask()
    assert outlook.known.is_asking
    threading.Timer(0.05, source.gate.set).start()
    outlook.close()
    assert len(source.asked) <= 2
    outlook.ask()
    assert not asked(outlook).is_asking


def test_a_damaged_file_is_as_none(source: Source, tmp_path: Path) -> None:
    (tmp_path / "outlook.json").write_text('{"source": 1')
    assert source.outlook(tmp_path).known == Known()
