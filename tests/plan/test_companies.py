import bz2
import gzip
import io
import lzma
import pickle
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.plan.companies import (
    Companies,
    Duplicate,
    format_companies,
    parse_companies,
    read_companies,
)
from collector.plan.company_csv import RECORDED


def _parse(content: bytes) -> Companies:
    return parse_companies(io.BytesIO(content), "companies.txt")


def test_ids_keep_the_order_of_the_file() -> None:
    """Names are there only for the ids that have one."""
    companies = _parse(b"# ours\n\n2 Two\n1\r\n\n10  Ten # of ten\n")
    assert companies.ids == ("2", "1", "10")
    assert companies.names == {"2": "Two", "10": "Ten"}
    assert companies.duplicates == ()
    assert companies.source == "companies.txt"
    assert len(companies) == 3


def test_a_byte_order_mark_is_skipped_on_the_first_line_only() -> None:
    """Further on (joined files) it would be an invisible part of an id, and is reported."""
    assert _parse(b"\xef\xbb\xbf1\n2\n").ids == ("1", "2")
    assert _parse(b"\xef\xbb\xbf# note\n1").ids == ("1",)
    with pytest.raises(InputError, match=r"companies\.txt:2: .*U\+FEFF"):
        _parse(b"\xef\xbb\xbf1\n\xef\xbb\xbf2\n")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_utf16_is_named(encoding: str, mark: str) -> None:
    """One message for the whole file, with the remedy."""
    with pytest.raises(InputError, match=r"^companies\.txt: .*UTF-16; save it as CSV \(UTF-8\)$"):
        _parse(f"{mark}1\n2\n".encode(encoding))


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (_zip(), r"is a spreadsheet \(\.xlsx or \.ods\) or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"is an old spreadsheet \(\.xls\)"),
        (gzip.compress(b"1\n2\n"), r"is compressed \(gzip\)"),
        (bz2.compress(b"1\n2\n"), r"is compressed \(bzip2\)"),
        (lzma.compress(b"1\n2\n"), r"is compressed \(xz\)"),
        (b"\x28\xb5\x2f\xfd\x04\x00", r"is compressed \(zstd\)"),
    ],
    # Not by their contents: the time is in some of them.
    ids=["xlsx", "xls", "gzip", "bzip2", "xz", "zstd"],
)
def test_contents_that_are_no_text_are_named_whatever_the_name(content: bytes, cause: str) -> None:
    """The first bytes tell, in one message."""
    with pytest.raises(InputError, match=rf"^companies\.txt: {cause}; save it as CSV \(UTF-8\)$"):
        _parse(content)


def test_duplicates_are_dropped_and_listed() -> None:
    """The first line wins, with or without a name."""
    companies = _parse(b"1 One\n2\n# note\n1 Uno\n2 Two\n1\n")
    assert companies.ids == ("1", "2")
    assert companies.names == {"1": "One"}
    assert companies.duplicates == (
        Duplicate(line=4, id="1", first_line=1),
        Duplicate(line=5, id="2", first_line=2),
        Duplicate(line=6, id="1", first_line=1),
    )


def test_every_bad_line_is_reported_at_once() -> None:
    """One line of message each, in order, with its number; good lines are not mentioned."""
    with pytest.raises(InputError) as caught:
        _parse(b"1\n..\n2 \xe9\n3\n4#x\n5\x1b\n")
    lines = str(caught.value).split("\n")
    assert [line.split(" ")[0] for line in lines] == [
        "companies.txt:2:",
        "companies.txt:3:",
        "companies.txt:5:",
        "companies.txt:6:",
    ]


def test_a_flood_of_bad_lines_is_bounded() -> None:
    """A file of the wrong kind does not fill the memory with messages, but all are counted."""
    with pytest.raises(InputError) as caught:
        parse_companies((b"\0" for _ in range(10_007)), "photo.jpg")
    lines = str(caught.value).split("\n")
    assert len(lines) == 10_001
    assert lines[-1] == "photo.jpg: and 7 more bad lines; is this the right file?"


def test_a_huge_bad_line_makes_a_short_message() -> None:
    """A bad line of 1 MB is not printed."""
    with pytest.raises(InputError) as caught:
        _parse(b"1\n" + b"\xff" * 1_000_000 + b"\n")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only\n  # comments\n", b"\xef\xbb\xbf"])
def test_a_file_without_ids_is_refused(content: bytes) -> None:
    """Nothing to collect is a mistake, not a success."""
    with pytest.raises(InputError, match=r"^companies\.txt: .*no company id.*; write one id"):
        _parse(content)


def test_the_source_is_escaped_in_messages() -> None:
    """The name of a file cannot steer the terminal either."""
    with pytest.raises(InputError, match=r"^a<U\+001B>b:1: "):
        parse_companies([b".."], "a\x1bb")


def _parse_or_refuse(content: bytes) -> Companies | str:
    try:
        return _parse(content)
    except InputError as error:
        return str(error)


@given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
def test_any_bytes_are_parsed_or_refused(content: bytes) -> None:
    """No content raises anything but InputError; each line of its message is printable."""
    parsed = _parse_or_refuse(content)
    if isinstance(parsed, str):
        assert all(line.isprintable() for line in parsed.split("\n"))
    else:
        assert parsed.ids
        assert len(set(parsed.ids)) == len(parsed.ids)
        assert set(parsed.names) <= set(parsed.ids)


_WORDS = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp"], exclude_characters="#"),
    min_size=1,
    max_size=20,
)


