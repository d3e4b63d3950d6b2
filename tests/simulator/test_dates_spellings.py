from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import Window
from collector.plan.date_params import DATE_FORMATS, DateFormat, DateQuery
from collector.simulator.dates import MAX_DAYS, asked_days

TODAY = date(2026, 11, 23)
MOMENTS: tuple[DateFormat, ...] = ("YYYY-MM-DDThh:mm:ssZ", "epoch", "epoch-ms")
ZONES: list[tzinfo] = [
    UTC,
    ZoneInfo("America/Santiago"),
    ZoneInfo("Asia/Tokyo"),
    ZoneInfo("Asia/Kolkata"),
    ZoneInfo("America/St_Johns"),
    timezone(timedelta(hours=11, minutes=59)),
    timezone(-timedelta(hours=11, minutes=59)),
]
WINDOWS = st.builds(
    lambda first, more: Window(first, first + timedelta(more)),
    st.dates(date(1950, 1, 1), date(2060, 1, 1)),
    st.integers(0, MAX_DAYS - 1),
)
INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of naive parts

MISREADABLE: set[tuple[DateFormat, DateFormat]] = {
    ("DD/MM/YYYY", "MM/DD/YYYY"),
    ("MM/DD/YYYY", "DD/MM/YYYY"),
    ("YYYYMMDD", "epoch"),
    ("YYYYMMDD", "epoch-ms"),
    ("epoch", "epoch-ms"),
}
"""Spellings (left) that a server of another form (right) cannot tell from its own in 2026."""


def queries(formats: Sequence[DateFormat]) -> st.SearchStrategy[DateQuery]:
    """Make every way in which the collector can spell a window."""
    return st.builds(
        DateQuery,
        from_param=st.just("from"),
        until_param=st.just("until"),
        date_format=st.sampled_from(formats),
        until_exclusive=st.booleans(),
        zone=st.sampled_from(ZONES),
    )


def read(
    ends: tuple[str, str], date_format: DateFormat, *, until_exclusive: bool = False
) -> list[date] | str:
    """Show what a server that reads `date_format` makes of two dates."""
    days = asked_days(
        [ends[0]],
        [ends[1]],
        until_exclusive=until_exclusive,
        today=TODAY,
        date_format=date_format,
    )
    return days if isinstance(days, str) else [date.fromordinal(day) for day in days]


def spell(query: DateQuery, window: Window) -> tuple[str, str]:
    """Spell a window as the collector does."""
    parameters = query.parameters(window)
    return parameters["from"], parameters["until"]


def sent(window: Window, date_format: DateFormat) -> tuple[str, str]:
    """Spell a window as the collector does, with the midnights of UTC and the last day."""
    return spell(DateQuery("from", "until", date_format, zone=UTC), window)


def days_of(window: Window) -> list[date]:
    """List the days of a window."""
    assert window.from_date is not None
    assert window.until_date is not None
    length = (window.until_date - window.from_date).days + 1
    return [window.from_date + timedelta(n) for n in range(length)]


@given(queries(DATE_FORMATS), WINDOWS)
def test_what_the_collector_spells_is_read_as_the_same_days(
    query: DateQuery, window: Window
) -> None:
    """In every form and zone, with the last day left out on both sides or on neither."""
    ends = spell(query, window)
    days = read(ends, query.date_format, until_exclusive=query.until_exclusive)
    assert days == days_of(window)


@given(queries(MOMENTS), WINDOWS)
def test_for_moments_both_ways_to_end_a_day_are_one(query: DateQuery, window: Window) -> None:
    """Neither the last second of a day nor the next midnight is a noon, so neither server cares."""
    ends = spell(query, window)
    days = read(ends, query.date_format, until_exclusive=not query.until_exclusive)
    assert days == days_of(window)


@pytest.mark.parametrize("date_format", [name for name in DATE_FORMATS if name not in MOMENTS])
def test_for_days_the_two_ways_to_end_a_range_differ(date_format: DateFormat) -> None:
    """A collector that sends the last day loses it on a server that leaves it out."""
    window = Window(date(2026, 2, 1), date(2026, 3, 1))
    days = read(sent(window, date_format), date_format, until_exclusive=True)
    assert days == days_of(window)[:-1]


