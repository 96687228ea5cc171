"""Google's own GoogleSQL analyser (zetasql, as WebAssembly) over a catalog of our tables: what it refuses, BigQuery refuses.

Its first use compiles for half a minute and takes 1 GB; wasmtime's cache keeps what comes of it, and a lock lets one process
of a parallel test run compile while the others wait.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from google.cloud.bigquery import SchemaField

Tables = Mapping[tuple[str, ...], Sequence[SchemaField]]
"""Path of a table (project, dataset, table) → its columns."""

_ALIASES = {"INTEGER": "INT64", "FLOAT": "DOUBLE", "FLOAT64": "DOUBLE", "BOOLEAN": "BOOL"}
"""BigQuery's names → zetasql's, where they differ."""


@cache
def _library() -> tuple[Any, Any]:
    """zetasql's api and types, their service started. Skips the test where it cannot be had; fails it there in CI."""
    try:
        import wasmtime
        from zetasql import api, types
        from zetasql.core import wasm_client
        from zetasql.core.local_service import ZetaSqlLocalService
    except ImportError as error:
        reason = f"zetasql cannot be imported here: {error}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)

    class CachedConfig(wasmtime.Config):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cache = True

    wasm_client.Config = CachedConfig
    with FileLock(Path(tempfile.gettempdir()) / "taxi-zetasql.lock"):
        ZetaSqlLocalService.get_instance()
    return api, types


def analyse(sql: str, tables: Tables, parameters: Mapping[str, str] | None = None) -> Any:
    """The resolved statement. Raises zetasql's error, as BigQuery would refuse it; `parameters`: name → type."""
    api, types = _library()
    language = types.LanguageOptions.maximum_features()
    language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
    language.enabled_language_features.append(types.LanguageFeature.FEATURE_ALTER_COLUMN_SET_DATA_TYPE)
    options = types.AnalyzerOptions(language_options=language, default_timezone="UTC")
    options.query_parameters = [
        types.AnalyzerOptions.QueryParameter(name=name, type=_type(kind)) for name, kind in (parameters or {}).items()
    ]
    return api.Analyzer(options, _catalog(tables, language)).analyze_statement(sql)


def _type(kind: str) -> Any:
    _, types = _library()
    return types.Type(type_kind=getattr(types.TypeKind, f"TYPE_{_ALIASES.get(kind, kind)}"))


def _catalog(tables: Tables, language: Any) -> Any:
    api, types = _library()
    root: dict[str, Any] = {}
    for path, fields in tables.items():
        place = root
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = fields
    functions = types.ZetaSQLBuiltinFunctionOptions(language_options=language)
    catalog = api.CatalogBuilder("root").with_builtin_functions(functions).build()
    _fill(catalog, root)
    return catalog


def _fill(catalog: Any, entries: Mapping[str, Any]) -> None:
    api, types = _library()
    for name, entry in entries.items():
        if isinstance(entry, dict):
            inner = types.SimpleCatalog(name=name)
            _fill(inner, entry)
            catalog.catalog.append(inner)
            continue
        table = api.TableBuilder(name)
        for field in entry:
            table.add_column(
                field.name, getattr(types.TypeKind, f"TYPE_{_ALIASES.get(field.field_type, field.field_type)}")
            )
        catalog.table.append(table.build())
