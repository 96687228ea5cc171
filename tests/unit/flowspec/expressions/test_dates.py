from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.expressions import failure, render

PARIS = ZoneInfo("Europe/Paris")
MOMENT = datetime(2013, 9, 8, 16, 19, 12, 123456, tzinfo=ZoneInfo("Europe/London"))  # +01:00
CONTEXT: dict[str, object] = {
    "d": MOMENT,
    "day": date(2020, 2, 29),
    "naive": datetime(2013, 9, 8, 16, 19, 12),
    "n": 1378653552,
}

PRINTED = [
    ("d | date", "2013-09-08T15:19:12.123456Z"),
    ("d | date('iso_sec', 'Europe/Paris')", "2013-09-08T17:19:12+02:00"),
    ("d | date('sql')", "2013-09-08 15:19:12.123456"),
    ("d | date('sql_seq', timeZone='+05:30')", "2013-09-08 20:49:12"),
    ("d | date('iso_instant')", "2013-09-08T15:19:12.123456Z"),
    ("d | date('iso_local_date_time', timeZone='Europe/Paris')", "2013-09-08T17:19:12.123456"),
    ("d | date('iso_zoned_date_time', timeZone='Europe/Paris')", "2013-09-08T17:19:12.123456+02:00[Europe/Paris]"),
    ("d | date('iso_ordinal_date')", "2013-251Z"),
    ("d | date('rfc_1123_date_time')", "Sun, 08 Sep 2013 15:19:12 GMT"),
    ("d | date('yyyy_MM')", "2013_09"),
    ("d | date(\"yyyy-MM-dd'T'HH:mm:ss.SSSX\")", "2013-09-08T15:19:12.123Z"),
    ("d | date(\"d 'o''clock' ''yy\")", "8 o'clock '13"),
    ("d | date('EEEE, MMM d h:mm a')", "Sunday, Sep 8 3:19 PM"),
    ("d | date('EEEE d MMMM', locale='de_DE')", "Sonntag 8 September"),
    (
        "d | date('uuuu DDD Q SSSSSSSSS n XX xxx VV', timeZone='Europe/Paris')",
        "2013 251 3 123456000 123456000 +0200 +02:00 Europe/Paris",
    ),
    ("d | date('H:k:K:m:s')", "15:15:3:19:12"),
    ("naive | date(timeZone='Europe/Paris')", "2013-09-08T16:19:12.000000+02:00"),
    ("day | date('yyyy-MM-dd HH:mm')", "2020-02-29 00:00"),
    ("n | date('HH:mm:ss')", "15:19:12"),
    ("'2013-09-08T17:19:12+02:00' | date", "2013-09-08T15:19:12.000000Z"),
    ("'2013-09-08T17:19' | date(timeZone='Europe/Paris')", "2013-09-08T17:19:00.000000+02:00"),
    ("'2013-09-08' | date(timeZone='Europe/Paris')", "2013-09-08T00:00:00.000000+02:00"),
    ("'2013-09-08T17:19:12+02:00[Europe/Paris]' | date('HH')", "15"),
    (
        "'Tue, 08 Feb 2022 19:38:26 GMT' | date(existingFormat='rfc_1123_date_time', timeZone='Europe/Paris')",
        "2022-02-08T20:38:26.000000+01:00",
    ),
    ("'07/04/21 3:05 PM' | date('iso_local_date_time', existingFormat='MM/dd/yy h:mm a')", "2021-07-04T15:05:00"),
    (
        "'12:30 AM, 1 mars 2021' | date('yyyy-MM-dd HH:mm', existingFormat='hh:mm a, d MMMM yyyy', locale='fr')",
        "2021-03-01 00:30",
    ),
    ("'2021-060T10:00:01.5+01:00' | date(existingFormat=\"yyyy-DDD'T'HH:mm:ss.SXXX\")", "2021-03-01T09:00:01.500000Z"),
    ("'20210301' | date('yyyy', existingFormat='yyyyMMdd')", "2021"),
    ("now('HH:mm:ss')", "13:05:06"),
    ("null | date", ""),
]

