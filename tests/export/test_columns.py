import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.export.columns import FIXED, action_columns, excel_text, safe_text

_DANGEROUS = [
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!D2"),
    *(
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\u3000=1",
        "\ufeff=1",
        "\x0b=1",
        "\0=1",
        "\u200b=1",
    ),
    *(
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1+1",
        "\uff20a",
        "\ttext",
        "\rtext",
        "\ntext",
        "\t",
        "+",
        "-",
        "=",
    ),
    *("-1 ", "+1x", "-1e5", "--1", "+-1", "-1,5", "-\u0661", "@"),
]
_HARMLESS = [
    *("", "1", "007", "-1", "+1", "-1.5", "1e5", "a=1", "a-1", "<script>alert(1)</script>", "'=1"),
    *("é", "2024-01", " a", "\u2212" + "1", "\0", '"', ",", ";"),
]


@pytest.mark.parametrize("text", _DANGEROUS)
def test_what_a_spreadsheet_may_run_becomes_text(text: str) -> None:
    """By an apostrophe, which is all that changes; OWASP's list, and signs as wide as a kanji."""
    assert safe_text(text) == excel_text(text) == f"'{text}"


@pytest.mark.parametrize("text", _HARMLESS)
def test_what_is_no_formula_stays(text: str) -> None:
    """Plain numbers with a sign, too."""
    assert safe_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("007", "00", "+1", "-1.5", "1.5", "1,5", "1e5", "1E5", "2024-01", "1-2", "1/2", "1:30"),
        *("1234567890123456", "-1234567890123456", "-007", "-0x1", "mar 5", "MAR-5", "dic-24"),
        *("May2020", "sept. 5", "true", "FALSE", "Verdadero", "$5", "5%", "(5)", " 5", "#N/A"),
        *("'1", '"1"', "\u0661\u0662", "\uff11", "<b>", ".5", "5 ", "1 000"),
    ],
)
def test_what_excel_would_change_becomes_text(text: str) -> None:
    """Leading zeros, dates, powers of ten, digits beyond the fifteenth, truth values."""
    assert excel_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "1",
        "123456789012345",
        "Acme",
        "é",
        "Ñandú 5",
        "María",
        "Trueno",
        "Decathlon",
        "may",
        "x=1",
    ],
)
def test_excel_shows_words_and_numbers_as_they_are(text: str) -> None:
    """No apostrophe before what needs none."""
    assert excel_text(text) == text


@given(st.text(max_size=5))
def test_an_apostrophe_is_all_that_is_added(text: str) -> None:
    """Whatever the text; without the apostrophe it is the text."""
    for made in (safe_text(text), excel_text(text)):
        assert made in {text, f"'{text}"}
        assert made.strip()[:1] not in {*"=@\uff1d\uff0b\uff0d\uff20"}


def test_columns_are_named_after_actions() -> None:
    """In the order given, behind a prefix that no counter has."""
    assert action_columns(["B", "", "a/b~c", 'x"y', "=x", "\n", "\x1b[2J", "\u202e", "total"]) == {
        "B": "actions_B",
        "": "actions_",
        "a/b~c": "actions_a/b~c",
        'x"y': 'actions_x"y',
        "=x": "actions_=x",
        "\n": "actions_<U+000A>",
        "\x1b[2J": "actions_<U+001B>[2J",
        "\u202e": "actions_<U+202E>",
        "total": "actions_total",
    }


def test_case_is_no_difference_between_columns() -> None:
    """Wherever in the name it is."""
    assert list(action_columns(["Ab", "aB", "ab"]).values()) == [
        *("actions_Ab", "actions_aB_2", "actions_ab_3")
    ]


def test_columns_that_databases_would_not_tell_apart_are_numbered() -> None:
    """Names that differ in case only, and what the numbers would clash with."""
    assert list(action_columns(["A", "A_2", "a", "a_2", "\0", "<U+0000>", "É", "é"]).values()) == [
        *("actions_A", "actions_A_2", "actions_a_3", "actions_a_2_2"),
        *("actions_<U+0000>", "actions_<U+0000>_2", "actions_É", "actions_é_2"),
    ]


@given(st.lists(st.text(max_size=3), unique=True, max_size=20))
def test_no_two_columns_have_one_name(actions: list[str]) -> None:
    """Not even in another case."""
    columns = action_columns(actions)
    assert list(columns) == actions
    names = [name.lower() for name in (*columns.values(), *FIXED)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("actions_") and name.isprintable() for name in columns.values())


def test_a_long_name_is_cut() -> None:
    """And still belongs to one action only."""
    one, other = action_columns(["x" * 10**6, "x" * 10**6 + "y"]).values()
    assert one == f"actions_{'x' * 200}..."
    assert other == f"{one}_2"
