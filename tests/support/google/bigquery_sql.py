"""GoogleSQL for the fake BigQuery: read by sqlglot, its tables found in the catalog, written for DuckDB.

What DuckDB would take and Google means otherwise is put right here where it is known (decimal literals are FLOAT64); functions that
sqlglot does not know are refused, so that none of DuckDB's own slips through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError

from tests.support.google.bigquery_catalog import Catalog, Table
from tests.support.google.bigquery_errors import BigQueryError, invalid, not_modelled
from tests.support.google.bigquery_layout import TableName, table_name
from tests.support.google.bigquery_schema import DUCKDB_TYPES, type_name
from tests.support.google.bigquery_views import SCHEMA, view

_KINDS: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "SELECT"),
    (exp.Insert, "INSERT"),
    (exp.Update, "UPDATE"),
    (exp.Delete, "DELETE"),
    (exp.Merge, "MERGE"),
    (exp.TruncateTable, "TRUNCATE_TABLE"),
    (exp.Alter, "ALTER_TABLE"),
    (exp.Drop, "DROP_TABLE"),
    (exp.Create, "CREATE_TABLE"),
)
DML = ("INSERT", "UPDATE", "DELETE", "MERGE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A named, typed value of a query; of an array a list."""

    type: str
    value: Any


def parse(sql: str) -> exp.Expr:
    """The one statement of a query. Raises where it is none, or more than one."""
    try:
        found = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except (ParseError, TokenError) as error:
        raise BigQueryError("invalidQuery", f"Syntax error: {_place(error)}", location="query") from error
    if len(found) != 1:
        raise (
            not_modelled("scripts")
            if found
            else BigQueryError("invalidQuery", "Syntax error: Unexpected end of script")
        )
    return found[0]


def _place(error: ParseError | TokenError) -> str:
    first = (getattr(error, "errors", None) or [{}])[0]
    if not first:
        return str(error).splitlines()[0]
    return f'Unexpected "{first.get("highlight")}" at [{first.get("line")}:{first.get("col")}]'


def statement_type(expression: exp.Expr) -> str:
    """Google's word: SELECT, MERGE, CREATE_TABLE_AS_SELECT, …"""
    kind = next((kind for cls, kind in _KINDS if isinstance(expression, cls)), None)
    if kind is None or expression.args.get("kind") not in (None, "TABLE"):
        raise not_modelled(f"the statement {expression.sql('bigquery')[:60]}")
    if kind == "CREATE_TABLE" and expression.args.get("expression") is not None:
        return "CREATE_TABLE_AS_SELECT"
    if kind == "CREATE_TABLE" and expression.find(exp.ExternalProperty):
        return "CREATE_EXTERNAL_TABLE"
    return kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """How a table's name in SQL is understood."""

    project: str
    default: tuple[str, str]
    """Project and dataset of a name that has neither; dataset "": there is none."""

    def name(self, node: exp.Table) -> TableName:
        """Raises where the name lacks its dataset."""
        if node.db:
            return table_name({"datasetId": node.db, "tableId": node.name}, node.catalog or self.project)
        project, dataset = self.default
        if not dataset:
            raise invalid(f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).')
        return table_name({"datasetId": dataset, "tableId": node.name}, project)


