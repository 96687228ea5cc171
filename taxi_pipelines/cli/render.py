"""Records as text for people. Pure: values in, rich renderables out; 80 columns, no boxes, never colour alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from taxi_pipelines.domain.outcome import Finding, Outcome, Verification
from taxi_pipelines.domain.plan import USD_PER_TIB, PlannedAction, PlannedMonth
from taxi_pipelines.domain.receipt import CheckResult, Receipt, RunAction, Severity
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.taxi.types import find_type

GOOD, WARNING, BAD = "✓", "!", "✗"
STYLES = {GOOD: "green", WARNING: "yellow", BAD: "bold red"}
MOST_DIFFERENCES = 10
SCREEN, GAP = 80, 2


def receipt(item: Receipt) -> RenderableType:
    """One screen: what was done to the month, the facts that prove it, and the checks."""
    title = Text.assemble((f"{item.type} {item.month}", "bold"), f" · {_words(item.action)}")
    if item.action is RunAction.UNCHANGED:
        title.append(f", {item.rows:,} rows")
        return Group(title, _facts(_key_facts(item)))
    return Group(title, _facts(_key_facts(item) + _change_facts(item)), Text(""), checks(item.checks))


def _key_facts(item: Receipt) -> list[tuple[str, str]]:
    return [
        ("source", item.source_url),
        ("etag", item.etag or "none"),
        ("sha256", item.sha256[:16] + "…"),
        ("file", f"{decimal(item.bytes)} ({item.bytes:,} bytes)"),
        ("target", f"{item.target}, table {find_type(item.type).table}"),
        ("version", item.version),
        *([("execution", item.execution_id)] if item.execution_id else []),
    ]


def _change_facts(item: Receipt) -> list[tuple[str, str]]:
    facts = [("rows", f"{item.rows:,}"), ("changed", f"{item.added:,} added, {item.removed:,} removed")]
    if item.columns_added:
        facts.append(("new columns", ", ".join(item.columns_added)))
    steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in item.seconds.items())
    facts.append(("time", f"{sum(item.seconds.values()):.1f} s: {steps}"))
    return facts


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checks:
    """Checks in two columns, so that a receipt fits on a screen; one below the other where a value would break."""

    cells: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields them in the columns there is room for."""
        left, right = self.cells[::2], self.cells[1::2]
        widths = [max((cell.cell_len for cell in column), default=0) for column in (left, right)]
        if options.max_width < SCREEN or sum(widths) + GAP > options.max_width:
            yield from self.cells
            return
        table = _grid(2)
        for pair in zip_longest(left, right):
            table.add_row(*pair)
        yield table


def checks(results: Sequence[CheckResult]) -> RenderableType:
    """Every check with its mark and what was measured; those that passed because there is nothing to measure are not said."""
    return _Checks(cells=[_check(result) for result in results if result.value is not None or not result.passed])


def _check(result: CheckResult) -> Text:
    mark = GOOD if result.passed else BAD if result.severity is Severity.FAIL else WARNING
    return Text.assemble(_mark(mark), f" {result.name.replace('_', ' ')}  ", (_value(result.value), "bold"))


def _value(value: float | int | str | None) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value or "none"


def plan(lines: Sequence[PlannedMonth]) -> RenderableType:
    """What would be done, month by month, and in sum; where the target bills by bytes, for how many and how much."""
    billing = any(line.billed_bytes is not None for line in lines)
    costs = ("billed", "cost") if billing else ()
    table = _table("month", "action", "bytes", *costs, "reason", right=("bytes", *costs))
    for line in lines:
        style = "red" if line.action is PlannedAction.FAIL else ""
        size = "" if line.bytes is None else decimal(line.bytes)
        cells = _cost_cells(line) if billing else ()
        table.add_row(f"{line.type} {line.month}", Text(str(line.action), style), size, *cells, line.reason)
    counts = Counter(line.action for line in lines)
    said = ", ".join(f"{action} {counts[action]}" for action in PlannedAction if counts[action])
    fetched = sum(line.bytes or 0 for line in lines if line.action in (PlannedAction.LOAD, PlannedAction.RELOAD))
    total = Text(f"{_months(len(lines))}: {said} · {decimal(fetched)} to fetch")
    return Group(table, Text(""), total, *([Text(_cost(lines))] if billing else []))


def _cost_cells(line: PlannedMonth) -> tuple[str, str]:
    if line.billed_bytes is None or line.cost_usd is None:
        return "", ""
    return decimal(line.billed_bytes), _dollars(line.cost_usd)


