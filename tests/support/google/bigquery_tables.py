"""datasets.*, tables.* and tabledata.list of the fake BigQuery.

Shapes: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets, …/tables and …/tabledata/list
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tests.support.google.bigquery_catalog import Table, check_match, patched
from tests.support.google.bigquery_data import read_page
from tests.support.google.bigquery_errors import already_exists, invalid, not_modelled
from tests.support.google.bigquery_layout import TableName, check_labels, read_layout, table_name
from tests.support.google.bigquery_schema import Fields, added, check_updated, column_definitions, read_schema
from tests.support.google.bigquery_state import BigQueryState, Request

_COMPUTED = {
    "kind", "id", "etag", "selfLink", "type", "tableReference", "creationTime", "lastModifiedTime", "numRows", "numBytes",
    "numLongTermBytes", "location", "schema", "timePartitioning", "clustering", "expirationTime", "rangePartitioning",
}  # fmt: skip
_SETTABLE = {"labels", "description", "friendlyName", "requirePartitionFilter"}
_Item = TypeVar("_Item")


def list_datasets(state: BigQueryState, request: Request) -> dict[str, Any]:
    """By name."""
    found = [dataset for key, dataset in sorted(state.catalog.datasets.items()) if key[0] == request.project]
    keys = ("kind", "id", "datasetReference", "labels", "friendlyName", "location")
    return _listing(request, found, "bigquery#datasetList", "datasets", lambda one: _only(one.resource(), keys))


def insert_dataset(state: BigQueryState, request: Request) -> dict[str, Any]:
    """409 where it is there."""
    return state.catalog.insert_dataset(request.project, request.body).resource()


def get_dataset(state: BigQueryState, request: Request) -> dict[str, Any]:
    """404 where it is not there."""
    return state.catalog.dataset(request.project, request.path["dataset"]).resource()


def update_dataset(state: BigQueryState, request: Request) -> dict[str, Any]:
    """datasets.patch; 412 where If-Match names another version."""
    old = state.catalog.dataset(request.project, request.path["dataset"])
    check_match(old.etag, request.headers.get("if-match"))
    return state.catalog.update_dataset(old, request.body).resource()


def delete_dataset(state: BigQueryState, request: Request) -> None:
    """400 where it has tables, unless deleteContents."""
    dataset = state.catalog.dataset(request.project, request.path["dataset"])
    state.catalog.delete_dataset(dataset, contents=request.flag("deleteContents"))


def list_tables(state: BigQueryState, request: Request) -> dict[str, Any]:
    """By name, without rows, sizes and schemas."""
    dataset = state.catalog.dataset(request.project, request.path["dataset"])
    return _listing(request, state.catalog.tables_of(dataset), "bigquery#tableList", "tables", Table.brief)


def insert_table(state: BigQueryState, request: Request) -> dict[str, Any]:
    """409 where it is there."""
    dataset = request.path["dataset"]
    reference = {**request.body.get("tableReference", {}), "projectId": request.project, "datasetId": dataset}
    name = table_name(reference, request.project)
    state.catalog.dataset(request.project, dataset)
    if name.partition:
        raise invalid(f'Invalid table ID "{name.table}${name.partition}". Table decorators cannot be used.')
    if state.catalog.find(name):
        raise already_exists(f"Table {name}")
    body = request.body
    fields = read_schema(body.get("schema"))
    made = state.catalog.new_table(
        name, fields, read_layout(body), patched({}, _settings(body)), _expiration(state, body)
    )
    check_filter_wish(made)
    return resource(state, state.catalog.put(made), name)


def get_table(state: BigQueryState, request: Request) -> dict[str, Any]:
    """Of a partition (`table$202401`) rows and bytes are the partition's."""
    name = request.table
    return resource(state, state.catalog.table(name), name)


def update_table(state: BigQueryState, request: Request) -> dict[str, Any]:
    """tables.patch, which is what the client's update_table calls; 412 where If-Match names another version."""
    name = request.table
    old = state.catalog.table(name)
    check_match(old.etag, request.headers.get("if-match"))
    body = request.body
    settings = patched(old.settings, _settings(body))
    expires = _expiration(state, body) if "expirationTime" in body else old.expires
    new = replace(old, settings=settings, expires=expires, layout=_new_layout(old, body))
    check_filter_wish(new)
    if "schema" in body:
        new = _with_schema(state, new, read_schema(body["schema"]))
    return resource(state, state.catalog.put(new), name)


def check_filter_wish(table: Table) -> None:
    """Raises where a table that is not partitioned is to require a filter."""
    if table.needs_filter and not table.layout.unit:
        raise invalid("require_partition_filter cannot be set on a table that is not partitioned")