def _in_quotes(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


_IDS = _WORDS.filter(lambda word: word not in {".", ".."})
_NAMES = st.lists(_WORDS, max_size=3).map(" ".join)


@given(
    st.dictionaries(_IDS, _NAMES, min_size=1),
    st.sampled_from(["\n", "\r\n", "\n\n", " # note\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_what_is_written_is_read(written: dict[str, str], end: str, mark: str) -> None:
    """Ids and names come back, whatever the line ends, comments and byte-order mark."""
    text = mark + "".join(f"{_in_quotes(key)} {name}{end}" for key, name in written.items())
    companies = _parse(text.encode())
    assert companies.ids == tuple(written)
    assert companies.names == {key: name for key, name in written.items() if name}


def test_companies_are_written_as_a_companies_file() -> None:
    """One id per line in the given order, with the name behind it if there is one."""
    companies = Companies(("2", "1", "é"), {"2": "Two & co", "é": "Ñandú"})
    assert list(format_companies(companies)) == [b"2 Two & co\n", b"1\n", "é Ñandú\n".encode()]


def test_a_hash_inside_a_name_survives_being_written() -> None:
    """Only one after white space is a comment, and such a one is in no name that was read."""
    companies = _parse(b"1 C# und F#-Haus # a note\n2 #only a note\n3 a#b # c # d\n")
    assert companies.names == {"1": "C# und F#-Haus", "3": "a#b"}
    assert list(format_companies(companies)) == [b"1 C# und F#-Haus\n", b"2\n", b"3 a#b\n"]
    assert _written_and_read(companies) == companies


def test_a_list_of_companies_is_written_as_it_is_needed() -> None:
    """Line by line, however many there are."""
    ids = tuple(str(number) for number in range(20_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in format_companies(Companies(ids))) == len(ids)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def _written_and_read(companies: Companies) -> Companies:
    """Write companies and read them back; what is not written is taken over."""
    read = _parse(b"".join((RECORDED, b"\n", *format_companies(companies))))
    assert read.duplicates == ()
    return Companies(read.ids, dict(read.names), companies.duplicates, companies.source)


_PIECES = st.lists(
    st.sampled_from(
        ["1", "2", "é", "C#", "#", " ", "  ", "\t", "\n", "\r\n", "\u3000", "\u00a0", "\ufeff", "x"]
    ),
    max_size=25,
).map(lambda pieces: "".join(pieces).encode())


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode) | _PIECES)
@example("\ufeff1\u3000a\u00a0#b\n".encode())
@example("1 a\u2003b#c\t#d".encode())
@example(b'id;nombre\n12;"a # b"\n')
@example(b'"a;b" "c" d\n"1.0"\n')
def test_whatever_was_read_can_be_written_and_read_again(content: bytes) -> None:
    """The same ids, names and order come back, so that a run directory keeps its own list."""
    parsed = _parse_or_refuse(content)
    if not isinstance(parsed, str):
        assert _written_and_read(parsed) == parsed


@settings(max_examples=40)
@given(st.dictionaries(_IDS, _NAMES, min_size=1))
def test_companies_that_are_written_are_read(written: dict[str, str]) -> None:
    """Whatever letters ids and names are made of."""
    companies = Companies(tuple(written), {key: name for key, name in written.items() if name})
    assert _written_and_read(companies) == companies


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_lines_are_kept_whole_or_refused(
    tmp_path: Path, mark: bytes, end: bytes
) -> None:
    """None is cut in silence, and what was accepted is accepted again when it is written."""
    path = tmp_path / "companies.txt"
    for size in range(8180, 8200):
        path.write_bytes(mark + b"1" * size + end)
        read = _read_or_refuse(path)
        if isinstance(read, str):
            assert "longer than 8192 bytes" in read
        else:
            assert [len(company_id) for company_id in read.ids] == [size]
            path.write_bytes(b"".join((RECORDED, b"\n", *format_companies(read))))
            assert not isinstance(_read_or_refuse(path), str), size


def _read_or_refuse(path: Path) -> Companies | str:
    try:
        return read_companies(path)
    except InputError as error:
        return str(error)


def test_companies_cannot_be_changed() -> None:
    """A plan can rely on them: neither fields nor names can be set."""
    companies = _parse(b"1 One\n")
    with pytest.raises(AttributeError):
        companies.ids = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        cast("dict[str, str]", companies.names)["1"] = "Uno"


def test_companies_are_values() -> None:
    """They compare, hash and travel between processes by what they hold, and print shortly."""
    companies = _parse(b"1 One\n2\n1\n")
    assert companies == _parse(b"1 One\n2\n1\n")
    assert hash(companies) == hash(_parse(b"1 One\n2\n1\n"))
    assert pickle.loads(pickle.dumps(companies)) == companies  # noqa: S301 - pickled right here
    assert repr(companies) == "Companies(2 ids from 'companies.txt')"


def _parse_traced(lines: Iterable[bytes]) -> tuple[Companies, int, int]:
    """Return the companies, the bytes that they take, and the most bytes meanwhile."""
    tracemalloc.start()
    try:
        return parse_companies(lines, "companies.txt"), *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_companies_take_about_100_bytes_each() -> None:
    """The memory that stays is the ids alone; while parsing it is below twice that."""
    count = 20_000
    companies, stays, peak = _parse_traced(b"company-%06d\n" % number for number in range(count))
    assert len(companies) == count
    assert stays / count < 80
    assert peak / count < 140


def test_their_names_take_40_bytes_each_beside_their_letters() -> None:
    """A dictionary would take 120."""
    count = 20_000
    name = "Company number six"
    companies, stays, peak = _parse_traced(
        b"company-%06d %b\n" % (number, name.encode()) for number in range(count)
    )
    assert companies.names["company-019999"] == name
    assert stays / count < 80 + 40 + len(name)
    assert peak / count < 140 + 40 + len(name)
