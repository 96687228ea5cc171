"""Alerts on their way: written in the transaction that takes the news they are about, removed when they were sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, not_, or_, select, update

from taxi_pipelines.domain.alert import Alert, Place
from taxi_pipelines.store.alert_tables import alert_looks, alerts
from taxi_pipelines.store.endings import Taken, take_endings
from taxi_pipelines.store.metadata import Metadata


class AlertStore:
    """`AlertBox` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def put(self, new: Sequence[Alert], taken_endings: Sequence[int]) -> bool:
        """See `AlertBox.put`."""
        try:
            with self._database.write() as connection:
                take_endings(connection, taken_endings)
                _insert(connection, new)
        except Taken:
            return False
        return True

    def looked_at(self) -> datetime | None:
        """See `AlertBox.looked_at`."""
        rows = self._database.read(select(alert_looks.c.looked_at))
        return rows[0].looked_at if rows else None

    def put_late(self, new: Sequence[Alert], before: datetime | None, now: datetime) -> bool:
        """See `AlertBox.put_late`."""
        with self._database.write() as connection:
            if connection.execute(select(alert_looks.c.looked_at)).scalar() != before:
                return False
            connection.execute(delete(alert_looks))
            connection.execute(insert(alert_looks).values(id=1, looked_at=now))
            _insert(connection, new)
            return True

    def claim(self, now: datetime, until: datetime, but: Collection[Place] = ()) -> Alert | None:
        """See `AlertBox.claim`."""
        is_free = or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until <= now)
        elsewhere = [not_(and_(alerts.c.namespace == one.namespace, alerts.c.secret == one.secret)) for one in but]
        query = select(alerts).where(is_free, *elsewhere).order_by(alerts.c.tries, alerts.c.number).limit(1)
        if not self._database.read(query):
            return None
        with self._database.write() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            connection.execute(update(alerts).where(alerts.c.number == row.number).values(claimed_until=until))
            return _to_alert(row)

    def keep(self, alert: Alert) -> None:
        """See `AlertBox.keep`."""
        with self._database.write() as connection:
            its = update(alerts).where(alerts.c.number == alert.number)
            connection.execute(its.values(claimed_until=None, tries=alerts.c.tries + 1))

    def remove(self, alert: Alert) -> None:
        """See `AlertBox.remove`."""
        with self._database.write() as connection:
            connection.execute(delete(alerts).where(alerts.c.number == alert.number))


def _insert(connection: Connection, new: Sequence[Alert]) -> None:
    if new:
        connection.execute(insert(alerts), [_to_columns(one) for one in new])


def _to_columns(alert: Alert) -> dict[str, Any]:
    texts = {name: getattr(alert, name) for name in ("title", "body", "created_at", "tries")}
    return {"namespace": alert.place.namespace, "secret": alert.place.secret, "claimed_until": None} | texts


def _to_alert(row: Row[Any]) -> Alert:
    return Alert(
        place=Place(namespace=row.namespace, secret=row.secret),
        title=row.title,
        body=row.body,
        created_at=row.created_at,
        number=row.number,
        tries=row.tries,
    )
