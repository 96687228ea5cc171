"""Statements of the fake BigQuery in DuckDB: SELECT into a result, INSERT, UPDATE, DELETE and MERGE into tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from tests.support.google.bigquery_errors import BigQueryError, invalid, not_modelled
from tests.support.google.bigquery_external import refresh
from tests.support.google.bigquery_jobs import Result
from tests.support.google.bigquery_layout import table_name
from tests.support.google.bigquery_scan import bytes_read, check_filters
from tests.support.google.bigquery_schema import DUCKDB_TYPES, Field, Fields, quoted
from tests.support.google.bigquery_sql import (
    DML,
    Parameter,
    Reference,
    Scope,
    duckdb_sql,
    put_relations,
    references,
    statement_type,
    target_node,
    used_values,
)
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_write import Rows, bring, read_destination

_TYPES = {duckdb_type: name for name, duckdb_type in DUCKDB_TYPES.items()} | {"FLOAT": "FLOAT", '"NULL"': "INTEGER"}
_TYPES |= dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UBIGINT", "UINTEGER"), "INTEGER")
_VERBS = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A statement ready to run. `physical` names DuckDB's relations; `sizes` are the bytes it reads of each table."""

    kind: str
    expression: exp.Expr
    physical: exp.Expr
    references: list[Reference]
    sizes: list[int]
    parameters: Mapping[str, Parameter]

    @property
    def sql(self) -> str:
        """For DuckDB."""
        return duckdb_sql(self.physical, self.parameters)

    @property
    def values(self) -> dict[str, Any]:
        """Of the parameters it names."""
        return used_values(self.expression, self.parameters)


def plan_statement(
    state: BigQueryState, expression: exp.Expr, scope: Scope, location: str, parameters: Mapping[str, Parameter]
) -> Plan:
    """Raises what Google refuses before it runs a statement. DDL is only named, not looked into."""
    kind = statement_type(expression)
    if kind not in (*DML, "SELECT"):
        return Plan(
            kind=kind, expression=expression, physical=expression, references=[], sizes=[], parameters=parameters
        )
    if kind in ("DELETE", "UPDATE") and not expression.args.get("where"):
        raise _wrong(f"{kind} must have a WHERE clause")
    if kind == "SELECT":
        _name_columns(expression)
    used = references(state.catalog, expression, scope, location)
    for reference in used:
        name, written = reference.table.name, kind != "SELECT" and reference.node is target_node(expression)
        right = "bigquery.tables.updateData" if written else "bigquery.tables.getData"
        state.projects.check_granted(right, name.project, name.dataset, name.table)
        if written:
            reference.table.check_own()
    refresh(state, [reference.table for reference in used])
    check_filters(expression, used)
    sizes = bytes_read(state.data, expression, used, parameters)
    physical = expression.copy()
    put_relations(references(state.catalog, physical, scope, location))
    return Plan(
        kind=kind, expression=expression, physical=physical, references=used, sizes=sizes, parameters=parameters
    )


def _name_columns(expression: exp.Expr) -> None:
    """f0_, f1_, … as Google calls columns that have no name."""
    assert isinstance(expression, exp.Query)
    nameless = [
        each for each in expression.selects if not isinstance(each, exp.Alias | exp.Column | exp.Star | exp.Dot)
    ]
    for number, projection in enumerate(nameless):
        projection.replace(exp.alias_(projection.copy(), f"f{number}_"))


def _wrong(message: str) -> BigQueryError:
    return BigQueryError("invalidQuery", message, location="query")