def _with_schema(state: BigQueryState, table: Table, fields: Fields) -> Table:
    check_updated(str(table.name), table.fields, fields)
    add_columns(state, table, added(table.fields, fields))
    relaxed = {field.name.lower() for field in fields if not field.required}
    for field in table.fields:
        if field.required and field.name.lower() in relaxed:
            state.data.run(f'ALTER TABLE {table.relation} ALTER COLUMN "{field.name}" DROP NOT NULL')
    return replace(table, fields=fields)


def add_columns(state: BigQueryState, table: Table, fields: Fields) -> None:
    """To its relation."""
    for field in fields:
        state.data.run(f"ALTER TABLE {table.relation} ADD COLUMN {column_definitions([field])}")


def _new_layout(old: Table, body: Mapping[str, Any]) -> Any:
    wanted = read_layout(body)
    if "timePartitioning" in body and (wanted.unit, wanted.column) != (old.layout.unit, old.layout.column):
        raise invalid(f"Cannot change partitioning spec of table {old.name} from {old.layout} to {wanted}")
    if "clustering" not in body:
        return old.layout
    layout = replace(old.layout, clustering=wanted.clustering)
    layout.check(old.fields)
    return layout


def delete_table(state: BigQueryState, request: Request) -> None:
    """The table, or the rows of one partition."""
    name = request.table
    table = state.catalog.table(name)
    if name.partition is None:
        state.catalog.drop(table)
        return
    state.data.run(f"DELETE FROM {table.relation} WHERE {table.layout.rows_of(name)}")
    state.catalog.put(table)


def list_rows(state: BigQueryState, request: Request) -> dict[str, Any]:
    """tabledata.list: free, of a table or a partition."""
    name = request.table
    table = state.catalog.table(name)
    if table.external is not None:
        raise invalid("Cannot list a table of type EXTERNAL.")
    if "startIndex" in request.query and "pageToken" in request.query:
        raise invalid("Only one of startIndex and pageToken can be specified")
    start = int(request.query.get("pageToken") or request.query.get("startIndex") or 0)
    page = read_page(
        state.data, table.relation, _selected(table, request), where=table.layout.rows_of(name), start=start,
        most=min(request.number("maxResults", state.page_rows), state.page_rows),
        integer_timestamps=request.flag("formatOptions.useInt64Timestamp"),
    )  # fmt: skip
    answer: dict[str, Any] = {"kind": "bigquery#tableDataList", "etag": table.etag, "totalRows": str(page.total)}
    if page.rows:
        answer["rows"] = page.rows
    return answer if page.next_start is None else {**answer, "pageToken": str(page.next_start)}


def _selected(table: Table, request: Request) -> Fields:
    if not request.query.get("selectedFields"):
        return table.fields
    wanted = {name.lower() for name in request.query["selectedFields"].split(",")}
    if missing := wanted - {field.name.lower() for field in table.fields}:
        raise invalid(f"No such field: {', '.join(sorted(missing))}.")
    return tuple(field for field in table.fields if field.name.lower() in wanted)


def resource(state: BigQueryState, table: Table, name: TableName) -> dict[str, Any]:
    """As tables.get tells it; rows and bytes of the partition where the name has one."""
    rows, size = state.data.size(table.relation, table.fields, table.layout.rows_of(name))
    location = state.catalog.dataset(name.project, name.dataset).location
    return {
        **table.brief(),
        **table.settings,
        "id": str(name),
        "tableReference": {**name.resource(), "tableId": str(name).rpartition(".")[2]},
        "etag": table.etag,
        "schema": {"fields": [field.resource() for field in table.fields]},
        **({} if table.external is None else {"externalDataConfiguration": table.external}),
        "numRows": str(rows),
        "numBytes": str(size),
        "numLongTermBytes": "0",
        "lastModifiedTime": str(table.modified),
        "location": location,
    }


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := {key for key in set(body) - _COMPUTED - _SETTABLE if body[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a table")
    settings = {key: value for key, value in body.items() if key in _SETTABLE}
    if (body.get("timePartitioning") or {}).get("requirePartitionFilter"):
        settings["requirePartitionFilter"] = True
    check_labels(settings.get("labels"))
    return settings


def _expiration(state: BigQueryState, body: Mapping[str, Any]) -> int | None:
    given = body.get("expirationTime")
    if given is None:
        return None
    if int(given) <= state.now_ms():
        raise invalid("Invalid value for expirationTime: must be in the future")
    return int(given)


def _only(told: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: told[key] for key in keys if key in told}


def _listing(
    request: Request, found: Sequence[_Item], kind: str, items: str, brief: Callable[[_Item], dict[str, Any]]
) -> dict[str, Any]:
    start = int(request.query.get("pageToken") or 0)
    end = start + request.number("maxResults", 1000)
    answer: dict[str, Any] = {"kind": kind, "totalItems": len(found)}
    if found[start:end]:
        answer[items] = [brief(one) for one in found[start:end]]
    return {**answer, "nextPageToken": str(end)} if end < len(found) else answer
