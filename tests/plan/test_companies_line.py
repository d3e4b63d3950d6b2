import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.plan.company_line import (
    MAX_LINE,
    BadLineError,
    parse_line,
    parse_recorded_line,
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1", ("1", "")),
        ("-1", ("-1", "")),
        ("a/b?c=%2e", ("a/b?c=%2e", "")),
        ("...", ("...", "")),
        ("société-é", ("société-é", "")),
        ("12 Store", ("12", "Store")),
        ("  12\tStore\tBerlin  ", ("12", "Store Berlin")),
        ("12\u00a0Store\u3000Tokyo", ("12", "Store Tokyo")),
        ("12 \U0001f3ec", ("12", "\U0001f3ec")),
        ("12 \ue000", ("12", "\ue000")),
        ('12 Store, Inc. (Berlin); "The one"', ("12", 'Store, Inc. (Berlin); "The one"')),
        ("00ff12e3", ("00ff12e3", "")),
        ("4e10", ("4e10", "")),
        ("10.2.0.1", ("10.2.0.1", "")),
        ("v1.0", ("v1.0", "")),
        ("+5491155", ("+5491155", "")),
        ("2026-01", ("2026-01", "")),
    ],
)
def test_an_id_and_perhaps_a_name(line: str, expected: tuple[str, str]) -> None:
    """Ids are opaque; white space of any kind separates, and is one space inside a name."""
    assert parse_line(line.encode()) == expected


_ODD = [
    *(("1,Store", "a comma"), ("1;Store Berlin", "a semicolon"), ("1|Store", "a vertical bar")),
    *(
        ("1,", "a comma"),
        ("1,2,3", "a comma"),
        ("'007", "has ' in"),
        ("\u201c12\u201d", "has \u201c in"),
    ),
    *(
        ("12\u00bb", "has \u00bb in"),
        ("[12]", "has [ in"),
        ("{12}", "has { in"),
        ("<12>", "has < in"),
    ),
    *(("(12) Store", "has ( in"), ('="007"', 'has " in'), ("1`2", "has ` in")),
    *(("1.0", "with decimals"), ("-7.00 Store", "with decimals"), ("12.0", "with decimals")),
    *(("4.892E+09", "has rounded"), ("5e+15", "has rounded"), ("1E-05", "has rounded")),
    *(("4.8e9", "has rounded"), ("1,234", "thousands"), ("1.234.567", "thousands")),
    *(("1'234", "thousands"), ("4,892E+09", "a comma")),
]


@pytest.mark.parametrize(("line", "cause"), _ODD)
def test_what_is_most_likely_no_id_is_refused_unless_quoted(line: str, cause: str) -> None:
    """A row of a table, several ids, a number of a spreadsheet: there is no such company."""
    with pytest.raises(BadLineError, match="put it in double quotes") as caught:
        parse_line(line.encode())
    assert cause in str(caught.value)
    word, _, name = line.partition(" ")
    quoted = f'"{word.replace(chr(34), chr(34) * 2)}"'
    assert parse_line(f"{quoted} {name} # note".encode()) == (word, name)


@pytest.mark.parametrize(
    "line", ['"', '""', '"12', '"12"x', '"1"2"', '"Store Berlin" 1', '"1";"a"']
)
def test_quotes_that_hold_no_id_are_refused(line: str) -> None:
    """They are not taken for a part of it."""
    with pytest.raises(BadLineError, match="is not a quoted id; write the id without"):
        parse_line(line.encode())


@pytest.mark.parametrize(
    "line", ["#N/A", "#REF!", "#NAME?", " #VALUE! ", "#DIV/0!", "#\u00bfNOMBRE?"]
)
def test_errors_of_a_spreadsheet_are_no_comments(line: str) -> None:
    """Each stands where an id was."""
    with pytest.raises(BadLineError, match="an error of a spreadsheet in place of an id"):
        parse_line(line.encode())
    assert parse_line(f"{line} a note".encode()) == ("", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,2 Store # 1", ("1,2", "Store # 1")),
        ('"7"  Store', ('"7"', "Store")),
        ("1.0", ("1.0", "")),
        ("  # note", ("", "")),
        ("#N/A", ("", "")),
        (" ", ("", "")),
    ],
)
def test_a_line_that_the_collector_wrote_is_read_as_it_is(
    line: str, expected: tuple[str, str]
) -> None:
    """What was accepted once, by whatever version, stays the same id."""
    assert parse_recorded_line(line.encode()) == expected


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_line_ends_are_not_content(end: bytes) -> None:
    """LF, CRLF and a last line without an end read alike."""
    assert parse_line(b"12 Store" + end) == ("12", "Store")


