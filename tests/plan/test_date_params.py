import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Window
from collector.core.errors import InputError
from collector.plan.date_params import DATE_FORMATS, MOMENTS, DateFormat, DateQuery
from collector.simulator.dates import DAY, read_date

_QUERY = DateQuery("since", "till", zone=UTC)
_WINDOW = Window(date(2026, 2, 9), date(2026, 2, 28))
_NAMED = [name for name in DATE_FORMATS if name not in MOMENTS]

_SPELT: dict[DateFormat, tuple[str, str, str]] = {
    "YYYY-MM-DD": ("2026-02-09", "2026-02-28", "2026-03-01"),
    "YYYY-MM-DDThh:mm:ss": ("2026-02-09T00:00:00", "2026-02-28T23:59:59", "2026-03-01T00:00:00"),
    "YYYY-MM-DDThh:mm:ssZ": (
        "2026-02-09T00:00:00Z",
        "2026-02-28T23:59:59Z",
        "2026-03-01T00:00:00Z",
    ),
    "YYYY-MM-DD hh:mm:ss": ("2026-02-09 00:00:00", "2026-02-28 23:59:59", "2026-03-01 00:00:00"),
    "YYYYMMDD": ("20260209", "20260228", "20260301"),
    "DD/MM/YYYY": ("09/02/2026", "28/02/2026", "01/03/2026"),
    "DD-MM-YYYY": ("09-02-2026", "28-02-2026", "01-03-2026"),
    "MM/DD/YYYY": ("02/09/2026", "02/28/2026", "03/01/2026"),
    "epoch": ("1770595200", "1772323199", "1772323200"),
    "epoch-ms": ("1770595200000", "1772323199999", "1772323200000"),
}


def _ends(query: DateQuery, window: Window) -> tuple[datetime, datetime]:
    """Read the moments that a query sends in `YYYY-MM-DDThh:mm:ssZ`."""
    first, last = replace(query, date_format="YYYY-MM-DDThh:mm:ssZ").parameters(window).values()
    return datetime.fromisoformat(first), datetime.fromisoformat(last)


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_each_spelling(date_format: DateFormat) -> None:
    """The last day ends with its last second, or with the beginning of the day after it."""
    first, last, after = _SPELT[date_format]
    query = replace(_QUERY, date_format=date_format)
    assert query.parameters(_WINDOW) == {"since": first, "till": last}
    assert list(query.parameters(_WINDOW)) == ["since", "till"]
    query = replace(query, until_exclusive=True)
    assert query.parameters(_WINDOW) == {"since": first, "till": after}


@pytest.mark.parametrize("until_exclusive", [False, True])
@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_the_window_of_the_server_has_no_parameters(
    date_format: DateFormat, *, until_exclusive: bool
) -> None:
    """However dates are spelled."""
    query = replace(_QUERY, date_format=date_format, until_exclusive=until_exclusive)
    assert query.parameters(SERVER_DEFAULT) == {}
    assert query.parameters(Window(None, date(2026, 1, 1))) == {}
    assert query.parameters(Window(date(2026, 1, 1), None)) == {}


def test_as_given_sends_the_last_day_as_it_is() -> None:
    """And changes nothing else, the time zone included."""
    zone = ZoneInfo("America/Santiago")
    query = DateQuery("a", "b", "epoch", until_exclusive=True, zone=zone)
    assert query.as_given() == replace(query, until_exclusive=False)
    assert query.as_given().zone is zone
    assert query.as_given().as_given() == query.as_given()


def test_it_is_shown_for_people() -> None:
    """Names and spelling."""
    assert str(DateQuery("from_date", "until_date")) == "from_date/until_date as YYYY-MM-DD"


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_day_and_month_are_mistaken_only_where_they_are_two_numbers(
    date_format: DateFormat,
) -> None:
    """A year in front makes the order plain."""
    query = replace(_QUERY, date_format=date_format)
    assert query.mistakes_day_for_month == (date_format[:2] in {"DD", "MM"})


