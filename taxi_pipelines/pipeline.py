"""`Pipeline`: every verb on months, for Python and for the command line alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from taxi_pipelines.domain.asking import Asking, Limits
from taxi_pipelines.domain.month import WHOLE, Month, Partition, month_range, parse_partition
from taxi_pipelines.domain.outcome import Finding, MonthStatus, Outcome, Verification
from taxi_pipelines.domain.plan import PlannedMonth
from taxi_pipelines.domain.receipt import CheckResult, Receipt
from taxi_pipelines.errors import NotLoaded, UsageError
from taxi_pipelines.interfaces import Advance, LakeObject, Progress
from taxi_pipelines.months import backfill, doctor, plan, prune, rollback, run, status, steps, verify
from taxi_pipelines.months.ask import Asked, Questions
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.months.steps import Extracted, Loaded
from taxi_pipelines.months.tables import Table, tables
from taxi_pipelines.settings import Settings
from taxi_pipelines.taxi.types import TaxiType, find_monthly, find_type
from taxi_pipelines.wiring import build_resources

if TYPE_CHECKING:
    import pandas as pd  # slow to import, and only `query` needs it


class Silent:
    """A progress that says nothing."""

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """Nothing is drawn."""
        return lambda done, total: None

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """Nothing is said."""

    def say(self, message: str) -> None:
        """Nothing is said."""


class Pipeline:
    """Loads TLC months from a source into a lake and on into a warehouse; every published row exactly once.

        with Pipeline(home=".taxi") as taxi:
            receipt = taxi.run("green", "2021-01")
            trips = taxi.query("select count(*) from green_tripdata")

    Arguments that are not given come from TAXI_* variables and taxi.toml; `more` are other fields of Settings, for example
    `lake="gs://bucket/lake"`. `execution_id` is what receipts say of who did it. `source` is a base URL or a folder laid out
    like the TLC's CDN. All verbs raise PipelineError; one of exit code 2 means that the call was wrong and nothing was touched.
    """

    def __init__(
        self,
        *,
        home: str | Path | None = None,
        source: str | Path | None = None,
        target: str | None = None,
        progress: Progress | None = None,
        settings: Settings | None = None,
        execution_id: str | None = None,
        **more: Any,
    ) -> None:
        self._settings = settings or Settings.load(
            home=home,
            source=None if source is None else str(source),
            target=target,
            **more,
        )
        self._progress = progress or Silent()
        self._execution_id = execution_id
        self._closing = ExitStack()
        self._built: dict[str, Resources] = {}
        self._questions = Questions()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes connections; the pipeline can be used again afterwards."""
        self._built.clear()
        self._closing.close()

    @property
    def home(self) -> Path:
        """The folder of lake, warehouse and metadata."""
        return self._settings.home

    def run(
        self, type: str, month: str | None = None, *, source: str | Path | None = None, force: bool = False
    ) -> Receipt:
        """Extracts, loads, checks and merges one month; unchanged months are only answered. `zones` has no month."""
        kind = find_type(type)
        partition = kind.partition(month)
        return run.run_month(self._resources(source), kind, partition, force=force)

    def extract(self, type: str, month: str | None = None, *, force: bool = False) -> Extracted:
        """The first step of `run` alone: the published file into the lake."""
        kind = find_type(type)
        return steps.extract_month(self._resources(), kind, kind.partition(month), force=force)

    def load(self, file: Extracted) -> Loaded:
        """The second: cleaned and checked, into a version that nobody sees yet."""
        return steps.load_month(self._resources(), find_type(file.taxi), file)

    def merge(self, loaded: Loaded) -> Receipt:
        """The third: that version into the target table, in one atomic step."""
        return steps.merge_month(self._resources(), find_type(loaded.file.taxi), loaded)

    def check(self, type: str, month: str | None = None) -> tuple[Receipt, tuple[CheckResult, ...]]:
        """Proves a month that is loaded against receipt and lake, without reading its values. Raises NotLoaded, CheckFailed."""
        kind = find_type(type)
        return steps.check_month(self._resources(), kind, kind.partition(month))

    def plan(
        self, type: str, start: str, end: str, *, source: str | Path | None = None, force: bool = False
    ) -> list[PlannedMonth]:
        """What a backfill would do, month by month; touches nothing."""
        kind, months = _months(type, start, end)
        return plan.plan(self._resources(source), kind, months, force=force)

    def backfill(
        self,
        type: str,
        start: str,
        end: str,
        *,
        source: str | Path | None = None,
        parallel: int = 1,
        force: bool = False,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> list[Outcome]:
        """Loads what is missing or republished from `start` to `end`, both included; goes on past a failed month."""
        if parallel < 1:
            raise UsageError(f"parallel = {parallel} months at a time is not possible", "give 1 or more")
        kind, months = _months(type, start, end)
        res = self._resources(source)
        planned = plan.plan(res, kind, months, force=force)
        return backfill.backfill(
            res, kind, planned, parallel=parallel, force=force, on_outcome=on_outcome or (lambda outcome: None)
        )

    def status(self) -> list[MonthStatus]:
        """Every month that is loaded, failed or being worked on."""
        return status.status(self._resources())

    def verify(self, type: str, months: Sequence[str] = ()) -> list[Verification]:
        """Proves the row contract again, for those months or for all that are loaded."""
        kind = find_type(type)
        res = self._resources()
        partitions = [kind.partition(month) for month in months]
        if not partitions:
            partitions = sorted(res.warehouse.published(kind.table), key=str)
        if not partitions:
            raise NotLoaded(f"nothing of {kind.name} is loaded", f"run: taxi run {kind.name}{_example(kind)}")
        return [verify.verify_month(res, kind, partition) for partition in partitions]

    def rollback(self, type: str, month: str | None = None) -> Receipt:
        """Puts the version before the published one back."""
        kind = find_type(type)
        return rollback.roll_back(self._resources(), kind, kind.partition(month))

    def receipts(self, type: str, month: str | None = None) -> Sequence[Receipt]:
        """Every receipt of a month, the newest first."""
        kind = find_type(type)
        res = self._resources()
        return res.receipts.of_month(res.warehouse.target, kind.name, kind.partition(month))

    def query(self, sql: str) -> pd.DataFrame:
        """The result as a pandas DataFrame; table names need no schema."""
        return self.query_arrow(sql).to_pandas()

    def query_arrow(self, sql: str) -> pa.Table:
        """The result as an Arrow table."""
        with self.query_batches(sql) as reader:
            return reader.read_all()

    def query_batches(self, sql: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """The result as a stream, for results larger than memory."""
        return self._resources().warehouse.query(sql)

    def ask(self, sql: str, limits: Limits, asking: Asking) -> AbstractContextManager[Asked]:
        """As `query_batches`, for who is not trusted: reads the published tables alone, within limits; `asking` ends it."""
        return self._questions.ask(self._resources().warehouse, sql, limits, asking)

    def price(self, sql: str) -> int | None:
        """Bytes that `ask` would be billed for; None where the target bills nothing."""
        return self._resources().warehouse.price(sql)

    def tables(self) -> list[Table]:
        """The target's tables, with months and columns; also those of which nothing is loaded."""
        return tables(self._resources())

    @property
    def target(self) -> tuple[str, str]:
        """The target's name, and where it is."""
        warehouse = self._resources().warehouse
        return warehouse.target, warehouse.place

    def doctor(self, *, fix: bool = False) -> list[Finding]:
        """Looks at home, disk, source, warehouse, metadata and versions; with `fix` mends what can be mended."""
        return doctor.examine(self._resources(), self.home, fix=fix)

    def lake_versions(self, type: str | None = None, month: str | None = None) -> list[LakeObject]:
        """The published files in the lake, every version, the newest of each month first."""
        wanted = find_type(type).name if type else None
        partition = parse_partition(month) if month else None
        lake = self._resources().lake
        return [
            item
            for name, there in lake.partitions()
            if wanted in (None, name) and partition in (None, there)
            for item in lake.versions(name, there)
        ]

    def lake_prune(self, *, keep: int, dry_run: bool = False) -> list[str]:
        """Removes all but the newest `keep` versions of every month, never the published one; what was removed."""
        if keep < 1:
            raise UsageError(f"keep = {keep} would remove the published versions", "give 1 or more")
        return prune.prune(self._resources(), keep=keep, dry_run=dry_run)

    def _resources(self, source: str | Path | None = None) -> Resources:
        address = self._settings.source if source is None else str(source)
        if address not in self._built:
            settings = self._settings.model_copy(update={"source": address})
            built = build_resources(settings, self._progress, self._closing)
            self._built[address] = replace(built, execution_id=self._execution_id)
        return self._built[address]


def _months(type: str, start: str, end: str) -> tuple[TaxiType, list[Month]]:
    kind = find_monthly(type)
    first, last = kind.partition(start), kind.partition(end)
    if not (isinstance(first, Month) and isinstance(last, Month)):
        raise UsageError(f"{start} to {end} is not a range of months", "give two months as YYYY-MM")
    return kind, list(month_range(first, last))


def _example(kind: TaxiType) -> str:
    return "" if kind.first == WHOLE else " 2024-01"