MOVED = [
    ("day | dateAdd(1, 'YEARS') | date('yyyy-MM-dd')", "2021-02-28"),
    ("'2021-01-31' | dateAdd(1, 'MONTHS', 'yyyy-MM-dd')", "2021-02-28"),
    ("'2021-12-15' | dateAdd(1, 'MONTHS', 'yyyy-MM')", "2022-01"),
    ("'2021-01-15' | dateAdd(-2, 'MONTHS', 'yyyy-MM')", "2020-11"),
    ("'2021-01-15' | dateAdd(amount=2, unit='WEEKS', format='MM-dd')", "01-29"),
    ("'2021-01-15T00:00' | dateAdd(90, 'MINUTES', 'HH:mm:ss')", "01:30:00"),
    ("'2021-01-15T00:00' | dateAdd(-1, 'SECONDS', 'dd HH:mm:ss')", "14 23:59:59"),
    ("(d | timestamp) > (d | dateAdd(-1, 'DAYS') | timestamp)", "true"),
    ("d | dateAdd(-1, 'DAYS', timeZone='Europe/Paris')", "2013-09-07T17:19:12.123456+02:00"),
]


@pytest.mark.parametrize(("expression", "expected"), PRINTED + MOVED)
def test_dates_print_and_move_as_in_java_time(expression: str, expected: str) -> None:
    assert render(f"{{{{ {expression} }}}}", CONTEXT).replace("\u202f", " ") == expected


def test_a_day_keeps_the_local_time_and_an_hour_does_not() -> None:
    before = {"d": datetime(2021, 3, 27, 2, 30, tzinfo=PARIS)}
    paris = ", 'iso_sec', 'Europe/Paris'"
    assert render(f"{{{{ d | dateAdd(24, 'HOURS'{paris}) }}}}", before) == "2021-03-28T03:30:00+02:00"
    assert render(f"{{{{ d | dateAdd(2, 'DAYS'{paris}) }}}}", before) == "2021-03-29T02:30:00+02:00"
    assert render(f"{{{{ d | dateAdd(1, 'DAYS'{paris}) }}}}", before) == "2021-03-28T03:30:00+02:00", (
        "02:30 is skipped that night"
    )


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        (datetime(2021, 3, 1, 9, tzinfo=ZoneInfo("America/New_York")), "14:00Z"),
        (datetime(2021, 7, 1, 13, tzinfo=UTC), "13:00Z"),
    ],
)
def test_a_slots_moment(slot: datetime, expected: str) -> None:
    assert render("{{ t | date('HH:mmX') }}", {"t": slot}) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("'yesterday' | date", "'yesterday' is not a date in ISO-8601"),
        ("'2021-13-01' | date", "not a date"),
        ("'x' | date(existingFormat='yyyy')", "'x' does not read as 'yyyy'"),
        ("'2021-02-30' | date(existingFormat='yyyy-MM-dd')", "does not read"),
        ("d | date('yyyy-MM-ddTHH')", "put text in quotes"),
        ('d | date("yyyy\'x")', "a quote is not closed"),
        ("d | date(timeZone='Mars/Base')", "there is no time zone 'Mars/Base'"),
        ("d | date(timeZone='../../etc/passwd')", "there is no time zone"),
        ("d | date(locale='xx_YY_zz')", "there is no locale"),
        ("true | date", "a boolean is not a date"),
        ("[] | date", "a list is not a date"),
        ("d | dateAdd(1, 'DAY')", "did you mean 'DAYS'"),
        ("d | dateAdd(1.5, 'DAYS')", "must be a whole number"),
        ("d | dateAdd(999999, 'YEARS')", "leaves the years"),
        ("d | dateAdd(9999999999, 'DAYS')", "leaves the years"),
        ("99999999999999 | date", "no date between"),
        ("d | date(5)", "'format' must be text"),
    ],
)
def test_what_is_no_date_says_why(expression: str, says: str) -> None:
    assert says in str(failure(f"{{{{ {expression} }}}}", CONTEXT))
