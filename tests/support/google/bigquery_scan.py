"""What a statement of the fake BigQuery reads: which partitions, how many bytes, and whether it had to say so and did not.

A condition leaves partitions out where it compares the partitioning column itself with something constant:
https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_constant_filter. Bytes: https://cloud.google.com/bigquery/pricing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from tests.support.google.bigquery_data import Data
from tests.support.google.bigquery_errors import invalid
from tests.support.google.bigquery_schema import Fields
from tests.support.google.bigquery_sql import Parameter, Reference, duckdb_sql, target_node, used_values
from tests.support.google.bigquery_views import SCHEMA

MEGABYTE = 1024 * 1024
_LEAST_BILLED = 10 * MEGABYTE
_COMPARISONS = (exp.EQ, exp.NullSafeEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is)


def check_filters(expression: exp.Expr, references: Sequence[Reference]) -> None:
    """Raises where a table wants its partitions named and the statement does not."""
    for reference in references:
        table = reference.table
        if not table.needs_filter or reference.node is _filled(expression):
            continue
        if partition_filter(reference) is None:
            name = f"{table.name.project}.{table.name.dataset}.{table.name.table}"
            raise invalid(
                f"Cannot query over table '{name}' without a filter over column(s) '{table.layout.column}' "
                "that can be used for partition elimination"
            )


def partition_filter(reference: Reference) -> exp.Expr | None:
    """The part of the statement's conditions that leaves out partitions of this table."""
    if not reference.table.layout.unit:
        return None
    found = [_useful(condition, reference) for condition in _conditions(reference)]
    kept = [condition for condition in found if condition is not None]
    return exp.and_(*kept) if kept else None


def _conditions(reference: Reference) -> list[exp.Expr]:
    """What holds for every row that is read of the table."""
    owner = reference.node.find_ancestor(exp.Select, exp.Merge, exp.Update, exp.Delete)
    if isinstance(owner, exp.Merge):
        return _merge_conditions(owner, reference)
    if owner is None:
        return []
    where = owner.args.get("where")
    joins = [join.args["on"] for join in owner.args.get("joins") or () if join.args.get("on") and not join.side]
    return [*([where.this] if where else []), *joins]


def _merge_conditions(merge: exp.Merge, reference: Reference) -> list[exp.Expr]:
    if reference.node is not merge.this:
        return [merge.args["on"]]
    whens = merge.args["whens"].expressions
    loose = [when for when in whens if not when.args.get("matched") and when.args.get("source")]
    if any(when.args.get("condition") is None or _useful(when.args["condition"], reference) is None for when in loose):
        return []
    if loose:
        return [exp.or_(merge.args["on"], *(when.args["condition"] for when in loose))]
    return [merge.args["on"]]


def _useful(condition: exp.Expr, reference: Reference) -> exp.Expr | None:
    match condition:
        case exp.Paren():
            return _useful(condition.this, reference)
        case exp.And():
            sides = [_useful(condition.left, reference), _useful(condition.right, reference)]
            kept = [side for side in sides if side is not None]
            return exp.and_(*kept) if kept else None
        case exp.Or():
            left, right = _useful(condition.left, reference), _useful(condition.right, reference)
            return None if left is None or right is None else exp.or_(left, right)
        case _ if isinstance(condition, _COMPARISONS):
            return _constant_comparison(condition, reference)
    return None


def _constant_comparison(condition: exp.Expr, reference: Reference) -> exp.Expr | None:
    columns = list(condition.find_all(exp.Column))
    if len(columns) != 1 or condition.find(exp.Query) or columns[0].parent is not condition:
        return None
    column = columns[0]
    ours = column.name.lower() == (reference.table.layout.column or "").lower()
    if not ours or column.table not in ("", reference.alias):
        return None
    found = condition.copy()
    next(iter(found.find_all(exp.Column))).set("table", None)
    return found


def bytes_read(
    data: Data, expression: exp.Expr, references: Sequence[Reference], parameters: Mapping[str, Parameter]
) -> list[int]:
    """Logical bytes of each table: the columns named, of the partitions not left out."""
    sizes: dict[str, int] = {}
    for reference in references:
        if reference.node is not _filled(expression):
            relation = reference.table.relation
            sizes[relation] = max(_size(data, expression, reference, parameters), sizes.get(relation, 0))
    return list(sizes.values())


def _size(data: Data, expression: exp.Expr, reference: Reference, parameters: Mapping[str, Parameter]) -> int:
    table = reference.table
    if table.name.table.startswith(SCHEMA):
        return _LEAST_BILLED
    where, values = "true", {}
    condition = partition_filter(reference)
    if condition is not None:
        values = used_values(condition, parameters)
        part = table.layout.partition_id()
        where = f"{part} IN (SELECT DISTINCT {part} FROM {table.relation} WHERE {duckdb_sql(condition, parameters)})"
    return data.size(table.relation, _columns_read(expression, reference), where, values)[1]


def bytes_billed(sizes: Sequence[int]) -> int:
    """In whole megabytes, at least ten for each table that is read at all."""
    return sum(max(_LEAST_BILLED, -(-size // MEGABYTE) * MEGABYTE) for size in sizes if size)


def _filled(expression: exp.Expr) -> exp.Expr | None:
    """The table an INSERT fills, which it does not read."""
    return target_node(expression) if isinstance(expression, exp.Insert) else None


def _columns_read(expression: exp.Expr, reference: Reference) -> Fields:
    fields = reference.table.fields
    is_target = isinstance(expression, exp.Merge | exp.Update | exp.Delete) and reference.node is target_node(
        expression
    )
    stars = [star for star in expression.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    if stars or is_target:
        return fields
    named = {column.name.lower() for column in expression.find_all(exp.Column)}
    return tuple(field for field in fields if field.name.lower() in named)
