"""Secret values, encrypted at rest with Fernet. Whoever has the database but not the key reads nothing.

All secrets of a database are encrypted with one key. It is given, or made at the first secret and kept in a file that only its
owner may read.
"""

from __future__ import annotations

import os
import secrets as chance
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import ColumnElement, and_, delete, insert, not_, select

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.execution import PRIVATE
from taxi_pipelines.errors import StoreCorrupt, UsageError
from taxi_pipelines.store.column_types import begins_with
from taxi_pipelines.store.flow_tables import secrets
from taxi_pipelines.store.metadata import Metadata

_VARIABLE = "TAXI_SECRET_KEY"


class SecretStore:
    """`Secrets` in the metadata database. Neither key nor values are ever part of what is printed of it."""

    def __init__(self, database: Metadata, key_file: Path, key: str | None = None) -> None:
        """`key` is a Fernet key; where none is given, it is the file's."""
        self._database = database
        self._key_file = key_file
        self._key = key

    def get(self, namespace: str, key: str) -> str | None:
        """See `Secrets.get`. Raises StoreCorrupt where it was encrypted with another key, or the key is missing."""
        rows = self._database.read(select(secrets.c.ciphertext).where(_is(namespace, key)))
        if not rows:
            return None
        value = _decrypted(self._fernet(), rows[0].ciphertext)
        if value is None:
            what = f"the secret {key} of {namespace} was encrypted with another key"
            raise StoreCorrupt(what, f"bring back {self._key_file} or {_VARIABLE}, or set the secret again")
        return value

    def keys(self, namespace: str | None = None) -> list[tuple[str, str]]:
        """See `Secrets.keys`."""
        query = select(secrets.c.namespace, secrets.c.key).order_by(secrets.c.namespace, secrets.c.key)
        of_it = secrets.c.namespace == namespace
        query = query.where(of_it if namespace is not None else not_(begins_with(secrets.c.namespace, PRIVATE)))
        return [(row.namespace, row.key) for row in self._database.read(query)]

    def set(self, namespace: str, key: str, value: str) -> None:
        """See `Secrets.set`. Raises StoreCorrupt where other secrets are there, and not of this key."""
        others = select(secrets.c.ciphertext).where(not_(_is(namespace, key))).limit(1)
        with self._database.write() as connection:
            other = connection.execute(others).scalar()
            fernet = self._fernet(make=other is None)
            if other is not None and _decrypted(fernet, other) is None:
                what = "the secrets that are there were encrypted with another key"
                hint = (
                    f"bring back {self._key_file} or {_VARIABLE}; to begin with a new key, delete those secrets first"
                )
                raise StoreCorrupt(what, hint)
            ciphertext = fernet.encrypt(value.encode("utf-8", "surrogatepass")).decode()
            connection.execute(delete(secrets).where(_is(namespace, key)))
            connection.execute(insert(secrets).values(namespace=namespace, key=key, ciphertext=ciphertext))

    def delete(self, namespace: str, key: str) -> bool:
        """See `Secrets.delete`."""
        with self._database.write() as connection:
            return connection.execute(delete(secrets).where(_is(namespace, key))).rowcount > 0

    def _fernet(self, *, make: bool = False) -> Fernet:
        key = self._key or _key_of(self._key_file, make=make)
        try:
            return Fernet(key.encode())
        except ValueError as error:
            place = _VARIABLE if self._key else str(self._key_file)
            raise UsageError(f"{place} is not a key for secrets", "it is 32 bytes in URL-safe base64") from error


def _is(namespace: str, key: str) -> ColumnElement[bool]:
    return and_(secrets.c.namespace == namespace, secrets.c.key == key)


def _decrypted(fernet: Fernet, ciphertext: str) -> str | None:
    """The value; None where it is not of this key."""
    try:
        return fernet.decrypt(ciphertext.encode()).decode("utf-8", "surrogatepass")
    except InvalidToken:
        return None


def _key_of(path: Path, *, make: bool) -> str:
    """The key in the file; a new one where it is missing and may be made. Raises UsageError where others may read it."""
    try:
        return _read(path)
    except FileNotFoundError as error:
        if not make:
            hint = f"bring it back, or give the key as {_VARIABLE}, or delete the secrets"
            raise StoreCorrupt(f"the key of the secrets, {path}, is missing", hint) from error
    with writable(path):
        _make(path)
    return _read(path)


def _read(path: Path) -> str:
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read().strip()
    except (PermissionError, IsADirectoryError, UnicodeDecodeError) as error:
        raise UsageError(f"the key of the secrets, {path}, cannot be read", "make it a file of yours") from error
    if mode & 0o077:
        raise UsageError(
            f"others than its owner may read or write {path}, the key of the secrets", f"run: chmod 600 {path}"
        )
    return key


def _make(path: Path) -> None:
    """A new key under a name of its own, then in its place unless somebody else's came first: nobody reads half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{chance.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
