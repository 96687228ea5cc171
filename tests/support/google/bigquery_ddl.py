"""CREATE, ALTER, DROP and TRUNCATE TABLE of the fake BigQuery, done in its catalog rather than by DuckDB's DDL alone.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from tests.support.google.bigquery_catalog import Table
from tests.support.google.bigquery_errors import already_exists, invalid, not_modelled
from tests.support.google.bigquery_external import external_configuration
from tests.support.google.bigquery_layout import Layout, TableName, check_labels
from tests.support.google.bigquery_run import Plan, plan_statement, select
from tests.support.google.bigquery_schema import DUCKDB_TYPES, Field, Fields, by_name, quoted, read_schema, type_name
from tests.support.google.bigquery_sql import Scope
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_tables import add_columns, check_filter_wish
from tests.support.google.bigquery_write import Destination, Rows, bring

_WIDER = {"INTEGER": ("NUMERIC", "FLOAT"), "NUMERIC": ("FLOAT",)}
_OPTIONS = {"description": "description", "friendly_name": "friendlyName", "labels": "labels"}
_OPTIONS |= {"require_partition_filter": "requirePartitionFilter"}


def run_ddl(state: BigQueryState, plan: Plan, scope: Scope, location: str) -> dict[str, Any]:
    """Does it; answers what it says of itself."""
    expression = plan.expression
    match plan.kind:
        case "CREATE_TABLE" | "CREATE_TABLE_AS_SELECT":
            return _create(state, plan, scope, location)
        case "CREATE_EXTERNAL_TABLE":
            return _create_external(state, expression, scope, location)
        case "ALTER_TABLE":
            return _alter(state, expression, scope, location)
        case "DROP_TABLE":
            return _drop(state, expression, scope, location)
        case _:
            table = state.catalog.table(scope.name(expression.expressions[0]), location)
            table.check_own()
            state.data.run(f"DELETE FROM {table.relation}")
            state.catalog.put(table)
            return _told("TRUNCATE", table.name)


def _told(operation: str, name: TableName) -> dict[str, Any]:
    return {"ddlOperationPerformed": operation, "ddlTargetTable": name.resource()}


def _create(state: BigQueryState, plan: Plan, scope: Scope, location: str) -> dict[str, Any]:
    asked = _asked(plan.expression, scope)
    name = asked.name
    old = _before(state, asked, location)
    if old and asked.skips:
        return _told("SKIP", name)
    layout, settings = _properties(plan.expression.args.get("properties"))
    if plan.kind == "CREATE_TABLE":
        state.catalog.put(state.catalog.new_table(name, asked.fields, layout, settings))
        return _told("REPLACE" if old else "CREATE", name)
    if asked.fields:
        raise not_modelled("CREATE TABLE with columns AS SELECT")
    query = plan_statement(state, plan.expression.expression, scope, location, plan.parameters)
    result = select(state, query, {})
    if old:
        state.catalog.drop(old)
    destination = Destination(name=name, create="CREATE_IF_NEEDED", write="WRITE_EMPTY", updates=frozenset())
    bring(state, destination, Rows(source=result.relation, fields=result.fields, layout=layout, settings=settings))
    return _told("REPLACE" if old else "CREATE", name)


def _create_external(state: BigQueryState, expression: exp.Expr, scope: Scope, location: str) -> dict[str, Any]:
    asked = _asked(expression, scope)
    old = _before(state, asked, location)
    if old and asked.skips:
        return _told("SKIP", asked.name)
    if not asked.fields:
        raise not_modelled("external tables whose columns are found out by looking at the file")
    made = state.catalog.new_table(asked.name, asked.fields, Layout(), {})
    state.catalog.put(replace(made, external=external_configuration(expression.args.get("properties"))))
    return _told("REPLACE" if old else "CREATE", asked.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What CREATE says of the table itself."""

    name: TableName
    fields: Fields
    type: str
    skips: bool
    replaces: bool


def _asked(expression: exp.Expr, scope: Scope) -> _Asked:
    schema = expression.this if isinstance(expression.this, exp.Schema) else None
    columns = {"fields": [_column(definition) for definition in schema.expressions]} if schema else None
    return _Asked(
        name=scope.name(expression.this.this if schema else expression.this),
        fields=read_schema(columns),
        type="EXTERNAL" if expression.find(exp.ExternalProperty) else "TABLE",
        skips=bool(expression.args.get("exists")),
        replaces=bool(expression.args.get("replace")),
    )


def _before(state: BigQueryState, asked: _Asked, location: str) -> Table | None:
    """The table that is there. Raises where there may be none."""
    state.catalog.dataset(asked.name.project, asked.name.dataset, location)
    old = state.catalog.find(asked.name)
    if old and not (asked.skips or asked.replaces):
        raise already_exists(f"Table {asked.name}")
    if old and asked.replaces and old.type != asked.type:
        raise not_modelled(f"CREATE OR REPLACE {asked.type} of what is a {old.type}")
    return old