@pytest.mark.parametrize(
    "line", ["", "   ", "\t", "\u00a0", "#", "# note", "  # note", "#12 Store"]
)
def test_blank_lines_and_comments_hold_nothing(line: str) -> None:
    """They are no companies, and not wrong either."""
    assert parse_line(line.encode()) == ("", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("12 # note", ("12", "")),
        ("12\t#note", ("12", "")),
        ("12\u00a0# note", ("12", "")),
        ("12 Store # note # more", ("12", "Store")),
        ("12 C# shop", ("12", "C# shop")),
        ("12 C# shop #1", ("12", "C# shop")),
        ("12 Store # \u200d in a comment", ("12", "Store")),
    ],
)
def test_a_comment_starts_after_white_space(line: str, expected: tuple[str, str]) -> None:
    """A # that is glued to a word of the name belongs to the name."""
    assert parse_line(line.encode()) == expected


@pytest.mark.parametrize("line", ["12#x", "12#", "12#x Store", "1#2#3 # note"])
def test_a_hash_inside_an_id_is_refused(line: str) -> None:
    """Whether it belongs to the id cannot be known, so the message asks for a space."""
    with pytest.raises(BadLineError, match="put a space before the comment"):
        parse_line(line.encode())


@pytest.mark.parametrize("line", [".", "..", "  .. ", ". Store", ".. # note"])
def test_dot_ids_are_refused(line: str) -> None:
    """They would change the path of the request."""
    with pytest.raises(BadLineError, match="cannot be an id"):
        parse_line(line.encode())


_CONTROLS = [chr(code) for code in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029)]


@pytest.mark.parametrize("line", ["1{}2", "{}12", "12 a{}b", "12 # {}34", "12{}# note"])
def test_control_characters_are_refused_everywhere(line: str) -> None:
    """They neither split a line silently nor reach the terminal, comments included."""
    for char in _CONTROLS:
        with pytest.raises(BadLineError, match=rf"U\+{ord(char):04X}; ") as caught:
            parse_line(f"{line.format(char)}x".encode())
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("char", ["\u200b", "\u00ad", "\u202e", "\ufeff", "\u2066", "\U000e0041"])
@pytest.mark.parametrize("line", ["1{}2", "{}12", "12{}", "12 a{}b", "12 a{}"])
def test_invisible_characters_are_refused(line: str, char: str) -> None:
    """Two ids that look the same must be the same."""
    with pytest.raises(BadLineError, match=rf"invisible character U\+{ord(char):04X}") as caught:
        parse_line(line.format(char).encode())
    assert str(caught.value).isprintable()


def test_old_mac_line_ends_are_explained() -> None:
    """A file with CR only is one long line; the remedy is not to remove the CR."""
    with pytest.raises(BadLineError, match="save the file with LF or CRLF line ends"):
        parse_line(b"1 # note\r2\r3\r")


def test_bytes_that_are_not_utf8_are_located() -> None:
    """The message names the byte and the remedy."""
    with pytest.raises(BadLineError, match=r"byte 7 .*0xE9.* not UTF-8; save the file as UTF-8"):
        parse_line("12 Café".encode("latin-1"))


def test_the_length_of_a_line_is_bounded() -> None:
    """Up to the bound a line is fine; above it the message stays short."""
    longest = b"x" * (MAX_LINE - 1)
    assert parse_line(longest) == parse_line(longest + b"\n") == (longest.decode(), "")
    with pytest.raises(BadLineError, match=f"longer than {MAX_LINE} bytes") as caught:
        parse_line(b"x" * 1_000_000)
    assert len(str(caught.value)) < 200


def _parse_or_refuse(raw: bytes) -> tuple[str, str] | str:
    try:
        return parse_line(raw)
    except BadLineError as problem:
        return str(problem)


@given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    """No line raises anything else; messages are printable and bounded."""
    parsed = _parse_or_refuse(raw)
    if isinstance(parsed, str):
        assert parsed.isprintable()
        assert len(parsed) < 1000
    else:
        company_id, name = parsed
        assert not any(char.isspace() for char in company_id)
        assert " ".join(name.split()) == name
