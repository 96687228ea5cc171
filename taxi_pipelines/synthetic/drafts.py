"""Trips as plain whole numbers, before they get the names and types of a month: what happened, not how it was published.

A draft holds some thousand rows of one file: times in seconds since 1970, money in cents, distances in hundredths of a
mile, coordinates in millionths of a degree, texts as places in their list of words. Whole numbers make totals exact.
Everything follows from the random generator given; the faults are those measured on the published files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.epochs import LAST_WITH_PANDAS

Numbers = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]

METERED = ("yellow", "green")
CHARGES = ("fare", "extra", "mta", "tip", "tolls", "improvement", "congestion", "airport", "cbd")
MONEY = frozenset({*CHARGES, "total", "bcf", "tax", "pay"})
TIMES = frozenset({"pickup", "dropoff", "request", "on_scene"})
DEGREES = frozenset({"pickup_lon", "pickup_lat", "dropoff_lon", "dropoff_lat"})

REFUNDS_PER_10_000 = 30
BACKWARDS_PER_10_000 = 5
STRAYS_PER_FILE = 5
STRAY_TIMES = ("2008-12-31T23:05:11", "2009-01-01T00:03:25", "2041-08-17T16:24:17", "2009-01-01T13:17:40")

_SIZE = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Rows `first` … `first + count - 1` of the `rows` of one month's file; `blank` of them, at its end, lack a block."""

    type: str
    month: Month
    rows: int
    first: int
    count: int
    blank: int


@dataclass(kw_only=True, slots=True)
class Draft:
    """Values by key, and by key which of them are null. A key without values is null throughout."""

    values: dict[str, Numbers] = field(default_factory=dict)
    nulls: dict[str, Flags] = field(default_factory=dict)


def _table(weights: dict[int, float]) -> Numbers:
    """Values repeated as their weights say, to be drawn by a random 16-bit number: far faster than `choice`."""
    edges = np.cumsum(list(weights.values())) / sum(weights.values())
    places = np.searchsorted(edges, (np.arange(_SIZE) + 0.5) / _SIZE)
    return np.array(list(weights), dtype=np.int32)[places]


def _zones(salt: int) -> Numbers:
    order = np.random.default_rng(salt).permutation(np.arange(1, 264))
    weights = {int(zone): 1 / (rank + 8) for rank, zone in enumerate(order)}
    return _table(weights | {264: 0.03, 265: 0.01})


@cache
def _tables() -> dict[str, Numbers]:
    fixed = np.random.default_rng(20090101)
    return {
        "distance": np.clip(fixed.lognormal(5.2, 0.85, _SIZE), 0, 9_000).astype(np.int32),
        "pu_zone": _zones(1),
        "do_zone": _zones(2),
        "vendor": _table({1: 31, 2: 67.4, 5: 0.1, 6: 1.5}),
        "passengers": _table({0: 1.5, 1: 74, 2: 14, 3: 4, 4: 2, 5: 2.5, 6: 1.9, 9: 0.1}),
        "rate": _table({1: 96.5, 2: 2, 3: 0.3, 4: 0.3, 5: 0.8, 6: 0.02, 99: 0.08}),
        "payment": _table({1: 68, 2: 30.5, 3: 0.9, 4: 0.5, 5: 0.1}),
        "stored": _table({0: 99.2, 1: 0.8}),
        "trip_type": _table({1: 96.5, 2: 3.5}),
        "extra": _table({0: 52, 50: 24, 100: 18, 250: 6}),
        "tip_percent": _table({0: 8, 10: 8, 15: 14, 20: 45, 25: 17, 30: 8}),
        "tolls": _table({0: 95.5, 612: 4, 1_375: 0.5}),
        "surcharged": _table({0: 28, 1: 72}),
        "mph": _table(dict.fromkeys(range(6, 31), 1.0)),
        "base": _table({base: 1 / (base + 3) for base in range(400)}),
        "company": _table({0: 0.5, 1: 71, 2: 1.5, 3: 27}),
        "flag": _table({0: 97, 1: 3}),
        "shared": _table({0: 1, 1: 24, 2: 75}),
    }


