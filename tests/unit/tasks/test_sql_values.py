"""Values of databases as JSON has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from taxi_pipelines.tasks.sql_values import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("1.50"), 1.5), (Decimal("7"), 7), (Decimal("1E+3"), 1000), (Decimal("-0.1"), -0.1),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"), (Decimal(2**70), 2**70),
        (Decimal("NaN"), "NaN"), (Decimal("1E+900"), "1E+900"),
        (float("nan"), "NaN"), (float("-inf"), "-Infinity"), (True, True), (None, None),
        (date(2024, 1, 31), "2024-01-31"), (time(9, 30), "09:30:00"), (datetime(2024, 1, 31, 9, 30), "2024-01-31T09:30:00"),
        (datetime(2024, 1, 31, 9, 30, tzinfo=UTC), "2024-01-31T09:30:00Z"),
        (timedelta(days=1, seconds=90.5), "P1DT90.5S"), (timedelta(0), "PT0S"), (timedelta(seconds=-1), "-PT1S"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"), (b"\x00\xff", "AP8="), (memoryview(b"a"), "YQ=="),
        ((1, [Decimal("2.5")], {3: {4}}), [1, [2.5], {"3": [4]}]),
    ],
)  # fmt: skip
def test_a_value_is_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