def _cost(lines: Sequence[PlannedMonth]) -> str:
    billed = sum(line.billed_bytes or 0 for line in lines)
    if not billed:
        return "BigQuery: $0, load and copy jobs are free"
    price = f"on demand in the US, ${USD_PER_TIB} per TiB; other regions: https://cloud.google.com/bigquery/pricing"
    return f"BigQuery: {decimal(billed)} billed, {_dollars(sum(line.cost_usd or 0 for line in lines))} ({price})"


def _dollars(amount: float) -> str:
    return "$0" if not amount else "< $0.01" if amount < 0.01 else f"${amount:,.2f}"


def outcomes(items: Sequence[Outcome]) -> RenderableType:
    """How a backfill ended: the months in which something happened, and all of them counted."""
    table = _table(
        "month", "result", "rows", "added", "removed", "seconds", right=("rows", "added", "removed", "seconds")
    )
    for item in items:
        if item.receipt and item.receipt.action is not RunAction.UNCHANGED:
            table.add_row(*_loaded_cells(item.receipt))
        elif not item.receipt:
            result = Text(f"{BAD} failed", STYLES[BAD]) if item.error else Text(item.planned.reason)
            table.add_row(f"{item.planned.type} {item.planned.month}", result)
    counted = Text(", ".join(f"{word} {count}" for word, count in outcome_counts(items).items()))
    return Group(table, Text(""), counted) if table.row_count else counted


def _loaded_cells(item: Receipt) -> tuple[str, ...]:
    seconds = f"{sum(item.seconds.values()):.1f}"
    return (
        f"{item.type} {item.month}",
        _words(item.action),
        f"{item.rows:,}",
        f"{item.added:,}",
        f"{item.removed:,}",
        seconds,
    )


def outcome_counts(items: Sequence[Outcome]) -> dict[str, int]:
    """How many months ended how; the four usual endings always, reloaded only where there are any."""
    words = [_words(item.receipt.action) if item.receipt else "failed" if item.error else "waiting" for item in items]
    counts = Counter(words)
    usual = ("loaded", "reloaded", "unchanged", "waiting", "failed")
    return {word: counts[word] for word in usual if counts[word] or word != "reloaded"}


def verifications(items: Sequence[Verification]) -> RenderableType:
    """A line per month, and below it the first of its differences."""
    lines: list[RenderableType] = []
    for item in items:
        head = f"{item.type} {item.month}"
        if item.ok:
            lines.append(Text.assemble(_mark(GOOD), f" {head}  ok, {item.rows_target:,} rows as in the file"))
            continue
        counts = f"{item.rows_source:,} rows in the file, {item.rows_target:,} in the table"
        if item.unproven:
            lines.append(Text.assemble(_mark(BAD), f" {head}  cannot be proven: {item.unproven}"))
            continue
        lines.append(Text.assemble(_mark(BAD), f" {head}  differs in {item.differing_rows:,} rows: {counts}"))
        lines += [Text(f"    {difference}") for difference in item.differences[:MOST_DIFFERENCES]]
        if item.differing_rows > MOST_DIFFERENCES:
            lines.append(Text("    …", "dim"))
    return Group(*lines)


def findings(items: Sequence[Finding]) -> RenderableType:
    """A line per finding, and below what is wrong what to do: on one line however long, so that a command can be pasted."""
    widths = (1, max((len(item.name) for item in items), default=0))
    lines: list[RenderableType] = []
    for item in items:
        row = _grid(3)
        row.columns[0].width, row.columns[1].width = widths
        row.add_row(_mark(GOOD if item.ok else BAD), item.name, item.detail)
        lines.append(row)
        if item.fix and not item.ok:
            indent = " " * (sum(widths) + 2 * GAP)
            lines.append(Text(f"{indent}→ {item.fix}", no_wrap=True, overflow="ignore"))
    return Group(*lines)


def lake(items: Sequence[LakeObject]) -> RenderableType:
    """The files of the lake, a line each."""
    table = _table("file", "bytes", "sha256", "fetched", right=("bytes",))
    for item in items:
        manifest = item.manifest
        size, fetched = decimal(manifest.bytes), _minute(manifest.fetched_at)
        table.add_row(manifest.file_name, size, manifest.sha256[:12], fetched)
    return table


def _words(action: RunAction) -> str:
    return action.replace("_", " ")


def _months(count: int) -> str:
    return f"{count:,} month" if count == 1 else f"{count:,} months"


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _mark(mark: str) -> Text:
    return Text(mark, STYLES[mark])


def _facts(facts: Sequence[tuple[str, str]]) -> Table:
    table = _grid(2)
    for name, value in facts:
        table.add_row(Text(name, "dim"), value)
    return table


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def _table(*names: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
