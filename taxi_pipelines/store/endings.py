"""News of ended executions, written in the transaction that ends them and taken in the one that acts on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.trigger_tables import endings, listeners
from taxi_pipelines.trigger_interfaces import Ending

# Built once: SQLAlchemy then finds its text again without looking through it.
_TELL = insert(endings).from_select(
    ["consumer", "execution_id", "state"],
    select(
        listeners.c.consumer,
        bindparam("this_id", type_=endings.c.execution_id.type),
        bindparam("this_state", type_=endings.c.state.type),
    ),
)


class EndingStore:
    """`Endings` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def listen(self, consumer: str, *, wanted: bool) -> None:
        """See `Endings.listen`."""
        if bool(self._database.read(select(listeners).where(listeners.c.consumer == consumer))) is not wanted:
            with self._database.write() as connection:
                set_listening(connection, consumer, wanted=wanted)

    def waiting(self, consumer: str, limit: int) -> list[Ending]:
        """See `Endings.waiting`."""
        query = select(endings).where(endings.c.consumer == consumer).order_by(endings.c.number).limit(limit)
        rows = self._database.read(query)
        return [Ending(number=row.number, execution_id=row.execution_id, state=row.state) for row in rows]

    def take(self, numbers: Sequence[int]) -> bool:
        """See `Endings.take`."""
        try:
            with self._database.write() as connection:
                take_endings(connection, numbers)
        except Taken:
            return False
        return True


class Taken(Exception):
    """Somebody else was first; rolls the transaction back."""


def set_listening(connection: Connection, consumer: str, *, wanted: bool) -> None:
    """Within a transaction."""
    there = connection.execute(select(listeners.c.consumer).where(listeners.c.consumer == consumer)).first() is not None
    if wanted and not there:
        connection.execute(insert(listeners).values(consumer=consumer))
    elif there and not wanted:
        connection.execute(delete(listeners).where(listeners.c.consumer == consumer))
        connection.execute(delete(endings).where(endings.c.consumer == consumer))


def tell_endings(connection: Connection, ended: Iterable[Execution]) -> None:
    """News of these for all who listen, within a transaction."""
    rows = [{"this_id": one.id, "this_state": one.state} for one in ended]
    if rows:
        connection.execute(_TELL, rows)


def take_endings(connection: Connection, numbers: Sequence[int]) -> None:
    """Removes them within a transaction. Raises Taken."""
    if numbers and connection.execute(delete(endings).where(endings.c.number.in_(numbers))).rowcount != len(numbers):
        raise Taken
