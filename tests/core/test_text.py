import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.text import escaped, quoted, terminal_safe


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
