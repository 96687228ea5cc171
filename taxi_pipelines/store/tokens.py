"""API tokens: only what they were hashed to."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, insert, select

from taxi_pipelines.domain.access import Token
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.token_tables import api_tokens


class TokenStore:
    """`Tokens` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def add(self, token: Token) -> None:
        """See `Tokens.add`."""
        with self._database.write() as connection:
            connection.execute(insert(api_tokens).values(asdict(token)))

    def find(self, id: str) -> Token | None:
        """See `Tokens.find`."""
        rows = self._database.read(select(api_tokens).where(api_tokens.c.id == id))
        return Token(**rows[0]._mapping) if rows else None

    def listed(self) -> list[Token]:
        """See `Tokens.listed`."""
        rows = self._database.read(select(api_tokens).order_by(api_tokens.c.created_at, api_tokens.c.id))
        return [Token(**row._mapping) for row in rows]

    def remove(self, id: str) -> bool:
        """See `Tokens.remove`."""
        with self._database.write() as connection:
            return connection.execute(delete(api_tokens).where(api_tokens.c.id == id)).rowcount > 0