def table_nodes(expression: exp.Expr) -> Iterator[exp.Table]:
    """The tables named; names of a WITH are none."""
    local = {cte.alias.lower() for cte in expression.find_all(exp.CTE)}
    for node in expression.find_all(exp.Table):
        if isinstance(node.this, exp.Identifier) and (node.db or node.name.lower() not in local):
            yield node


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A table where a statement names it. `alias`: how its columns are qualified there."""

    node: exp.Table
    table: Table

    @property
    def alias(self) -> str:
        """Its alias, or its own name."""
        return str(self.node.alias or self.node.name)


def _table(catalog: Catalog, node: exp.Table, scope: Scope, location: str) -> Table:
    if "INFORMATION_SCHEMA" in (node.name.upper().partition(".")[0], node.db.upper()):
        if not node.name.upper().startswith(SCHEMA):
            raise not_modelled("INFORMATION_SCHEMA of a default dataset or a region")
        return view(catalog, catalog.dataset(node.catalog or scope.project, node.db, location), node.name)
    return catalog.table(scope.name(node), location)


def references(catalog: Catalog, expression: exp.Expr, scope: Scope, location: str) -> list[Reference]:
    """Raises where a table is not there, or its dataset not in the location."""
    return [
        Reference(node=node, table=_table(catalog, node, scope, location)) for node in list(table_nodes(expression))
    ]


def target_node(expression: exp.Expr) -> exp.Expr:
    """The table a statement changes."""
    target: exp.Expr = expression.this
    return target.this if isinstance(target, exp.Schema) else target


def put_relations(used: Sequence[Reference]) -> None:
    """Each table is named by its relation in DuckDB from now on, under the alias it had."""
    for reference in used:
        put = exp.to_table(reference.table.relation)
        put.set("alias", exp.TableAlias(this=exp.to_identifier(reference.alias)))
        put.set("joins", reference.node.args.get("joins"))
        reference.node.replace(put)


def duckdb_sql(expression: exp.Expr, parameters: Mapping[str, Parameter]) -> str:
    """In DuckDB's words, every name quoted."""
    try:
        put = expression.transform(lambda node: _translated(node, parameters))
        return str(put.sql("duckdb", identify=True, unsupported_level=ErrorLevel.RAISE))
    except UnsupportedError as error:
        raise not_modelled(f"this in DuckDB: {error}") from error


def _translated(node: exp.Expr, parameters: Mapping[str, Parameter]) -> exp.Expr:
    match node:
        case exp.Anonymous():
            raise not_modelled(f"the function {node.name}")
        case exp.Placeholder():
            raise BigQueryError("invalidQuery", "Positional parameters are not supported", location="query")
        case exp.SessionParameter():
            raise not_modelled(f"{node.sql('bigquery')} in a query")
        case exp.Literal() if not node.is_string and not str(node.this).isdigit():
            return exp.cast(exp.Literal.string(node.this), "DOUBLE")
        case exp.Insert() if isinstance(node.this, exp.Var):  # INSERT ROW
            return exp.Insert(this=exp.Star())
        case exp.Parameter():
            return _typed(node, parameters)
    return node


def _typed(node: exp.Parameter, parameters: Mapping[str, Parameter]) -> exp.Expr:
    if node.name not in parameters:
        raise BigQueryError("invalidQuery", f"Query parameter '{node.name}' not found", location="query")
    return exp.cast(node.copy(), parameters[node.name].type, dialect="duckdb")


def used_values(expression: exp.Expr, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The values of those parameters that the statement names."""
    names = {node.name for node in expression.find_all(exp.Parameter)}
    return {name: parameter.value for name, parameter in parameters.items() if name in names}


def read_parameters(details: Mapping[str, Any]) -> dict[str, Parameter]:
    """Of a query's configuration: named ones, of scalars or arrays of them."""
    given = details.get("queryParameters") or []
    if given and details.get("parameterMode", "NAMED").upper() != "NAMED":
        raise not_modelled("positional parameters")
    return {entry["name"]: _read_parameter(entry) for entry in given}


def _read_parameter(entry: Mapping[str, Any]) -> Parameter:
    kind, value = entry["parameterType"], entry["parameterValue"]
    if kind["type"] == "ARRAY":
        type_ = DUCKDB_TYPES[type_name(kind["arrayType"]["type"])] + "[]"
        return Parameter(type=type_, value=[item.get("value") for item in value.get("arrayValues", [])])
    if kind["type"] in ("STRUCT", "BYTES"):
        raise not_modelled(f"parameters of type {kind['type']}")
    return Parameter(type=DUCKDB_TYPES[type_name(kind["type"])], value=value.get("value"))
