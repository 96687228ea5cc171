"""Receipts and failures in the metadata database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select, update

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.receipt import CheckResult, Receipt, Severity
from taxi_pipelines.interfaces import Failure
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.tables import ReceiptState, failures, receipts

_SAME_NAMED = [field.name for field in fields(Receipt) if field.name in receipts.c]
_IS_STAGED = receipts.c.state == ReceiptState.STAGED
_IS_SETTLED = receipts.c.state == ReceiptState.SETTLED
_MARKS = (receipts.c.id, receipts.c.version, receipts.c.etag, receipts.c.source_url)
"""What tells a settled receipt from one read before: all that `touch` changes, and whose it is."""

_AT_A_TIME = 500
"""So many are named in one statement."""


class ReceiptStore:
    """`Receipts` in the metadata database, which whoever made it closes. A later receipt has a higher id."""

    def __init__(self, database: Metadata) -> None:
        self._database = database
        self._known: dict[int, tuple[tuple[Any, ...], Receipt]] = {}

    def stage(self, receipt: Receipt) -> None:
        """See `Receipts.stage`."""
        with self._database.write() as connection:
            connection.execute(insert(receipts).values(state=ReceiptState.STAGED, **_to_columns(receipt)))

    def settle(self, target: str, kind: str, partition: Partition, published_version: str | None) -> None:
        """See `Receipts.settle`."""
        staged = and_(_is_of(receipts.c, target, kind, partition), _IS_STAGED)
        if not self._database.read(select(receipts.c.id).where(staged).limit(1)):
            return
        is_published = and_(staged, receipts.c.version == published_version)
        with self._database.write() as connection:
            connection.execute(update(receipts).where(is_published).values(state=ReceiptState.SETTLED))
            connection.execute(delete(receipts).where(staged))

    def of_version(self, target: str, kind: str, partition: Partition, version: str) -> Receipt | None:
        """See `Receipts.of_version`."""
        of_it = and_(_is_of(receipts.c, target, kind, partition), receipts.c.version == version, _IS_SETTLED)
        rows = self._database.read(select(receipts).where(of_it).order_by(receipts.c.id.desc()).limit(1))
        return _to_receipt(rows[0]) if rows else None

    def of_month(self, target: str, kind: str, partition: Partition) -> list[Receipt]:
        """See `Receipts.of_month`."""
        of_it = and_(_is_of(receipts.c, target, kind, partition), _IS_SETTLED)
        rows = self._database.read(select(receipts).where(of_it).order_by(receipts.c.id.desc()))
        return [_to_receipt(row) for row in rows]

    def current(self, target: str) -> Mapping[tuple[str, Partition], Receipt]:
        """See `Receipts.current`."""
        of_target = select(func.max(receipts.c.id)).where(receipts.c.target == target, _IS_SETTLED)
        latest = of_target.group_by(receipts.c.type, receipts.c.partition)
        marks = {row.id: tuple(row) for row in self._database.read(select(*_MARKS).where(receipts.c.id.in_(latest)))}
        known = {id: one for id, one in self._known.items() if one[0] == marks.get(id)}
        new = [id for id in marks if id not in known]
        for start in range(0, len(new), _AT_A_TIME):
            is_one = receipts.c.id.in_(new[start : start + _AT_A_TIME])
            rows = self._database.read(select(receipts).where(is_one))
            known |= {row.id: (marks[row.id], _to_receipt(row)) for row in rows}
        self._known = known
        return {(receipt.type, receipt.month): receipt for _, receipt in known.values()}

    def touch(self, receipt: Receipt, etag: str | None, source_url: str) -> None:
        """See `Receipts.touch`."""
        of_it = and_(
            _is_of(receipts.c, receipt.target, receipt.type, receipt.month),
            receipts.c.version == receipt.version,
            _IS_SETTLED,
        )
        latest = select(func.max(receipts.c.id)).where(of_it).scalar_subquery()
        with self._database.write() as connection:
            connection.execute(update(receipts).where(receipts.c.id == latest).values(etag=etag, source_url=source_url))

    def fail(self, target: str, failure: Failure) -> None:
        """See `Receipts.fail`."""
        plain = {field.name: getattr(failure, field.name) for field in fields(failure)}
        month = plain.pop("month")
        with self._database.write() as connection:
            connection.execute(delete(failures).where(_is_of(failures.c, target, failure.type, month)))
            connection.execute(insert(failures).values(target=target, partition=month, **plain))

    def forget(self, target: str, kind: str, partition: Partition) -> None:
        """See `Receipts.forget`."""
        of_it = _is_of(failures.c, target, kind, partition)
        if self._database.read(select(failures.c.code).where(of_it)):
            with self._database.write() as connection:
                connection.execute(delete(failures).where(of_it))

    def failures(self, target: str) -> Mapping[tuple[str, Partition], Failure]:
        """See `Receipts.failures`."""
        rows = self._database.read(select(failures).where(failures.c.target == target))
        return {(row.type, row.partition): _to_failure(row) for row in rows}


def _is_of(columns: Any, target: str, kind: str, partition: Partition) -> ColumnElement[bool]:
    return and_(columns.target == target, columns.type == kind, columns.partition == partition)


def _to_columns(receipt: Receipt) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in _SAME_NAMED} | {
        "partition": receipt.month,
        "columns_added": list(receipt.columns_added),
        "checks": [asdict(check) for check in receipt.checks],
        "seconds": dict(receipt.seconds),
    }


def _to_receipt(row: Row[Any]) -> Receipt:
    return Receipt(
        **{name: getattr(row, name) for name in _SAME_NAMED}
        | {
            "month": row.partition,
            "columns_added": tuple(row.columns_added),
            "checks": tuple(_to_check(plain) for plain in row.checks),
        }
    )


def _to_check(plain: dict[str, Any]) -> CheckResult:
    return CheckResult(**plain | {"severity": Severity(plain["severity"])})


def _to_failure(row: Row[Any]) -> Failure:
    return Failure(type=row.type, month=row.partition, code=row.code, message=row.message, failed_at=row.failed_at)
