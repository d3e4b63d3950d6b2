import math
from datetime import date
from pathlib import Path

import pytest
from cyclopts import Token
from hypothesis import given
from hypothesis import strategies as st

import collector.settings.parsers
from collector.core.cell import CellState
from collector.settings.parsers import (
    Days,
    Duration,
    Rate,
    check_finite,
    check_parameter_name,
    converter,
    parse_date,
    parse_directory,
    parse_duration,
    parse_limit,
    parse_metrics_file,
    parse_rate,
    parse_states,
)


@given(st.dates())
def test_every_day_is_read_as_it_is_written(day: date) -> None:
    """In the one form that there is."""
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "0000-01-01",
        "20260101",
        "2026-W01-1",
        "2026W011",
        "2026-001",
        "2026-1-1",
        "26-01-01",
        "2026/01/01",
        "01-01-2026",
        "2026-01-01T00:00:00",
        "2026-01-01Z",
        " 2026-01-01",
        "2026-01-01 ",
        "2026-01-01\n",
        "２０２６-01-01",  # noqa: RUF001 - digits, but not the ASCII ones
        "٢٠٢٦-٠١-٠١",  # noqa: RUF001 - likewise
        "2026-01-0²",
        "2026‐01‐01",  # noqa: RUF001 - hyphens, but not the ASCII ones
        "-2026-01-01",
        "10000-01-01",
        "yesterday",
        "",
    ],
)
def test_anything_else_is_no_day(text: str) -> None:
    """Days that no calendar has, and other spellings; the text shows how to write one."""
    with pytest.raises(ValueError, match="is not a day of the calendar; write YYYY-MM-DD"):
        parse_date(text)


@given(st.text("0123456789-W ", max_size=12))
def test_a_text_is_a_day_or_an_error(text: str) -> None:
    """Nothing is read that would be written differently."""
    try:
        day = parse_date(text)
    except ValueError:
        return
    assert day.isoformat() == text


@pytest.mark.parametrize("name", ["from_date", "until", "desde", "From-Date", "d1", "_x"])
def test_names_of_parameters(name: str) -> None:
    """Letters, digits, '_' and '-' need no encoding."""
    check_parameter_name(str, name)


@pytest.mark.parametrize("name", ["", "_", "a b", "a&b", "a=b", "a%20", "a[b]", "día", "a\n", "²"])
def test_names_that_need_encoding_are_refused(name: str) -> None:
    """They could smuggle in another parameter; and an empty name is none."""
    with pytest.raises(ValueError, match="letters, digits, '_' and '-' only"):
        check_parameter_name(str, name)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    """NaN passes comparisons that it should not."""
    with pytest.raises(ValueError, match="ust be a finite number"):
        check_finite(float, value)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e300, 5e-324])
def test_finite_numbers_pass(value: float) -> None:
    """Their bounds are checked elsewhere."""
    check_finite(float, value)


def test_days_are_a_number() -> None:
    """A type of its own for the help, a number for everything else."""
    assert Days(7) + 1 == 8


def test_every_public_name_exists() -> None:
    """And the list is sorted."""
    names = collector.settings.parsers.__all__
    assert all(hasattr(collector.settings.parsers, name) for name in names)
    assert sorted(names) == names


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_YEAR = 366 * 86400


@given(st.integers(1, 9_999_999), st.sampled_from(sorted(_UNITS)))
def test_a_duration_goes_both_ways(number: int, unit: str) -> None:
    """It is so many seconds, and written as its option it is read as the same duration."""
    seconds = number * _UNITS[unit]
    if seconds > _YEAR:
        with pytest.raises(ValueError, match="366d at most"):
            parse_duration(f"{number}{unit}")
        return
    duration = parse_duration(f"{number}{unit}")
    assert isinstance(duration, Duration)
    assert duration == seconds
    assert parse_duration(str(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("1s", 1, "1s"),
        ("90s", 90, "90s"),
        ("60s", 60, "1m"),
        ("30m", 1800, "30m"),
        ("120m", 7200, "2h"),
        ("6h", 21600, "6h"),
        ("24h", 86400, "1d"),
        ("36h", 129600, "36h"),
        ("366d", _YEAR, "366d"),
    ],
)
def test_durations_are_shown_in_the_largest_unit_that_fits(
    text: str, seconds: int, shown: str
) -> None:
    """Whole numbers only: an hour and a half is 90m."""
    assert parse_duration(text) == seconds
    assert str(parse_duration(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "6", "h", "0s", "0h", "00h", "06h", "-6h", "+6h", "1.5h", "1e3s", "6H", "6 h", " 6h"),
        *("6h ", "6h\n", "6h30m", "1w", "1y", "1ms", "6hours", "٦h", "６h", "inf", "nan", "none"),  # noqa: RUF001 - digits, but not the ASCII ones
        *("367d", "8785h", "99999999d", "9" * 5000 + "d"),
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    """The text says what is wrong and how to write one; a long one is cut."""
    with pytest.raises(
        ValueError, match=r"is not a duration: write .* such as 90s, 30m or 6h"
    ) as c:
        parse_duration(text)
    assert len(str(c.value)) < 250


@given(st.text("0123456789smhd ", max_size=9))
def test_a_text_is_a_duration_of_at_most_a_year_or_an_error(text: str) -> None:
    """Nothing is read that would end a run at once, or never."""
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert 0 < duration <= _YEAR


@pytest.mark.parametrize("text", ["31622400s", "10000000s"])
def test_a_year_may_be_written_in_seconds(text: str) -> None:
    """What the refusal names as the most is not refused in another unit."""
    assert parse_duration(text) == int(text[:-1])


@given(
    st.lists(st.sampled_from([*CellState, "gap"]), min_size=1, max_size=6),
    st.sampled_from([",", " , "]),
)
def test_states_are_read_from_a_list_with_commas(states: list[str], comma: str) -> None:
    """In any order, also twice, with or without blanks."""
    assert parse_states(comma.join(states)) == set(states)


@pytest.mark.parametrize(
    "text",
    ["", ",", "missing,", ",failed", "Missing", "missing;failed", "missing failed", "lost", "all"],
)
def test_anything_else_is_no_list_of_states(text: str) -> None:
    """The text lists the states that there are: a check that checks nothing must not pass."""
    with pytest.raises(ValueError, match=r"failed, missing, gap.* such as missing,failed"):
        parse_states(text)


def test_a_refusal_shows_untrusted_text_harmlessly() -> None:
    """Control characters of the text are shown by their code points."""
    for parse in (parse_duration, parse_states, parse_rate):
        with pytest.raises(ValueError, match=r"<U\+001B>") as caught:
            parse("\x1b[2J")
        assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rate", "shown"),
    [
        ("50", 50.0, "50"),
        ("0.5", 0.5, "0.5"),
        (".5", 0.5, "0.5"),
        ("10.0", 10.0, "10"),
        ("0.001", 0.001, "0.001"),
        ("1e3", 1000.0, "1000"),
        ("1000000", 1e6, "1000000"),
        ("123456.789", 123_456.789, "123456.789"),
        ("auto", math.inf, "auto"),
    ],
)
def test_a_rate_is_a_number_or_auto(text: str, rate: float, shown: str) -> None:
    """It shows itself as its option is written, without powers of ten."""
    parsed = parse_rate(text)
    assert isinstance(parsed, Rate)
    assert parsed == rate
    assert str(parsed) == shown


