"""Progress: lines where nobody looks, bars that come and go on a terminal, from several threads."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from rich.console import Console

from taxi_pipelines.cli.progress import Bars, amount, showing
from taxi_pipelines.domain.month import Month

JANUARY = Month(2021, 1)


def bars(months: int = 1) -> Bars:
    return Bars(Console(file=StringIO(), force_terminal=True, width=80, color_system=None), months)


def drawn(shown: Bars) -> str:
    """The bars as they stand, without control codes and the bars themselves."""
    console = Console(file=StringIO(), width=80, color_system=None)
    console.print(shown._bars)
    return "\n".join(re.sub(r"[━╸╺ ]+", " ", line).strip() for line in console.file.getvalue().splitlines())


def test_elsewhere_a_finished_month_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with showing() as progress:
        assert progress
        progress.step("green", JANUARY, "extract", "bytes")(10, 20)
        progress.done("green", JANUARY, "loaded 76,518 rows in 0.8 s")
        progress.say("waiting")
    assert capsys.readouterr() == ("", "green 2021-01  loaded 76,518 rows in 0.8 s\nwaiting\n")


def test_quiet_means_no_progress_at_all() -> None:
    with showing(quiet=True) as progress:
        assert progress is None


def test_a_month_has_one_bar_that_starts_anew_with_each_step() -> None:
    with bars() as shown:
        shown.step("green", JANUARY, "extract", "bytes")(500, 1000)
        assert drawn(shown).startswith("green 2021-01 extract 500 bytes of 1.0 kB")
        load = shown.step("green", JANUARY, "load", "rows")
        assert drawn(shown) == "green 2021-01 load 0 rows"
        load(1200, 76518)
        assert drawn(shown) == "green 2021-01 load 1,200 of 76,518 rows"
        shown.done("green", JANUARY, "loaded")
        assert drawn(shown) == ""


def test_several_months_have_one_bar_over_all() -> None:
    def work(number: int) -> None:
        advance = shown.step("green", Month(2021, number), "load", "rows")
        for rows in range(50):
            advance(rows, 50)
        shown.done("green", Month(2021, number), "loaded")

    with bars(months=12) as shown:
        assert drawn(shown) == "all months 0 of 12 months"
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(1, 12)))
        assert drawn(shown) == "all months 11 of 12 months"


def test_an_amount_has_units_and_speed() -> None:
    assert amount("bytes", 12_300_000, 48_100_000, 5_200_000.0) == "12.3 MB of 48.1 MB, 5.2 MB/s"
    assert amount("bytes", 12_300_000, None, None) == "12.3 MB"
    assert amount("rows", 120_000, 1_369_769.0, 3.0) == "120,000 of 1,369,769 rows"
    assert amount("rows", 5, None, None) == "5 rows"
