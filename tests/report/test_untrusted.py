import pytest

from collector.report.untrusted import cut, isolated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345", "12345"),
        ("123456", "1234…"),
        ("WWWW", "WW…"),
        ("il.il.il", "il.il.…"),
        ("日本", "日本"),
        ("日本語", "日本…"),
        ("e\u0301" * 5, "e\u0301" * 5),
        ("abc  def", "abc…"),
        ("a" + "\u0301" * 100, "a" + "\u0301" * 19 + "…"),
    ],
)
def test_long_text_is_cut_by_the_room_that_it_takes(text: str, expected: str) -> None:
    """Wide characters count twice, marks not at all, but for a tower of them."""
    assert cut(text, 5) == expected


def test_text_from_right_to_left_is_isolated_from_its_neighbours() -> None:
    """Other text is as it was."""
    assert isolated("<b>&lt;%{y} $x$") == "<b>&lt;%{y} $x$"
    assert isolated("\u0645 1") == "\u2068\u0645 1\u2069"
