from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from collector.http.rate_headers import (
    LONGEST_PAUSE,
    RateAllowance,
    RetryAfter,
    parse_http_date,
    read_rate_allowance,
    read_retry_after,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())

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
DATES = st.text(max_size=40) | st.lists(DATE_PARTS, max_size=8).map(" ".join)

NAMES = st.sampled_from(
    [
        *("RateLimit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Limit", "Date"),
        *("X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Rate-Limit-Remaining"),
        *("X-Rate-Limit-Reset", "X-Rate-Limit-Limit", "ratelimit", "x-ratelimit-limit"),
    ]
)
PIECES = st.sampled_from(
    [
        *('"default"', '"', "\\", ";", ",", "=", " ", "r=", "t=", "limit=", "remaining=", "reset="),
        *("0", "1", "-1", "50", "0.5", "NaN", "inf", "1e9", "٣", "9" * 15, "9" * 400, "9" * 5000),
        *(str(EPOCH), str(EPOCH + 30), str(EPOCH * 1000), "Mon, 23 Nov 2026 02:00:10 GMT"),
    ]
)
VALUES = st.text(max_size=40) | st.lists(PIECES, max_size=12).map("".join)


def allowance(*headers: tuple[str, str]) -> RateAllowance | None:
    """Read the headers of an answer of NOW."""
    return read_rate_allowance(CIMultiDictProxy(CIMultiDict(headers)), NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("0", 0.0), ("1", 1.0), (" 120\t", 120.0), ("007", 7.0), ("3600", 3600.0)),
        *(("1.5", 1.5), ("0.25", 0.25), ("3600.0", 3600.0)),
        ("Mon, 23 Nov 2026 02:00:10 GMT", 10.0),
        ("Mon, 23 Nov 2026 03:00:10 +0100", 10.0),
        ("Mon, 23 Nov 2026 02:00:10 -0000", 10.0),
        ("Mon, 23 Nov 2026 02:00:10", 10.0),
        ("Monday, 23-Nov-26 02:00:10 GMT", 10.0),
        ("Mon Nov 23 02:00:10 2026", 10.0),
        ("Mon, 23 Nov 2026 03:00:00 GMT", 3600.0),
        ("Mon, 23 Nov 2026 02:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 01:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_seconds_and_dates_are_read(value: str, seconds: float) -> None:
    """Both forms of RFC 9110, obsolete dates and fractions included; the past is 0."""
    assert read_retry_after(value, NOW) == RetryAfter(seconds, None)


@pytest.mark.parametrize(
    "value",
    [
        *("86400", "3601", "3600.5", "9" * 100, "9" * 4000),
        *("Tue, 24 Nov 2026 02:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_what_is_absurd_is_capped_at_an_hour(value: str) -> None:
    """The log learns what is made of it."""
    assert read_retry_after(value, NOW) == RetryAfter(3600.0, "it is capped at 60 min")


@pytest.mark.parametrize(
    "value",
    [
        *("", "  ", "-5", "+5", "1e3", "5s", "0x10", "soon", "NaN", "inf", "1_000", "1.", ".5"),
        *("1,5", "1 2", "٣", "\uff12", "²", "१२", "٣ Nov", ",", "Mon,", "-0", "1.5.2"),
        *("Mon, 99 Nov 2026 02:00:10 GMT", "Mon, 23 Nov 2026 25:00:10 GMT"),
        "Mon, 23 Nov 2026 02:00:10 +9999",
    ],
)
def test_what_is_neither_is_ignored(value: str) -> None:
    """Signs, exponents, digits of other scripts and impossible dates: the log learns of it."""
    problem = "it is ignored: neither seconds nor an HTTP date"
    assert read_retry_after(value, NOW) == RetryAfter(None, problem)


def test_no_header_is_no_advice() -> None:
    """None, as opposed to a header that is ignored."""
    assert read_retry_after(None, NOW, "Mon, 23 Nov 2026 02:00:00 GMT") is None


@pytest.mark.parametrize(
    ("server_date", "seconds"),
    [
        ("Mon, 23 Nov 2026 04:00:00 GMT", 10.0),
        ("Mon, 23 Nov 2026 04:00:11 GMT", 0.0),
        *((None, 3600.0), ("", 3600.0), ("now", 3600.0)),
    ],
)
def test_dates_are_taken_by_the_clock_of_the_server(
    server_date: str | None, seconds: float
) -> None:
    """A clock of ours that is hours behind changes nothing, where the answer is dated."""
    advice = read_retry_after("Mon, 23 Nov 2026 04:00:10 GMT", NOW, server_date)
    assert advice is not None
    assert advice.seconds == seconds


def test_seconds_need_no_clock() -> None:
    """The date of the answer does not touch them."""
    advice = read_retry_after("7", NOW, "Mon, 23 Nov 1998 04:00:00 GMT")
    assert advice == RetryAfter(7.0, None)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 23 Nov 99999999999999 02:00:10 GMT",
        "Mon, 23 Nov 2147483648 02:00:10 GMT",
        "Mon, 23 Nov 2026 02:00:10 +99999999999999999999",
    ],
)
def test_a_date_beyond_all_calendars_does_not_raise(value: str) -> None:
    """It is none; one silly header must not end a run."""
    assert parse_http_date(value) is None


def test_a_date_is_read_as_epoch_seconds() -> None:
    """The example of RFC 9110, section 5.6.7, in its three spellings."""
    spellings = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]
    spellings.append("Sun Nov  6 08:49:37 1994")
    assert [parse_http_date(spelling) for spelling in spellings] == [784111777.0] * 3


@given(st.integers(0, 10**11))
def test_seconds_are_taken_at_their_word_up_to_an_hour(seconds: int) -> None:
    """Never more than asked for, never less below the bound; a problem exactly above it."""
    advice = read_retry_after(str(seconds), NOW)
    assert advice is not None
    assert advice.seconds == min(seconds, LONGEST_PAUSE)
    assert (advice.problem is not None) == (seconds > LONGEST_PAUSE)


@given(st.integers(-(10**6), 10**6))
def test_dates_are_taken_at_their_word_up_to_an_hour(seconds: int) -> None:
    """As seconds from now, by the clock that is passed in."""
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    advice = read_retry_after(header, NOW)
    assert advice is not None
    assert advice.seconds == min(max(seconds, 0), LONGEST_PAUSE)


@given(DATES, st.none() | DATES)
@example("Mon, 23 Nov 9999 23:59:59 -2300", None)
@example("Mon, 01 Jan 0001 00:00:00 +2300", "Mon, 23 Nov 9999 23:59:59 -2300")
def test_no_retry_after_whatever_raises_or_leaves_the_bounds(
    value: str, server_date: str | None
) -> None:
    """From 0 to 3600 seconds, or ignored, which is told in words of our own."""
    advice = read_retry_after(value, NOW, server_date)
    assert advice is not None
    if advice.seconds is None:
        assert advice.problem is not None
    else:
        assert 0.0 <= advice.seconds <= LONGEST_PAUSE
    assert advice.problem is None or advice.problem.startswith("it is ")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"default";r=50;t=30', (50, 30.0, None)),
        ("default;r=50;t=30", (50, 30.0, None)),
        ('"100-in-15min"; r=99; t=900; pk=:cHsdsRa894==:', (99, 900.0, None)),
        ('"default";t=30;r=0', (0, 30.0, None)),
        ('"a,b;r=1;t=1\\"";r=50;t=30', (50, 30.0, None)),
        ('"default";r=50;t=30;note="r=1;t=1,"', (50, 30.0, None)),
        ("limit=100, remaining=50, reset=30", (50, 30.0, 100)),
        ('limit=100;note="x", remaining=50 , reset=30;y', (50, 30.0, 100)),
        ("reset=30,remaining=50", (50, 30.0, None)),
        ('"burst";r=10;t=1, "day";r=500;t=40000', (500, 40000.0, None)),
        ('"day";r=5000;t=500, "burst";r=1;t=1', (1, 1.0, None)),
        ('"a";r=0;t=5, "b";r=0;t=50, "c";r=1;t=80000', (0, 50.0, None)),
        ('"a";r=0;t=0, "b";r=9;t=3', (9, 3.0, None)),
        ('"no window";r=1, "day";r=50;t=30', (50, 30.0, None)),
        ('"month";r=1;t=2000000, "day";r=50;t=30', (50, 30.0, None)),
    ],
)
def test_the_structured_field_is_read(field: str, expected: tuple[int, float, int | None]) -> None:
    """Drafts 07 and later; of several policies the tightest that makes sense counts."""
    assert allowance(("ratelimit", field)) == RateAllowance(*expected)


