from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.fetch.retry import parse_retry_after

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

DATE_PARTS = st.sampled_from(
    [
        *(
            "Mon,",
            "23",
            "Nov",
            "2026",
            "26",
            "02:00:10",
            "02:00",
            "25:61:61",
            "GMT",
            "EST",
            "+0100",
        ),
        *("-0000", "+9999", "-2400", "+99999999999999999999", "99999999999999", "0", "-", ":"),
    ]
)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        (" 120\t", 120.0),
        ("007", 7.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 4000, 3600.0),
        ("Mon, 23 Nov 2026 02:00:10 GMT", 10.0),
        ("Mon, 23 Nov 2026 03:00:10 +0100", 10.0),
        ("Mon, 23 Nov 2026 02:00:10 -0000", 10.0),
        ("Mon, 23 Nov 2026 02:00:10", 10.0),
        ("Monday, 23-Nov-26 02:00:10 GMT", 10.0),
        ("Mon Nov 23 02:00:10 2026", 10.0),
        ("Mon, 23 Nov 2026 02:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 01:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Tue, 23 Nov 2027 02:00:10 GMT", 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
    ],
)
def test_seconds_and_dates_are_read(value: str, seconds: float) -> None:
    """Both forms of RFC 9110, obsolete dates included; past is 0, an hour is the most."""
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "  ", "-5", "+5", "1.5", "1e3", "5s", "0x10", "soon", "NaN", "inf", "1_000"),
        *("1 2", "٣", "\uff12", "²", "१२", "٣ Nov", ",", "Mon,", "Mon, 99 Nov 2026 02:00:10 GMT"),
        *("Mon, 23 Nov 2026 25:00:10 GMT", "Mon, 23 Nov 2026 02:00:10 +9999"),
    ],
)
def test_what_is_neither_says_nothing(value: str | None) -> None:
    """Signs, fractions, digits of other scripts and impossible dates are passed over."""
    assert parse_retry_after(value, NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 23 Nov 99999999999999 02:00:10 GMT",
        "Mon, 23 Nov 2147483648 02:00:10 GMT",
        "Mon, 23 Nov 2026 02:00:10 +99999999999999999999",
    ],
)
def test_a_date_beyond_all_calendars_does_not_raise(value: str) -> None:
    """It says nothing, or "very long"; one silly header must not end a run."""
    assert parse_retry_after(value, NOW) in {None, 3600.0}


@given(st.integers(0, 10**11))
def test_seconds_are_taken_at_their_word_up_to_an_hour(seconds: int) -> None:
    """Never more than asked for, never less below the bound."""
    assert parse_retry_after(str(seconds), NOW) == min(seconds, 3600)


@given(st.integers(-(10**6), 10**6))
def test_dates_are_taken_at_their_word_up_to_an_hour(seconds: int) -> None:
    """As seconds from now, by the clock that is passed in."""
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(header, NOW) == min(max(seconds, 0), 3600)


@given(st.text(max_size=40) | st.lists(DATE_PARTS, max_size=8).map(" ".join))
@example("Mon, 23 Nov 9999 23:59:59 -2300")
@example("Mon, 01 Jan 0001 00:00:00 +2300")
def test_no_header_whatever_raises_or_leaves_the_bounds(value: str) -> None:
    """A number from 0 to 3600, or None."""
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0.0 <= seconds <= 3600.0