def _draw(rng: np.random.Generator, name: str, count: int) -> Numbers:
    return _tables()[name][rng.integers(0, _SIZE, count, dtype=np.uint16)]


def _seconds(month: Month) -> int:
    return int(np.datetime64(month.first_day, "s").astype(np.int64))


@cache
def _demand(days: int) -> npt.NDArray[np.float64]:
    """The share of a month's trips that began by the end of each hour: few at four, most at seven in the evening."""
    by_hour = 1.1 + np.sin((np.arange(24 * days) % 24 - 13) / 24 * 2 * np.pi)
    return np.concatenate([[0.0], np.cumsum(by_hour) / by_hour.sum()])


def blank_share(type: str, month: Month) -> float:
    """The share of rows without the columns of the null block, as measured: none before 2019, many in 2020 and 2021."""
    if type not in METERED or month.year < 2019:
        return 0.0
    if month.year == 2019:
        return 0.005
    low, high = (0.22, 0.46) if month.year <= 2021 else (0.035, 0.135)
    return low + (high - low) * float(np.random.default_rng([len(type), month.year, month.month]).random())


def _is_blank(span: Span) -> Flags:
    return np.arange(span.first, span.first + span.count) >= span.rows - span.blank


def _pickups(rng: np.random.Generator, span: Span, blank: Flags) -> Numbers:
    """Through the month once, roughly in order; the rows of the null block, at the end, once more by themselves."""
    start, end = _seconds(span.month), _seconds(span.month.plus(1))
    place = np.arange(span.first, span.first + span.count) + 0.5
    full = span.rows - span.blank
    through = np.where(blank, (place - full) / max(span.blank, 1), place / max(full, 1))
    demand = _demand((end - start) // 86_400)
    time = (np.interp(through, demand, np.arange(len(demand))) * 3_600).astype(np.int64)
    time += rng.integers(-1_500, 1_500, span.count)
    last = end - start - 1
    times: Numbers = start + last - np.abs(last - np.abs(time))
    return times


def _stray(span: Span, draft: Draft) -> None:
    """Dates a handful of trips far outside the month."""
    count = min(STRAYS_PER_FILE, span.rows // 100)
    spread = (np.arange(count) * 2 + 1) * span.rows // (2 * max(count, 1))
    times = [*(int(np.datetime64(text).astype(np.int64)) for text in STRAY_TIMES), _seconds(span.month) - 4_242]
    for place, time in zip(spread, times, strict=False):
        if span.first <= place < span.first + span.count:
            ride = draft.values["dropoff"][place - span.first] - draft.values["pickup"][place - span.first]
            draft.values["pickup"][place - span.first] = time
            draft.values["dropoff"][place - span.first] = time + ride


def _turn_back(rng: np.random.Generator, span: Span, draft: Draft) -> None:
    """Lets a few trips end before they began."""
    rows = rng.integers(0, span.count, (span.count * BACKWARDS_PER_10_000 + 5_000) // 10_000)
    pickup, dropoff = draft.values["pickup"][rows], draft.values["dropoff"][rows]
    draft.values["dropoff"][rows] = pickup - np.abs(dropoff - pickup)


def _trip(rng: np.random.Generator, span: Span, blank: Flags) -> Draft:
    """What every trip has: when, where, how far."""
    distance = _draw(rng, "distance", span.count)
    pickup = _pickups(rng, span, blank)
    ride = distance * 36 // _draw(rng, "mph", span.count) + rng.integers(61, 200, span.count, dtype=np.int32)
    draft = Draft()
    draft.values |= {"pickup": pickup, "dropoff": pickup + ride, "distance": distance}
    draft.values |= {"pu_zone": _draw(rng, "pu_zone", span.count), "do_zone": _draw(rng, "do_zone", span.count)}
    return draft


def _add_coordinates(rng: np.random.Generator, draft: Draft) -> None:
    """A place somewhere around its zone's; zones 264 and 265 have the 0, 0 of a meter without reception."""
    fixed = np.random.default_rng(40)
    middle = {"lon": fixed.integers(-74_020_000, -73_780_000, 266), "lat": fixed.integers(40_600_000, 40_880_000, 266)}
    for end, zone in (("pickup", draft.values["pu_zone"]), ("dropoff", draft.values["do_zone"])):
        for axis, places in middle.items():
            there = places[zone] + rng.integers(-6_000, 6_000, len(zone), dtype=np.int32)
            draft.values[f"{end}_{axis}"] = np.where(zone < 264, there, 0)


def metered(rng: np.random.Generator, span: Span) -> Draft:
    """Yellow and green trips: a meter, a fare by distance and time, surcharges by year, and a total that adds up."""
    n, month = span.count, span.month
    blank = _is_blank(span)
    draft = _trip(rng, span, blank)
    for name in ("vendor", "passengers", "rate", "stored", "payment", "trip_type"):
        draft.values[name] = _draw(rng, name, n)
    _stray(span, draft)
    _turn_back(rng, span, draft)
    _add_charges(rng, span, draft, blank)
    if month <= Month(2016, 6):
        _add_coordinates(rng, draft)
    if month.year == 2009:
        for missing in ("rate", "stored", "mta"):
            del draft.values[missing]
    if span.blank:
        _blank_out(span, draft, blank)
    return draft


def _add_charges(rng: np.random.Generator, span: Span, draft: Draft, blank: Flags) -> None:
    n, month, green = span.count, span.month, span.type == "green"
    flagfall, unit = (250, 50) if month < Month(2023, 1) else (300, 70)
    distance, surcharged = draft.values["distance"], _draw(rng, "surcharged", n)
    minutes = np.abs(draft.values["dropoff"] - draft.values["pickup"]).astype(np.int32) // 60
    units = distance // 20 + minutes // 4
    agreed = np.where(blank, rng.integers(0, 50, n, dtype=np.int32), 0)
    fare = flagfall + unit * units + agreed
    card = draft.values["payment"] == 1
    tip = np.where(card & ~blank, fare * _draw(rng, "tip_percent", n) // 100, 0)
    airport = np.isin(draft.values["pu_zone"], (132, 138)) & (not green)
    charges = {
        "fare": fare,
        "extra": _draw(rng, "extra", n),
        "mta": np.full(n, 50 if month.year > 2009 else 0, np.int32),
        "tip": tip,
        "tolls": _draw(rng, "tolls", n),
        "improvement": np.full(n, _improvement(month), np.int32),
        "congestion": np.where(blank, 0, surcharged * (275 if green else 250)) * (month >= Month(2019, 2)),
        "airport": np.where(blank, 0, airport * (125 if month < Month(2023, 4) else 175)) * (month >= Month(2021, 4)),
        "cbd": np.where(blank, 0, surcharged * 75) * (month >= Month(2025, 1)),
    }
    draft.values |= charges | {"total": np.sum(list(charges.values()), axis=0)}


def _improvement(month: Month) -> int:
    return 0 if month.year < 2015 else 30 if month.year < 2023 else 100


def _blank_out(span: Span, draft: Draft, blank: Flags) -> None:
    """Takes the null block from the rows at the file's end. Yellow keeps a payment type there: 0.

    Integers could not be null in pandas' files: there `vendor` and `payment` show it in the CSV edition alone.
    """
    green = span.type == "green"
    keys = ["passengers", "rate", "stored", "congestion", *(("trip_type", "payment", "cbd") if green else ("airport",))]
    if not green:
        draft.values["payment"] = np.where(blank, 0, draft.values["payment"])
    if span.month <= LAST_WITH_PANDAS:
        keys += ["vendor", "payment"]
    draft.nulls |= dict.fromkeys(keys, blank)


def fhv(rng: np.random.Generator, span: Span) -> Draft:
    """For-hire trips: bases and zones; drop-offs unknown before 2017, shared rides told from 2017-07 on."""
    n, month = span.count, span.month
    draft = _trip(rng, span, _is_blank(span))
    _stray(span, draft)
    _turn_back(rng, span, draft)
    base = _draw(rng, "base", n)
    draft.values |= {"base": base, "shared_ride": np.ones(n, np.int32)}
    draft.values["affiliated"] = np.where(_draw(rng, "shared", n) > 0, base, _draw(rng, "base", n))
    draft.nulls["pu_zone"] = _draw(rng, "surcharged", n) == 0
    draft.nulls["do_zone"] = _draw(rng, "stored", n) == 1
    draft.nulls["affiliated"] = _draw(rng, "flag", n) == 1
    draft.values["second_base"] = draft.values["affiliated"]
    draft.nulls["second_base"] = _draw(rng, "flag", n) == 0
    draft.nulls["shared_ride"] = _draw(rng, "shared", n) != 1
    if month.year < 2017:
        for missing in ("dropoff", "do_zone"):
            draft.nulls[missing] = np.ones(n, np.bool_)
    return draft


def fhvhv(rng: np.random.Generator, span: Span) -> Draft:
    """High-volume trips: the app's times and the whole bill. Lyft (company 3) tells neither base of origin nor arrival."""
    n, month = span.count, span.month
    draft = _trip(rng, span, _is_blank(span))
    company = _draw(rng, "company", n)
    lyft = company == 3
    wait = rng.integers(30, 600, n, dtype=np.int32)
    seconds = draft.values["dropoff"] - draft.values["pickup"]
    _stray(span, draft)
    pickup, distance = draft.values["pickup"], draft.values["distance"]
    base = _draw(rng, "base", n)
    draft.values |= {"company": company, "base": base, "origin_base": base, "seconds": seconds}
    draft.values |= {"request": pickup - wait, "on_scene": pickup - wait // 5}
    fare = 254 + distance * 3 // 2 + (seconds // 2).astype(np.int32)
    draft.values |= {
        "fare": fare,
        "tolls": _draw(rng, "tolls", n),
        "bcf": fare * 3 // 100,
        "tax": fare * 8875 // 100_000,
        "congestion": _draw(rng, "surcharged", n) * 275,
        "airport": np.isin(draft.values["pu_zone"], (132, 138)) * np.int32(250),
        "tip": _draw(rng, "flag", n) * fare // 5,
        "pay": fare * 3 // 4 + rng.integers(0, 100, n, dtype=np.int32),
        "cbd": _draw(rng, "surcharged", n) * (150 if month >= Month(2025, 1) else 0),
    }
    draft.values |= {key: _draw(rng, "flag", n) for key in ("shared_asked", "wav_asked", "wav_met")}
    draft.values |= {"shared_met": draft.values["shared_asked"] * _draw(rng, "surcharged", n)}
    draft.values |= {"access": np.where(lyft, 0, 2), "shared_ride": np.ones(n, np.int32)}
    draft.nulls |= {"origin_base": lyft, "on_scene": lyft, "shared_ride": draft.values["shared_asked"] == 0}
    return draft


def add_twins(rng: np.random.Generator, span: Span, draft: Draft, duplicates: int) -> None:
    """Makes rows into twins of the row before: refunds, with all money negated, and `duplicates` equal in every column."""
    pairs = span.count // 2
    refunds = (span.count * REFUNDS_PER_10_000 + 5_000) // 10_000 if span.type in METERED else 0
    refunds = min(refunds, pairs - duplicates)
    chosen = 2 * rng.choice(pairs, refunds + duplicates, replace=False) if pairs else np.zeros(0, np.int64)
    for column in (*draft.values.values(), *{id(flags): flags for flags in draft.nulls.values()}.values()):
        column[chosen + 1] = column[chosen]
    for key in MONEY & draft.values.keys():
        draft.values[key][chosen[:refunds] + 1] *= -1
