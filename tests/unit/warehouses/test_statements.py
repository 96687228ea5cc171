from __future__ import annotations

import pytest

from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses.statements import (
    FileGroup,
    changed_rows,
    comments,
    create_view,
    select_failure,
    select_published,
    shared_type,
    table_columns,
)

ZONES = ALL["zones"]
ADDRESS = {"source_month": "date32[day]", "source_row": "int64", "source_file": "string"}
CANONICAL = {"LocationID": "int64", "Borough": "string", "Zone": "string", "service_zone": "string"}


def test_a_view_spells_out_every_column_and_file() -> None:
    group = FileGroup(columns=CANONICAL | ADDRESS, paths=("/h/all.v1.parquet",))
    assert create_view("taxi_zones", select_published(ZONES, [group])) == (
        'CREATE VIEW taxi."taxi_zones" AS\n'
        'SELECT "LocationID" AS "LocationID", "Borough" AS "Borough", "Zone" AS "Zone", '
        '"service_zone" AS "service_zone", "source_month" AS "source_month", "source_row" AS "source_row", '
        '"source_file" AS "source_file"\n'
        "FROM read_parquet([\n  '/h/all.v1.parquet'])"
    )


def test_groups_of_other_schemas_are_united_with_typed_nulls_and_casts() -> None:
    first = FileGroup(columns={"LocationID": "int64", "new": "int64"} | ADDRESS, paths=("/a'b/1.parquet", "/2.parquet"))
    second = FileGroup(columns=CANONICAL | {"NEW": "string"} | ADDRESS, paths=("/3.parquet",))
    lines = select_published(ZONES, [first, second]).split("\n")
    assert lines == [
        (
            'SELECT "LocationID" AS "LocationID", CAST(NULL AS VARCHAR) AS "Borough", CAST(NULL AS VARCHAR) AS "Zone", '
            'CAST(NULL AS VARCHAR) AS "service_zone", CAST("new" AS VARCHAR) AS "new", "source_month" AS "source_month", '
            '"source_row" AS "source_row", "source_file" AS "source_file"'
        ),
        "FROM read_parquet([",
        "  '/a''b/1.parquet',",
        "  '/2.parquet'])",
        "UNION ALL",
        (
            'SELECT "LocationID" AS "LocationID", "Borough" AS "Borough", "Zone" AS "Zone", '
            '"service_zone" AS "service_zone", CAST("new" AS VARCHAR) AS "new", "source_month" AS "source_month", '
            '"source_row" AS "source_row", "source_file" AS "source_file"'
        ),
        "FROM read_parquet([",
        "  '/3.parquet'])",
    ]


def test_an_empty_table_has_typed_columns_and_no_rows() -> None:
    text = select_published(ZONES, [])
    assert text.startswith('SELECT CAST(NULL AS BIGINT) AS "LocationID", ')
    assert text.endswith('CAST(NULL AS VARCHAR) AS "source_file" WHERE false')


def test_a_damaged_table_answers_with_the_reason() -> None:
    assert select_failure(ZONES, ["Zone", "odd"], "it's gone") == (
        "SELECT CAST(NULL AS VARCHAR) AS \"Zone\", NULL AS \"odd\" WHERE error('it''s gone')"
    )


def test_columns_are_canonical_then_unknown_by_appearance_then_the_address() -> None:
    schemas = [["zone", "B", "source_row"], ["a", "b", "LocationID"]]
    assert table_columns(ZONES, schemas) == [*CANONICAL, "B", "a", *ADDRESS]


def test_legacy_columns_show_in_their_canonical_place_where_a_month_has_them() -> None:
    yellow = ALL["yellow"]
    columns = table_columns(yellow, [["unheard_of", "vendor_name"]])
    assert columns[-5:] == ["vendor_name", "unheard_of", *ADDRESS]
    assert "vendor_name" not in table_columns(yellow, [])


def test_comments_are_those_of_the_known_columns() -> None:
    assert comments(ZONES, ["Zone", "unheard_of"]) == [
        "COMMENT ON VIEW taxi.\"taxi_zones\" IS 'Taxi zones'",
        'COMMENT ON COLUMN taxi."taxi_zones"."Zone" IS \'Name of the zone; not unique.\'',
    ]


def test_the_comparison_hashes_numbered_columns_of_both_sides() -> None:
    assert changed_rows({"b": "int64", "A": "double"}, {"a": "double", "B": "string"}) == (
        "SELECT coalesce(sum(greatest(surplus, 0)), 0)::BIGINT, coalesce(sum(greatest(-surplus, 0)), 0)::BIGINT FROM ("
        "SELECT sum(sign) AS surplus FROM (SELECT sign, hash(c0, c1) AS h1, hash('salt', c0, c1) AS h2 FROM ("
        'SELECT "a" AS c0, CAST("b" AS VARCHAR) AS c1, -1 AS sign FROM old_rows UNION ALL '
        'SELECT "a" AS c0, CAST("b" AS VARCHAR) AS c1, 1 AS sign FROM new_rows)) GROUP BY h1, h2)'
    )


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([], None),
        (["int64"], None),
        (["int64", "null"], None),
        (["int32", "int64"], None),
        (["string", "large_string"], None),
        (["int64", "double"], "DOUBLE"),
        (["int64", "string"], "VARCHAR"),
        (["timestamp[us]", "int64"], "VARCHAR"),
        (["bool", "int64"], "VARCHAR"),
    ],
)
def test_types_are_united_as_narrowly_as_they_can_be(types: list[str], expected: str | None) -> None:
    assert shared_type(types) == expected