def in_duckdb(state: BigQueryState, sql: str, values: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Runs it; what DuckDB refuses is told in Google's words, as far as they are known."""
    try:
        return state.data.run(sql, values)
    except duckdb.ConstraintException as error:
        column = re.search(r"NOT NULL constraint failed: \w+\.(\w+)", str(error))
        raise invalid(f"Required field {column[1] if column else ''} cannot be null") from error
    except duckdb.BinderException as error:
        column = re.search(r'Referenced column "(\w+)" not found', str(error))
        raise _wrong(f"Unrecognized name: {column[1]}" if column else _first_line(error)) from error
    except duckdb.CatalogException as error:
        if "Function" in str(error):
            raise not_modelled(f"a function of this query: {_first_line(error)}") from error
        raise _wrong(_first_line(error)) from error
    except duckdb.Error as error:
        raise _wrong(_first_line(error)) from error


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def check_binds(state: BigQueryState, plan: Plan) -> None:
    """Raises where names or types do not fit; changes nothing."""
    in_duckdb(state, f"EXPLAIN {plan.sql}", plan.values)


def result_fields(state: BigQueryState, plan: Plan) -> Fields:
    """The columns of a SELECT."""
    described = in_duckdb(state, f"DESCRIBE {plan.sql}", plan.values).fetchall()
    fields = tuple(Field(name=name, type=_type_of(kind)) for name, kind, *_ in described)
    names = [field.name.lower() for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _wrong(f"Duplicate column names in the result are not supported. Found duplicate(s): {', '.join(twice)}")
    return fields


def _type_of(kind: str) -> str:
    name = "NUMERIC" if kind.startswith("DECIMAL") and not kind.endswith("]") else _TYPES.get(kind)
    if name is None:
        raise not_modelled(f"results of type {kind}")
    return name


def select(state: BigQueryState, plan: Plan, details: Mapping[str, Any]) -> Result:
    """Runs it; the rows are kept, and go into the destination table where there is one."""
    fields = result_fields(state, plan)
    relation = state.data.create(fields)
    casts = ", ".join(f"CAST({quoted(field.name)} AS {DUCKDB_TYPES[field.type]})" for field in fields)
    in_duckdb(state, f"INSERT INTO {relation} SELECT {casts} FROM ({plan.sql}) AS selected", plan.values)
    if details.get("destinationTable"):
        name = table_name(details["destinationTable"], "")
        rows = Rows(source=relation, fields=fields, layout=None, settings={})
        bring(state, read_destination(name, details, write="WRITE_EMPTY"), rows)
    return Result(relation=relation, fields=fields)


def anonymous_table(project: str, job_id: str) -> dict[str, str]:
    """Where Google keeps a result that nobody named a table for."""
    return {"projectId": project, "datasetId": "_anonymous", "tableId": f"anon_{job_id.replace('-', '_')}"}


def change(state: BigQueryState, plan: Plan) -> dict[str, Any]:
    """Runs INSERT, UPDATE, DELETE or MERGE; answers what it says of the rows changed."""
    target = next(reference.table for reference in plan.references if reference.node is target_node(plan.expression))
    counts = dict.fromkeys(_VERBS.values(), 0)
    with state.data.transaction():
        if plan.kind == "MERGE":
            _check_one_source_row(state, plan)
            counts |= _merge(state, plan)
        else:
            counts[_VERBS[plan.kind]] = int(in_duckdb(state, plan.sql, plan.values).fetchall()[0][0])
    state.catalog.put(target)
    told = {f"{verb}RowCount": str(count) for verb, count in counts.items()}
    return {"numDmlAffectedRows": str(sum(counts.values())), "dmlStats": told}


def _merge(state: BigQueryState, plan: Plan) -> Counter[str]:
    done = in_duckdb(state, f"{plan.sql} RETURNING merge_action", plan.values)
    counts: Counter[str] = Counter()
    while rows := done.fetchmany(100_000):
        counts.update(_VERBS[action] for (action,) in rows)
    return counts


def _check_one_source_row(state: BigQueryState, plan: Plan) -> None:
    merge = plan.physical
    matched = [when for when in merge.args["whens"].expressions if when.args.get("matched")]
    if not matched:
        return
    conditions = [when.args.get("condition") or exp.true() for when in matched]
    target, source = merge.this.copy(), merge.args["using"].copy()
    doubled = (
        exp.select("1")
        .from_(target)
        .join(source, on=merge.args["on"].copy())
        .where(exp.or_(*(condition.copy() for condition in conditions)))
        .group_by(exp.column("rowid", table=target.alias))
        .having("count(*) > 1")
        .limit(1)
    )
    if in_duckdb(state, duckdb_sql(doubled, plan.parameters), used_values(doubled, plan.parameters)).fetchall():
        raise invalid("UPDATE/MERGE must match at most one source row for each target row")