@given(st.floats(0.001, 1e6))
def test_a_rate_goes_both_ways(rate: float) -> None:
    """Written as its option it is read as the same rate, to the last digit."""
    assert parse_rate(str(Rate(rate))) == rate
    assert "e" not in str(Rate(rate))


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "-0", "0.0009", "-1", "1000000.1", "1000001", "1e300", "1e-300", "9" * 5000),
        *(
            "nan",
            "inf",
            "-inf",
            "infinity",
            "fast",
            "AUTO",
            "Auto",
            "auto ",
            "none",
            "10/s",
            "0x10",
        ),
        *("10,5", "1 0", "true", "True", "[1, 2]"),
    ],
)
def test_anything_else_is_no_rate(text: str) -> None:
    """The text says what is wrong and how to write one; a long one is cut."""
    with pytest.raises(
        ValueError,
        match=r"is not a rate: write requests per second from 0\.001 to 1000000, .*0\.5, or auto",
    ) as caught:
        parse_rate(text)
    assert len(str(caught.value)) < 250


@given(st.text("0123456789.e-autoinf ", max_size=9))
def test_a_text_is_a_rate_that_can_be_kept_or_an_error(text: str) -> None:
    """Nothing is read that would send nothing for ever, or everything at once."""
    try:
        rate = parse_rate(text)
    except ValueError:
        return
    assert 0.001 <= rate <= 1e6 or text == "auto"


@pytest.mark.parametrize(
    ("source", "end"),
    [("cli", "or auto"), ("env", "or auto"), ("", "or auto"), ("my.toml", "or auto (in my.toml)")],
)
def test_a_refusal_of_what_is_in_a_file_names_the_file(source: str, end: str) -> None:
    """A flag and a variable are named by the library, by the name under which they were given."""
    token = Token(keyword="rate", value="fast", source=source)
    with pytest.raises(ValueError, match="is not a rate") as caught:
        converter(parse_rate)(Rate, [token])
    assert str(caught.value).endswith(end)


@pytest.mark.parametrize(
    ("text", "of_300"), [("0", 0), ("20", 20), ("5%", 15), ("2.5%", 7), ("100%", 300), ("0%", 0)]
)
def test_a_number_of_cells_or_a_share_of_them(text: str, of_300: int) -> None:
    """It shows itself as its option is written; a share of a cell is none."""
    most = parse_limit(text)
    assert (most.of(300), str(most)) == (of_300, text)


@pytest.mark.parametrize("text", ["", "%", "-1", "0.5", "101%", "1e3", "5 %", "5,5%", "9" * 13])
def test_anything_else_is_no_number_of_cells(text: str) -> None:
    """A share needs its sign: 0.5 might be half a percent, or a half."""
    with pytest.raises(ValueError, match="neither a number of cells nor a share of them"):
        parse_limit(text)


def test_a_directory_has_a_name() -> None:
    """An empty one is an unset variable, not the current directory."""
    assert str(parse_directory("a/b")) == "a/b"
    with pytest.raises(ValueError, match=r"write \. for the current one"):
        parse_directory("")


def test_a_directory_is_no_pipe() -> None:
    """A run, a report and the runs that are read are on the disk; such a name is possible."""
    with pytest.raises(ValueError, match=r"such as \./- for that name"):
        parse_directory("-")
    assert parse_directory("./-") == Path("-")


def test_a_file_of_metrics_is_one_that_is_read() -> None:
    """A mistyped name would go unnoticed, and could replace a file of value."""
    assert str(parse_metrics_file("a/night.prom")) == "a/night.prom"
    for name in ("", ".prom", "companies.txt", "night.prom.bak", "night.PROM", "a\0.prom"):
        with pytest.raises(ValueError, match=r"does not end in \.prom"):
            parse_metrics_file(name)
