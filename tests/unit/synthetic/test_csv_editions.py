"""The beginnings of the CSV files told in `csv_editions` are those of the published files, byte for byte."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import InvalidMonth
from taxi_pipelines.synthetic.csv_editions import EDITIONS, csv_edition
from taxi_pipelines.synthetic.tables import KEY_OF
from tests.support.data import real


def test_every_original_begins_as_told_and_has_rows_as_wide_as_told() -> None:
    heads = sorted(real("csv-heads").glob("*.csv"))
    assert len(heads) > 300
    for path in heads:
        kind, _, month = path.stem.split("_")
        edition, head = csv_edition(kind, Month.parse(month)), path.read_bytes()
        assert head.startswith(edition.beginning), path.name
        row = head[len(edition.beginning) :].split(b"\r\n")[0]
        assert row.count(b",") + 1 == len(edition.names) + edition.padding, path.name
        assert row.startswith(b'"') == edition.quoted, path.name


def test_names_come_without_quotes_and_blanks() -> None:
    assert csv_edition("green", Month(2013, 8)).names[-1] == "Trip_type"
    assert csv_edition("yellow", Month(2014, 5)).names[1] == "pickup_datetime"
    assert csv_edition("fhv", Month(2018, 5)).names[-2:] == ["Dispatching_base_number", "Dispatching_base_num"]


def test_editions_are_in_order_of_time_and_every_column_is_known_to_the_generator() -> None:
    for editions in EDITIONS.values():
        assert [edition.since for edition in editions] == sorted(edition.since for edition in editions)
        assert {name.lower() for edition in editions for name in edition.names} <= KEY_OF.keys()


def test_a_month_before_the_first_has_no_edition() -> None:
    with pytest.raises(InvalidMonth):
        csv_edition("green", Month(2013, 7))
