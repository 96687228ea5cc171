"""Records as text: what each summary says, in 80 columns and without colours."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from taxi_pipelines.cli import render
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.outcome import Difference, Finding, Outcome, Verification
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth
from taxi_pipelines.domain.receipt import CheckResult, RunAction, Severity
from taxi_pipelines.errors import SourceUnavailable
from taxi_pipelines.interfaces import LakeObject
from tests.support.builders import a_manifest, a_receipt


def text(shown: RenderableType, width: int = 80, *, may_be_longer: bool = False) -> str:
    """As it is printed into a file of so many columns, without the blanks at the ends of lines."""
    console = Console(width=width, file=StringIO(), highlight=False, markup=False)
    console.print(shown, crop=False)
    lines = console.file.getvalue().splitlines()
    assert may_be_longer or all(len(line) <= width for line in lines)
    return "\n".join(line.rstrip() for line in lines)


def a_planned(month: int, action: PlannedAction, reason: str, **more: object) -> PlannedMonth:
    return PlannedMonth(type="green", month=Month(2021, month), action=action, reason=reason, **more)


def test_a_receipt_says_what_was_done_and_what_proves_it() -> None:
    shown = text(render.receipt(a_receipt(columns_added=("cbd_congestion_fee",))))
    assert shown.startswith("green 2021-01 · loaded\n")
    for fact in ("76,518 added, 0 removed", "abababababababab…", "1.0 kB (1,000 bytes)", "table green_tripdata"):
        assert fact in shown
    assert "new columns  cbd_congestion_fee" in shown
    assert "0.5 s: extract 0.1, load 0.2, merge 0.1, check 0.1" in shown
    assert "✓ not empty  76,518" in shown


def test_an_unchanged_month_is_one_line_and_the_key_facts() -> None:
    shown = text(render.receipt(a_receipt(action=RunAction.UNCHANGED, seconds={})))
    assert shown.startswith("green 2021-01 · unchanged, 76,518 rows\n")
    assert "not empty" not in shown
    assert '"abc"' in shown


def test_checks_carry_a_sign_for_passed_warned_and_failed() -> None:
    results = [
        CheckResult(name="not_empty", severity=Severity.FAIL, passed=True, value=76518),
        CheckResult(name="outside_month", severity=Severity.WARN, passed=False, value=0.12345678),
        CheckResult(name="gapless", severity=Severity.FAIL, passed=False, value="no"),
    ]
    lines = text(render.checks(results)).splitlines()
    assert lines == ["✓ not empty  76,518  ! outside month  0.1235", "✗ gapless  no"]


@pytest.mark.parametrize("width", [60, 79, 80])
def test_a_value_is_not_broken(width: int) -> None:
    results = [
        CheckResult(name=f"{name}_range", severity=Severity.WARN, passed=True, value="0.0 to 244152.01")
        for name in ("dropoff_zone", "passenger_count_of_the_month", "distance")
    ]
    lines = text(render.checks(results), width).splitlines()
    assert all(line.count(" to ") == line.count("0.0 to 244152.01") > 0 for line in lines)
    assert len(lines) == 3


def test_a_check_of_nothing_is_said_only_where_it_failed() -> None:
    results = [
        CheckResult(name="fare_range", severity=Severity.WARN, passed=True),
        CheckResult(name="distance_range", severity=Severity.WARN, passed=False),
    ]
    assert text(render.checks(results)) == "! distance range  n/a"


def test_a_plan_lists_the_months_and_sums_what_is_fetched() -> None:
    lines = [
        a_planned(1, PlannedAction.SKIP, "unchanged", bytes=1_000_000),
        a_planned(2, PlannedAction.LOAD, "not loaded yet", bytes=1_500_000),
        a_planned(3, PlannedAction.WAIT, "not published yet"),
    ]
    shown = text(render.plan(lines))
    assert "green 2021-02  load    1.5 MB  not loaded yet" in shown
    assert shown.endswith("3 months: load 1, skip 1, wait 1 · 1.5 MB to fetch")


def test_a_backfill_names_what_happened_and_counts_the_rest() -> None:
    load = a_planned(1, PlannedAction.LOAD, "not loaded yet")
    items = [
        Outcome(planned=load, receipt=a_receipt()),
        Outcome(planned=a_planned(2, PlannedAction.SKIP, "unchanged"), receipt=a_receipt(action=RunAction.UNCHANGED)),
        Outcome(planned=a_planned(3, PlannedAction.LOAD, "not loaded yet"), error=SourceUnavailable("no answer")),
        Outcome(planned=a_planned(4, PlannedAction.WAIT, "not published yet")),
    ]
    shown = text(render.outcomes(items))
    assert "green 2021-01  loaded" in shown
    assert "2021-02" not in shown
    assert "green 2021-03  ✗ failed" in shown
    assert "green 2021-04  not published yet" in shown
    assert shown.endswith("loaded 1, unchanged 1, waiting 1, failed 1")


def test_a_backfill_of_unchanged_months_is_one_line() -> None:
    skipped = a_planned(2, PlannedAction.SKIP, "unchanged")
    items = [Outcome(planned=skipped, receipt=a_receipt(action=RunAction.UNCHANGED))]
    assert text(render.outcomes(items)) == "loaded 0, unchanged 1, waiting 0, failed 0"


def test_a_verification_lists_the_first_ten_differences() -> None:
    differences = tuple(
        Difference(what="value differs", source_row=row, column="fare_amount", in_file="1.0", in_table="2.0")
        for row in range(1, 21)
    )
    bad = {"rows_source": 100, "rows_target": 99, "differing_rows": 20, "differences": differences}
    good = {"rows_source": 100, "rows_target": 100, "differing_rows": 0}
    shown = text(
        render.verifications(
            [
                Verification(type="green", month=Month(2021, 1), **good),
                Verification(type="green", month=Month(2021, 2), **bad),
            ]
        )
    )
    assert "✓ green 2021-01  ok, 100 rows as in the file" in shown
    assert "✗ green 2021-02  differs in 20 rows: 100 rows in the file, 99 in the table" in shown
    assert "row 10, fare_amount: 1.0 in the file, 2.0 in the table" in shown
    assert "row 11" not in shown


def test_a_finding_says_what_to_do_only_where_something_is_wrong() -> None:
    shown = text(
        render.findings(
            [
                Finding(name="home", ok=True, detail="/data", fix="unneeded"),
                Finding(name="disk space", ok=False, detail="0.1 GiB free", fix="free some space"),
            ]
        )
    )
    assert "unneeded" not in shown
    assert "✗  disk space  0.1 GiB free\n" in shown
    assert "→ free some space" in shown


def test_a_fix_is_never_broken_into_lines_so_that_it_can_be_pasted() -> None:
    command = "gcloud projects add-iam-policy-binding my-project --member=user:me@example.com --role=roles/bigquery.x"
    items = [Finding(name="rights", ok=False, detail="denied " * 20, fix=f"run: {command}")]
    shown = text(render.findings(items), may_be_longer=True)
    assert command in shown
    assert max(len(line) for line in shown.splitlines() if "→" not in line) <= 80


def test_a_plan_for_a_target_that_bills_says_how_much() -> None:
    lines = [
        a_planned(1, PlannedAction.SKIP, "unchanged", bytes=1_000_000, billed_bytes=0),
        a_planned(2, PlannedAction.LOAD, "not loaded yet", bytes=1_500_000, billed_bytes=2**40),
        a_planned(3, PlannedAction.WAIT, "not published yet"),
        a_planned(4, PlannedAction.RELOAD, "republished", bytes=1_500_000, billed_bytes=10 << 20),
    ]
    shown = text(render.plan(lines))
    assert shown.splitlines()[0].split() == ["month", "action", "bytes", "billed", "cost", "reason"]
    assert "skip    1.0 MB  0 bytes       $0  unchanged" in shown
    assert "1.1 TB    $6.25" in shown
    assert "< $0.01" in shown
    assert "BigQuery: 1.1 TB billed, $6.25 (on demand in the US, $6.25 per TiB" in shown
    assert "https://cloud.google.com/bigquery/pricing" in shown


def test_a_plan_that_costs_nothing_says_why() -> None:
    shown = text(render.plan([a_planned(1, PlannedAction.LOAD, "not loaded yet", bytes=1_000, billed_bytes=0)]))
    assert "BigQuery: $0, load and copy jobs are free" in shown


def test_the_lake_is_a_line_per_file() -> None:
    shown = text(render.lake([LakeObject(manifest=a_manifest(), location="/lake/x")]))
    assert "green_tripdata_2021-01.parquet  1.0 kB  abababababab  2026-03-01 12:00 UTC" in shown


def test_a_source_url_is_folded_not_cut() -> None:
    url = "https://example.test/" + "a" * 120 + ".parquet"
    assert url in "".join(text(render.receipt(a_receipt(source_url=url))).split())