def test_policies_may_come_in_several_lines() -> None:
    """Header lines of one name are one list (RFC 9110, section 5.3)."""
    lines = [("RateLimit", '"hour";r=500;t=50'), ("ratelimit", '"burst";r=1;t=1')]
    assert allowance(*lines) == allowance(*reversed(lines)) == RateAllowance(1, 1.0, None)


@pytest.mark.parametrize("prefix", ["RateLimit", "X-RateLimit", "X-Rate-Limit", "x-ratelimit"])
@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        *(("0", 0.0), ("30", 30.0), (" 0.5 ", 0.5), ("86400", 86400.0)),
        *((f"{EPOCH + 300}", 300.0), (f"{EPOCH + 300}.25", 300.25), (f"{EPOCH - 9}", 0.0)),
        *((f"{EPOCH + 300}000", 300.0), (f"{EPOCH + 300}250", 300.25), (f"{EPOCH - 9}000", 0.0)),
    ],
)
def test_a_reset_is_seconds_or_a_time_since_1970(prefix: str, reset: str, seconds: float) -> None:
    """Whatever the spelling of the names: from now, or in seconds or milliseconds of the epoch."""
    read = allowance((f"{prefix}-Remaining", "50"), (f"{prefix}-Reset", reset))
    assert read == RateAllowance(50, seconds, None)


