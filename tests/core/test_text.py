from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.text import (
    clock_text,
    counted,
    days_text,
    escaped,
    quoted,
    span_text,
    terminal_safe,
)


@given(st.text())
def test_escaped_text_is_printable(text: str) -> None:
    """Nothing that could steer a terminal survives."""
    assert escaped(text).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café C#", '"Café C#"'),
        ("12\u200b", '"12<U+200B>"'),
        ("\x1b[31m", '"<U+001B>[31m"'),
        ("\U000e0041", '"<U+E0041>"'),
    ],
)
def test_quoted_text_shows_code_points(text: str, expected: str) -> None:
    """Printable text stays as it is; the rest is shown by its code point."""
    assert quoted(text) == expected


def test_quoted_text_is_bounded() -> None:
    """A megabyte of untrusted text does not make a megabyte of message."""
    assert quoted("a" * 60) == f'"{"a" * 60}"'
    assert quoted("a" * 1_000_000) == f'"{"a" * 60}..."'
    assert len(quoted("\U000e0041" * 1_000_000)) < 700


@given(st.text() | st.text("\x7f\x80\x9b\x9f\u061c\u200e\u2028\u202e\u2066\u2069\ud7ff a"))
def test_json_that_cannot_control_a_terminal_says_the_same(text: str) -> None:
    """Only how it is written differs; letters of any language stay as they are."""
    encoded = orjson.dumps({"text": text})
    safe = terminal_safe(encoded)
    assert orjson.loads(safe) == {"text": text}
    shown = safe.decode()
    assert not any(char in shown for char in "\x7f\x80\x9b\x9f\u061c\u200e\u2028\u202e\u2066\u2069")
    if text.isprintable():
        assert safe == encoded


def test_what_controls_a_terminal_is_written_as_an_escape() -> None:
    """A control sequence introducer of one character, and text that runs backwards."""
    line = terminal_safe(orjson.dumps("a\u009b31m \u202etxt.exe ñ"))
    assert line == '"a\\u009b31m \\u202etxt.exe ñ"'.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(0, "cell"), "0 cells"),
        (counted(1, "cell"), "1 cell"),
        (counted(2_000, "cell"), "2,000 cells"),
        (counted(1, "company", "companies"), "1 company"),
        (counted(1_000_000, "company has", "companies have"), "1,000,000 companies have"),
    ],
)
def test_a_count_agrees_with_its_noun(text: str, expected: str) -> None:
    """Only one is singular; thousands are separated."""
    assert text == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 ms"),
        (0.0351, "35 ms"),
        (0.35, "350 ms"),
        (1.0, "1 s"),
        (12.34, "12.3 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (5400.0, "90 min"),
        (9000.0, "2.5 h"),
    ],
)
def test_a_span_has_its_unit(seconds: float, expected: str) -> None:
    """The largest unit in which the number is not small."""
    assert span_text(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "0:00:00"), (61.6, "0:01:02"), (3723, "1:02:03"), (90_000, "1 day, 1:00:00")],
)
def test_the_time_of_a_run_is_in_whole_seconds(seconds: float, expected: str) -> None:
    """Hours, minutes and seconds, whatever their number."""
    assert clock_text(seconds) == expected


@pytest.mark.parametrize("day", [date(2026, 11, 16), "2026-11-16"])
def test_one_day_is_one_date(day: date | str) -> None:
    """A longer range has both ends; without days there is a word for it."""
    assert days_text(day, day) == "2026-11-16"
    assert days_text("2026-11-16", "2026-11-17") == "2026-11-16..2026-11-17"
    assert days_text(None, None) == "server default"