@given(
    st.dates(date(1, 1, 1), date(9999, 12, 30)),
    st.sampled_from(DATE_FORMATS),
    st.booleans(),
)
def test_what_is_sent_is_read_as_the_same_days(
    day: date,
    date_format: DateFormat,
    until_exclusive: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    """By a reader of its own."""
    query = replace(_QUERY, date_format=date_format, until_exclusive=until_exclusive)
    first, last = query.parameters(Window(day, day)).values()
    begin, end = read_date(first, date_format), read_date(last, date_format)
    assert begin is not None
    assert end is not None
    assert begin == day.toordinal() * DAY
    assert end // DAY == day.toordinal() + until_exclusive
    if not until_exclusive and date_format in {"YYYYMMDD", "YYYY-MM-DD"}:
        assert end == begin


@pytest.mark.parametrize("date_format", _NAMED)
def test_days_of_a_calendar_do_not_depend_on_a_time_zone(date_format: DateFormat) -> None:
    """The server knows what its days are."""
    query = replace(_QUERY, date_format=date_format)
    for name in ("Pacific/Auckland", "America/Santiago"):
        assert replace(query, zone=ZoneInfo(name)).parameters(_WINDOW) == query.parameters(_WINDOW)


@pytest.mark.parametrize(
    ("name", "day", "first", "last"),
    [
        ("America/Santiago", "2026-01-10", "2026-01-10T03:00:00Z", "2026-01-11T02:59:59Z"),
        ("America/Santiago", "2026-06-10", "2026-06-10T04:00:00Z", "2026-06-11T03:59:59Z"),
        # 24:00 is 23:00 once more.
        ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00Z", "2026-04-06T03:59:59Z"),
        # The day begins at 01:00.
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T02:59:59Z"),
        ("America/Santiago", "2026-09-05", "2026-09-05T04:00:00Z", "2026-09-06T03:59:59Z"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"),
        ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00Z", "2026-01-01T18:14:59Z"),
    ],
)
def test_moments_are_those_of_the_days_in_a_time_zone(
    name: str, day: str, first: str, last: str
) -> None:
    """Days of 23 and 25 hours too."""
    query = replace(_QUERY, date_format="YYYY-MM-DDThh:mm:ssZ", zone=ZoneInfo(name))
    window = Window(date.fromisoformat(day), date.fromisoformat(day))
    assert query.parameters(window) == {"since": first, "till": last}
    counts: list[tuple[DateFormat, int]] = [("epoch", 1), ("epoch-ms", 1000)]
    for date_format, unit in counts:
        counted = replace(query, date_format=date_format).parameters(window)
        moment = datetime.fromisoformat(first)
        assert counted["since"] == str(int(moment.timestamp()) * unit)


@pytest.mark.parametrize(
    ("name", "day"),
    [("America/Santiago", "2026-04-04"), ("America/Nuuk", "2026-03-28")],
)
def test_no_hour_is_lost_or_sent_twice_where_clocks_change_at_the_end_of_a_day(
    name: str, day: str
) -> None:
    """A day ends a second before the next one begins."""
    query = replace(_QUERY, zone=ZoneInfo(name))
    one = date.fromisoformat(day)
    other = one + timedelta(days=1)
    _, end = _ends(query, Window(one, one))
    begin, _ = _ends(query, Window(other, other))
    assert begin - end == timedelta(seconds=1)


_ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize("name", _ZONES)
def test_windows_follow_each_other_without_gap_or_overlap(name: str) -> None:
    """All year: the next one begins a second after the last second of the previous one."""
    query = replace(_QUERY, zone=ZoneInfo(name))
    day = date(2026, 1, 1)
    _, end = _ends(query, Window(day, day))
    for number in range(1, 366):
        later = day + timedelta(days=number)
        begin, next_end = _ends(query, Window(later, later))
        assert begin - end == timedelta(seconds=1)
        exclusive = replace(query, until_exclusive=True)
        assert _ends(exclusive, Window(day, later - timedelta(days=1)))[1] == begin
        end = next_end


@pytest.mark.parametrize("name", ["America/Santiago", "America/Nuuk", *_ZONES])
def test_the_day_after_begins_where_an_exclusive_window_ends(name: str) -> None:
    """Everywhere, however clocks change."""
    query = replace(_QUERY, zone=ZoneInfo(name), until_exclusive=True)
    for number in range(366):
        day = date(2026, 1, 1) + timedelta(days=number)
        after = day + timedelta(days=1)
        assert _ends(query, Window(day, day))[1] == _ends(query, Window(after, after))[0]


def test_the_machines_time_zone_is_taken_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every other date of the collector."""
    monkeypatch.setenv("TZ", "America/Santiago")

    time.tzset()
    try:
        own = _ends(replace(_QUERY, zone=None), _WINDOW)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert own == _ends(replace(_QUERY, zone=ZoneInfo("America/Santiago")), _WINDOW)


def test_the_time_zone_is_no_part_of_what_is_compared() -> None:
    """Two queries that have the same names and spelling are the same."""
    assert replace(_QUERY, zone=ZoneInfo("Europe/Berlin")) == _QUERY
    assert replace(_QUERY, until_exclusive=True) != _QUERY


_EAST, _WEST = ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Santiago")


@pytest.mark.parametrize(
    ("date_format", "until_exclusive", "zone", "day"),
    [
        ("YYYY-MM-DD", True, UTC, date.max),
        ("epoch", True, UTC, date.max),
        ("epoch", False, _WEST, date.max),
        ("YYYY-MM-DDThh:mm:ssZ", False, _EAST, date.min),
        ("epoch-ms", False, _EAST, date.min),
        ("epoch", False, None, None),
    ],
)
def test_days_at_the_ends_of_the_calendar_are_refused(
    date_format: DateFormat,
    until_exclusive: bool,  # noqa: FBT001 - a parameter
    zone: tzinfo | None,
    day: date | None,
) -> None:
    """Where the day after, or the moment in UTC, is not in the calendar; and what to do is said."""
    query = DateQuery("a", "b", date_format, until_exclusive, zone)
    if day is None:
        query.check((SERVER_DEFAULT,))
        return
    other = Window(date(2026, 1, 1), date(2026, 1, 7))
    for first, last in ((Window(day, day), other), (other, Window(day, day))):
        with pytest.raises(InputError, match="end of the calendar; give other days"):
            query.check((first, last))
    query.check((other,))


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_a_day_that_a_time_zone_skipped_is_refused_where_moments_are_sent(
    date_format: DateFormat,
) -> None:
    """Its interval would run backwards. As a part of a longer window it takes no time."""
    query = replace(_QUERY, date_format=date_format, zone=ZoneInfo("Pacific/Apia"))
    days = [date(2011, 12, day) for day in (29, 30, 31)]
    windows = [Window(day, day) for day in days]
    query.check([Window(days[0], days[-1])])
    query.check([windows[0], windows[2]])
    if date_format not in MOMENTS:
        query.check(windows)
        return
    with pytest.raises(InputError, match=r"2011-12-30.* Pacific/Apia skipped that day"):
        query.check(windows)


@pytest.mark.parametrize("date_format", _NAMED)
def test_days_at_the_ends_of_the_calendar_can_be_sent_as_they_are(date_format: DateFormat) -> None:
    """A day of a calendar needs no other day."""
    query = replace(_QUERY, date_format=date_format)
    query.check((Window(date.min, date.min), Window(date.max, date.max)))
    first, last = query.parameters(Window(date.min, date.max)).values()
    begin, end = read_date(first, date_format), read_date(last, date_format)
    assert begin is not None
    assert end is not None
    assert (begin // DAY, end // DAY) == (date.min.toordinal(), date.max.toordinal())