def test_a_time_of_reset_is_taken_by_the_clock_of_the_server() -> None:
    """A clock of ours that is hours behind changes nothing, where the answer is dated."""
    headers = [("X-RateLimit-Remaining", "50"), ("X-RateLimit-Reset", str(EPOCH + 7210))]
    assert allowance(*headers) == RateAllowance(50, 7210.0, None)
    dated = allowance(*headers, ("Date", "Mon, 23 Nov 2026 04:00:00 GMT"))
    assert dated == RateAllowance(50, 10.0, None)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        *(("100", 100), ("100, 100;w=60", 100), ("100;w=60", 100), (" 10 , 20", 10), ("0", 0)),
        *(("", None), ("unlimited", None), ("-1", None), (";w=60", None), ("9" * 5000, None)),
    ],
)
def test_the_limit_is_the_first_number(limit: str, expected: int | None) -> None:
    """Policies after it are ignored; without a sensible one the rest still counts."""
    triple = [("RateLimit-Remaining", "50"), ("RateLimit-Reset", "30"), ("RateLimit-Limit", limit)]
    assert allowance(*triple) == RateAllowance(50, 30.0, expected)


@pytest.mark.parametrize("remaining", ["99.0", "99.9", "099", " 99"])
def test_a_fraction_of_a_request_is_none(remaining: str) -> None:
    """Reddit sends `99.0`."""
    read = allowance(("X-RateLimit-Remaining", remaining), ("X-RateLimit-Reset", "1"))
    assert read == RateAllowance(99, 1.0, None)


FORMS = [
    [("RateLimit", '"default";r=1;t=10')],
    [("RateLimit-Remaining", "2"), ("RateLimit-Reset", "20")],
    [("X-RateLimit-Remaining", "3"), ("X-RateLimit-Reset", "30")],
    [("X-Rate-Limit-Remaining", "4"), ("X-Rate-Limit-Reset", "40")],
]


@pytest.mark.parametrize("first", range(len(FORMS)))
def test_the_preferred_form_counts(first: int) -> None:
    """The draft before its older form, before the vendors'; what cannot be read is absent."""
    present = [header for form in FORMS[first:] for header in form]
    unreadable = [(name, "?") for form in FORMS[:first] for name, _ in form]
    expected = RateAllowance(first + 1, (first + 1) * 10.0, None)
    assert allowance(*reversed(present)) == expected
    assert allowance(*present, *unreadable) == expected