def _column(definition: exp.ColumnDef) -> dict[str, Any]:
    told: dict[str, Any] = {"name": definition.name, "type": _type(definition.args["kind"])}
    for constraint in definition.args.get("constraints") or ():
        match constraint.args.get("kind"):
            case exp.NotNullColumnConstraint():
                told["mode"] = "REQUIRED"
            case exp.Properties() as properties:
                told |= _options(properties.expressions, {"description": "description"})
            case other:
                raise not_modelled(f"{other} of a column")
    return told


def _type(kind: exp.DataType) -> str:
    return type_name(kind.sql("bigquery"))


def _properties(properties: exp.Properties | None) -> tuple[Layout, dict[str, Any]]:
    layout = Layout()
    options = []
    for entry in properties.expressions if properties else ():
        match entry:
            case exp.PartitionedByProperty():
                layout = replace(layout, **_partitioning(entry.this))
            case exp.ClusterProperty():
                layout = replace(layout, clustering=tuple(column.name for column in entry.expressions))
            case exp.Property():
                options.append(entry)
            case _:
                raise not_modelled(f"{entry.sql('bigquery')} of CREATE TABLE")
    settings = _options(options, _OPTIONS)
    check_labels(settings.get("labels"))
    return layout, settings


def _partitioning(expression: exp.Expr) -> dict[str, Any]:
    if isinstance(expression, exp.Column | exp.Identifier):
        return {"unit": "DAY", "column": expression.name}
    if isinstance(expression, exp.Date) and isinstance(expression.this, exp.Column) and not expression.args.get("zone"):
        return {"unit": "DAY", "column": expression.this.name}
    unit, column = expression.args.get("unit"), expression.this
    if unit is None or not isinstance(column, exp.Column):
        raise not_modelled(f"PARTITION BY {expression.sql('bigquery')}")
    return {"unit": unit.name.upper(), "column": column.name}


def _options(entries: list[exp.Property], known: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        if entry.name not in known:
            raise not_modelled(f"the option {entry.name}")
        found[known[entry.name]] = _value(entry.args["value"])
    return found


def _value(node: exp.Expr) -> Any:
    match node:
        case exp.Boolean():
            return bool(node.this)
        case exp.Array():
            return {key.name: value.name for key, value in (pair.expressions for pair in node.expressions)}
        case exp.Null():
            return None
        case _:
            return node.name


def _alter(state: BigQueryState, expression: exp.Expr, scope: Scope, location: str) -> dict[str, Any]:
    table = state.catalog.table(scope.name(expression.this), location)
    table.check_own()
    for action in expression.args["actions"]:
        match action:
            case exp.ColumnDef():
                table = _add(state, table, action)
            case exp.AlterColumn() if action.args.get("dtype"):
                table = _retype(state, table, action.name, _type(action.args["dtype"]))
            case exp.AlterSet() if action.expressions and isinstance(action.expressions[0], exp.Properties):
                settings = {**table.settings, **_options(action.expressions[0].expressions, _OPTIONS)}
                table = replace(table, settings={key: value for key, value in settings.items() if value is not None})
                check_filter_wish(table)
            case _:
                raise not_modelled(f"ALTER TABLE {action.sql('bigquery')}")
    state.catalog.put(table)
    return _told("ALTER", table.name)


def _add(state: BigQueryState, table: Table, definition: exp.ColumnDef) -> Table:
    (field,) = read_schema({"fields": [_column(definition)]})
    if field.name.lower() in by_name(table.fields):
        if definition.args.get("exists"):
            return table
        raise already_exists(f"Column {field.name} of table {table.name}")
    if field.required:
        raise invalid(f"Cannot add required fields to an existing schema. (field: {field.name})")
    add_columns(state, table, (field,))
    return replace(table, fields=(*table.fields, field))


def _retype(state: BigQueryState, table: Table, name: str, kind: str) -> Table:
    field = by_name(table.fields).get(name.lower())
    if field is None:
        raise invalid(f"Column not found: {name}")
    if kind != field.type and kind not in _WIDER.get(field.type, ()):
        raise invalid(
            f"ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type ({field.sql_type}) "
            f"is assignable to the new type ({Field(name=name, type=kind).sql_type})"
        )
    new = replace(field, type=kind)
    fields = tuple(new if each is field else each for each in table.fields)
    table.layout.check(fields)
    state.data.run(f"ALTER TABLE {table.relation} ALTER COLUMN {quoted(field.name)} SET DATA TYPE {DUCKDB_TYPES[kind]}")
    return replace(table, fields=fields)


def _drop(state: BigQueryState, expression: exp.Expr, scope: Scope, location: str) -> dict[str, Any]:
    (node,) = expression.args.get("tables") or [expression.this]
    name = scope.name(node)
    if state.catalog.find(name) is None and expression.args.get("exists"):
        return _told("SKIP", name)
    table = state.catalog.table(name, location)
    table.check_own()
    state.catalog.drop(table)
    return _told("DROP", name)
