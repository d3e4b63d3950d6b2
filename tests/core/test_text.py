import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.text import escaped, quoted


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
    """A megabyte of foreign text does not make a megabyte of message."""
    assert quoted("a" * 60) == f'"{"a" * 60}"'
    assert quoted("a" * 1_000_000) == f'"{"a" * 60}..."'
    assert len(quoted("\U000e0041" * 1_000_000)) < 700