@pytest.mark.parametrize(
    "number",
    [
        *("", "-1", "+1", "NaN", "inf", "1e3", "1_0", "0x1", "٣", "²", "many", "1 2", "1."),
        *("9" * 16, "9" * 400, "9" * 5000, "Mon, 23 Nov 2026 02:00:10 GMT"),
    ],
)
def test_what_is_no_number_is_ignored(number: str) -> None:
    """In every place of every form: these are hints."""
    for name in ("RateLimit", "X-RateLimit", "X-Rate-Limit"):
        assert allowance((f"{name}-Remaining", number), (f"{name}-Reset", "30")) is None
        assert allowance((f"{name}-Remaining", "50"), (f"{name}-Reset", number)) is None
    assert allowance(("RateLimit", f'"x";r=50;t={number}')) is None
    assert allowance(("RateLimit", f'"x";t=30;r={number}')) is None
    assert allowance(("RateLimit", f"reset=30, remaining={number}")) is None


def test_two_numbers_are_none() -> None:
    """Which of them would count is anyone's guess; in two lines, the first does."""
    reset = ("X-RateLimit-Reset", "30")
    assert allowance(("X-RateLimit-Remaining", "5, 6"), reset) is None
    lines = [("X-RateLimit-Remaining", "5"), ("X-RateLimit-Remaining", "6")]
    assert allowance(*lines, reset) == RateAllowance(5, 30.0, None)


@pytest.mark.parametrize(
    "reset",
    [
        *("86401", "1000000000", "999999999999", f"{EPOCH + 86401}", f"{EPOCH - 86401}"),
        *(f"{EPOCH + 86401}000", f"{EPOCH}000000", f"{EPOCH}000000000"),
    ],
)
def test_a_reset_more_than_a_day_away_is_ignored(reset: str) -> None:
    """A delta, or a time of either side of now."""
    assert allowance(("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", reset)) is None


@pytest.mark.parametrize(
    "field",
    [
        *(
            "",
            ",",
            ";",
            "100",
            '"default"',
            '"default";r=50',
            '"default";t=30',
            '"default;r=50;t=30',
        ),
        *("remaining=50", "limit=100, reset=30", '"x";r = 50;t = 30', '"x";r="50";t="30"'),
        *('"x";R=50;T=30', "r=50, t=30", "r=50&t=30", '"x" r=50 t=30'),
    ],
)
def test_a_structured_field_without_both_numbers_is_ignored(field: str) -> None:
    """How much is left means nothing without how long, and the other way round."""
    assert allowance(("RateLimit", field)) is None


@pytest.mark.parametrize("name", ["Content-Type", "X-RateLimit-Reset", "RateLimit-Policy", "Date"])
def test_other_headers_say_nothing(name: str) -> None:
    """The names that matter are those that tell what is left."""
    assert allowance((name, '"default";r=50;t=30')) is None
    assert allowance() is None


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
@example([("X-RateLimit-Remaining", "1"), ("X-RateLimit-Reset", f"{EPOCH}"), ("Date", "0 0 0")])
def test_no_headers_whatever_raise_or_leave_the_bounds(headers: list[tuple[str, str]]) -> None:
    """A count and a window of up to a day, or None."""
    read = allowance(*headers)
    if read is not None:
        assert 0 <= read.remaining <= 10**15
        assert 0.0 <= read.reset_seconds <= 86400.0
        assert read.limit is None or 0 <= read.limit <= 10**15


@given(st.integers(0, 10**15), st.integers(0, 86400), st.integers(0, 10**15))
@example(10**15, 86400, 10**15)
def test_every_form_says_the_same(remaining: int, reset: int, limit: int) -> None:
    """What is in bounds is taken at its word."""
    expected = RateAllowance(remaining, reset, limit)
    for name in ("RateLimit", "X-RateLimit", "X-Rate-Limit"):
        parts = {"Remaining": remaining, "Reset": reset, "Limit": limit}
        assert allowance(*((f"{name}-{key}", str(part)) for key, part in parts.items())) == expected
    dictionary = f"limit={limit}, remaining={remaining}, reset={reset}"
    assert allowance(("RateLimit", dictionary)) == expected
    policy = allowance(("RateLimit", f'"default";r={remaining};t={reset}'))
    assert policy == expected._replace(limit=None)
