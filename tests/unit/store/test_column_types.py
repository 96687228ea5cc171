"""The column types of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.store.column_types import AnyText, JsonText, Name, PartitionName, UtcTime, is_in_namespace
from tests.support.records import JSON, ODD

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SQLITE, POSTGRESQL = sqlite.dialect(), postgresql.dialect()


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        UtcTime().process_bind_param(NOON.replace(tzinfo=None), SQLITE)


def test_times_are_utc_on_the_way_in_and_out_whatever_the_database_returns() -> None:
    abroad = NOON.astimezone(timezone(timedelta(hours=2)))
    for value in (
        UtcTime().process_bind_param(abroad, SQLITE),
        UtcTime().process_result_value(abroad, POSTGRESQL),
    ):
        assert value == NOON
        assert value.tzinfo is UTC
    assert UtcTime().process_result_value(NOON.replace(tzinfo=None), SQLITE) == NOON


@pytest.mark.parametrize(("partition", "name"), [(Month(2021, 1), "2021-01"), (WHOLE, "all"), (None, None)])
def test_a_partition_is_kept_by_its_name(partition: Month | None, name: str | None) -> None:
    assert PartitionName().process_bind_param(partition, SQLITE) == name
    assert PartitionName().process_result_value(name, SQLITE) == partition


@pytest.mark.parametrize(
    ("text", "kept"), [(ODD, ODD), (None, None), ("", ""), ("a\0b", "a␀b"), ("\ud83d\ude95\ude95", "\U0001f695�")]
)
def test_text_is_kept_as_it_is_but_for_what_a_database_cannot_hold(text: str | None, kept: str | None) -> None:
    assert AnyText().process_bind_param(text, SQLITE) == kept


@pytest.mark.parametrize("value", [JSON, {}, [], None, "", 0, {"a": {}}])
def test_json_comes_back_from_plain_ascii_text(value: Any) -> None:
    text = JsonText().process_bind_param(value, SQLITE)
    assert text.isascii()
    assert JsonText().process_result_value(text, SQLITE) == value


def test_names_are_compared_by_their_characters_codes_on_every_database() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("n", Name))
    made = str(sa.schema.CreateTable(table).compile(dialect=POSTGRESQL))
    assert made.split() == ["CREATE", "TABLE", "t", "(", "n", "TEXT", "COLLATE", '"C"', ")"]
    assert str(Name().compile(dialect=SQLITE)) == "TEXT"


def test_a_namespace_and_those_below_it_are_one_range() -> None:
    column = sa.Column("n", Name)
    condition = is_in_namespace(column, "a.b").compile(dialect=SQLITE, compile_kwargs={"literal_binds": True})
    assert str(condition) == "n >= 'a.b' AND n < 'a.b/' AND NOT (n > 'a.b' AND n < 'a.b.')"