@pytest.mark.parametrize("until_exclusive", [False, True])
@given(INSTANTS, INSTANTS)
def test_a_day_belongs_to_moments_by_its_noon(
    until_exclusive: bool,  # noqa: FBT001 - a table
    first: datetime,
    last: datetime,
) -> None:
    """To the millisecond, from <= noon <= until, or noon < until; checked day by day."""
    last = min(max(first, last), first + timedelta(3000))
    begin, end = (
        (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        for moment in (first, last)
    )
    expected = []
    for n in range(-1, (last - first).days + 3):
        day = first.date() + timedelta(n)
        noon = (day - date(1970, 1, 1)).days * 86_400_000 + 43_200_000
        if begin <= noon < end or (noon == end and not until_exclusive):
            expected.append(day)
    days = read((str(begin), str(end)), "epoch-ms", until_exclusive=until_exclusive)
    assert days == expected


@pytest.mark.parametrize(
    ("first", "last", "inclusive", "exclusive"),
    [
        ("2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z", [5, 6], [5]),
        ("2026-01-05T12:00:01Z", "2026-01-06T11:59:59Z", [], []),
        ("2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z", [5], []),
        ("2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", [], []),
        ("2026-01-05T11:59:59Z", "2026-01-05T12:00:01Z", [5], [5]),
    ],
)
def test_a_moment_at_noon(
    first: str, last: str, inclusive: list[int], exclusive: list[int]
) -> None:
    """The first moment is part of the range, the second one unless it is left out."""
    for until_exclusive, numbers in ((False, inclusive), (True, exclusive)):
        days = read((first, last), "YYYY-MM-DDThh:mm:ssZ", until_exclusive=until_exclusive)
        assert days == [date(2026, 1, number) for number in numbers]


@pytest.mark.parametrize("date_format", ["YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm:ss"])
def test_a_time_of_day_without_a_zone_is_cut_off(date_format: DateFormat) -> None:
    """It names its day, whatever the time is, as with `::date` in SQL."""
    late, early = (
        date_format.replace("YYYY-MM-DD", "2026-01-05").replace("hh:mm:ss", time)
        for time in ("23:59:59", "00:00:00")
    )
    assert read((late, early), date_format) == [date(2026, 1, 5)]
    assert read((early, late), date_format, until_exclusive=True) == []


@pytest.mark.parametrize(("spelled", "expected"), list(permutations(DATE_FORMATS, 2)))
def test_another_form_is_refused_and_the_right_one_named(
    spelled: DateFormat, expected: DateFormat
) -> None:
    """Each form is told from all others, but for those that are ambiguous."""
    window = Window(date(2026, 5, 6), date(2026, 5, 7))
    days = read(sent(window, spelled), expected)
    if (spelled, expected) in MISREADABLE:
        assert not isinstance(days, str)
        assert set(days).isdisjoint(days_of(window))
    else:
        assert str(days).endswith(f"in the form {expected}")


def test_a_day_beyond_the_twelfth_tells_day_from_month() -> None:
    """There is no thirteenth month."""
    window = Window(date(2026, 1, 13), date(2026, 1, 13))
    assert isinstance(read(sent(window, "DD/MM/YYYY"), "MM/DD/YYYY"), str)
    assert isinstance(read(sent(window, "MM/DD/YYYY"), "DD/MM/YYYY"), str)


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_almost_right_is_refused(date_format: DateFormat) -> None:
    """At either end: nothing more, nothing less, and no digits of other scripts."""
    good, _ = sent(Window(date(2026, 5, 6), date(2026, 5, 6)), date_format)
    arabic = "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in good)
    around = (f" {good}", f"{good}\n", f"+{good}", f"0{good}", f"{good}.5", f"{good}/{good}")
    for bad in ("", "nan", arabic, *around):
        for ends in ((bad, good), (good, bad)):
            assert str(read(ends, date_format)).endswith(f"in the form {date_format}")


@pytest.mark.parametrize(
    ("date_format", "text"),
    [
        ("YYYY-MM-DD", "2026-02-29"),
        ("YYYY-MM-DD", "0000-01-01"),
        ("YYYYMMDD", "20260431"),
        ("DD/MM/YYYY", "31/04/2026"),
        ("DD-MM-YYYY", "00-01-2026"),
        ("MM/DD/YYYY", "02/30/2026"),
        ("YYYY-MM-DDThh:mm:ss", "2026-01-01T24:00:00"),
        ("YYYY-MM-DDThh:mm:ss", "2026-01-01T00:60:00"),
        ("YYYY-MM-DD hh:mm:ss", "2026-01-01 23:59:60"),
        ("YYYY-MM-DDThh:mm:ssZ", "2026-02-30T00:00:00Z"),
        ("YYYY-MM-DDThh:mm:ssZ", "2026-01-01T00:00:00z"),
        ("YYYY-MM-DDThh:mm:ssZ", "2026-01-01T00:00:00+00:00"),
        ("epoch", "-0"),
        ("epoch", "1e9"),
        ("epoch", "1_000"),
    ],
)
def test_what_is_not_in_the_calendar_is_refused(date_format: DateFormat, text: str) -> None:
    """Days, months and times have to exist; counts are plain."""
    assert str(read((text, text), date_format)).endswith(f"in the form {date_format}")


@pytest.mark.parametrize(("date_format", "unit"), [("epoch", 1), ("epoch-ms", 1000)])
def test_counts_are_bounded_by_the_calendar(date_format: DateFormat, unit: int) -> None:
    """The first and the last moment of the years 1 to 9999 are read; the ones beyond are not."""
    first, last = -62_135_596_800 * unit, 253_402_300_800 * unit - 1
    assert read((str(first), str(first)), date_format) == []
    assert read((str(last), str(last)), date_format) == []
    assert read((str(first), str(first + 86_399 * unit)), date_format) == [date.min]
    assert read((str(last - 86_399 * unit), str(last)), date_format) == [date.max]
    absurd = "1" + "0" * 5000
    for digits in (
        str(first - 1),
        str(last + 1),
        str(10**18),
        str(-(10**18)),
        absurd,
        f"-{absurd}",
    ):
        assert isinstance(read((digits, digits), date_format), str)


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_a_range_is_ordered_and_bounded_in_every_form(date_format: DateFormat) -> None:
    """The longest range is answered, one more day is not, and none runs backwards."""
    first = date(2016, 1, 1)
    longest = Window(first, first + timedelta(MAX_DAYS - 1))
    longer = Window(first, first + timedelta(MAX_DAYS))
    assert read(sent(longest, date_format), date_format) == days_of(longest)
    assert str(MAX_DAYS) in str(read(sent(longer, date_format), date_format))
    begin, end = sent(longer, date_format)
    assert "before it begins" in str(read((end, begin), date_format))
