"""A companies file that is a table: a header that names a column of ids makes it one."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.plan.companies import Companies, parse_companies
from collector.plan.company_csv import Columns


def _parse(content: str | bytes, *columns: str | None) -> Companies:
    encoded = content.encode() if isinstance(content, str) else content
    return parse_companies(io.BytesIO(encoded), "f.csv", Columns(*columns))


def _refused(content: str, *columns: str | None) -> str:
    with pytest.raises(InputError) as caught:
        _parse(content, *columns)
    return str(caught.value)


_SPREADSHEET = (
    '\ufeffcompany_id;nombre;notas\r\n1;"Andes; Retail";\r\n007;"El ""Sur""";x\r\n;;\r\n9;;\r\n'
)


def test_what_a_spreadsheet_saves_is_read() -> None:
    """Mark, CRLF, semicolons, quotes, an empty row at the end; zeros in front of an id stay."""
    companies = _parse(_SPREADSHEET)
    assert companies.ids == ("1", "007", "9")
    assert companies.names == {"1": "Andes; Retail", "007": 'El "Sur"'}
    assert companies.duplicates == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("before", ["", "# from the CRM\n\n", "sep={}\r\n", '"sep={}"\r\n'])
def test_every_way_of_csv_is_the_same_table(
    delimiter: str, end: str, quoting: int, mark: str, before: str
) -> None:
    """As the standard library writes it; also with the line that Excel takes as a hint."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    name = 'Store, Inc.; "The one" # 4'
    writer.writerows([["Name", "Company ID"], [name, "12"], ["", "a/b"], [" x\u00a0 y ", " 3 "]])
    companies = _parse(mark + before.format(delimiter) + text.getvalue())
    assert companies.ids == ("12", "a/b", "3")
    assert companies.names == {"12": name, "3": "x y"}


@pytest.mark.parametrize(
    "header",
    [
        *(
            "id",
            "ID",
            "company",
            "company_id",
            "companyid",
            "CompanyId",
            "Company ID",
            "company-id",
        ),
        *("empresa", "Id Empresa", "ID_EMPRESA", '"company_id"'),
    ],
)
def test_one_column_is_a_table_too(header: str) -> None:
    """Its header is no id."""
    assert _parse(f"{header}\n1\n2\n").ids == ("1", "2")


def test_the_columns_can_be_named() -> None:
    """In any case of letters; the columns that are known are then no matter."""
    text = "id;Kunde;company_id;Firma\n1;K1;x;Andes\n2;K2;y;Sur\n"
    companies = _parse(text, "kunde", " FIRMA ")
    assert companies.ids == ("K1", "K2")
    assert companies.names == {"K1": "Andes", "K2": "Sur"}
    assert _parse("kunde\nK1\n", "Kunde").ids == ("K1",)
    assert _parse("id;label\n1;Andes\n", None, "label").names == {"1": "Andes"}


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("id;company\n1;A\n", (), 'the columns "id", "company" may all be meant; name one'),
        ("id;name;nombre\n1;A;B\n", (), 'the columns "name", "nombre" may all be meant'),
        ("id;x;X\n1;A;B\n", (), 'the header has the column "x" 2 times; give each column'),
        ("id,id\n1,2\n", (), 'the header has the column "id" 2 times'),
        ("id;id\n1;2\n", ("id",), 'the header has the column "id" 2 times'),
        ("a;b\n1;2\n", ("c",), 'no column is called "c"; give --id-column one of "a", "b"'),
        ("1\n2\n", ("c",), 'no column is called "c"; give --id-column one of "1"'),
        ("id;b\n1;2\n", (None, "c"), 'no column is called "c"; give --name-column one of "id"'),
        ("a;b\n1;2\n", (None, "b"), "--name-column is for a table, and no header here"),
        ("a;b\n1;2\n", (), '"a;b" has a semicolon in the id; in a list, write one id per line'),
        ("1,Andes\n2,Sur\n", (), "a table needs a header line that names the column of ids"),
        ('"Andes";"1"\n"Sur";"2"\n', (), "a table needs a header line that names the column"),
        ("customer_id\n1\n", (), '"customer_id" is most likely the header of a column; name it'),
        ("Id-cliente-ID Nombre\n1 A\n", (), '"Id-cliente-ID" is most likely the header'),
        ("company # note\n1\n", (), '"company" is the header of a table, whose columns are'),
        ("id name\n1 Andes\n", (), '"id" is the header of a table, whose columns are separated by'),
    ],
)  # fmt: skip
def test_a_header_that_leaves_a_doubt_is_refused(
    text: str, columns: tuple[str | None, ...], message: str
) -> None:
    """In one message for the file, with the line and the remedy."""
    said = _refused(f"# note\n{text}", *columns)
    assert said.startswith("f.csv:2: ")
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("5", '"5" has 1 cell, and the header has 2; correct the line (a cell'),
        ("5;a;b", '"5;a;b" has 3 cells, and the header has 2'),
        (";Andes", '";Andes" has no id in the column "id"; write it, or remove the line'),
        ("5 6;a", '"5 6" in the column "id" has white space inside, and an id has none'),
        ("# 5;a", '"# 5" in the column "id" has white space inside'),
        ("#5;a", '"#5" has a # inside, and an id has none'),
        ("#N/A;a", '"#N/A" in the column "id" is what a spreadsheet shows in place of'),
        ("####;a", '"####" in the column "id" is what a spreadsheet shows'),
        ("..;a", '".." cannot be an id'),
        ("1.0;a", '"1.0" is a number with decimals'),
        ("4.892E+09;a", '"4.892E+09" is a number that a spreadsheet has rounded'),
        ("1,234;a", '"1,234" is a number with separators of thousands'),
        ('"5;6";a', '"5;6" has a semicolon in the id; format the column "id" as text'),
        ("'5;a", "\"'5\" has ' in the id; format the column"),
        ("5;a\u200b", 'the name "a<U+200B>" has the invisible character U+200B'),
        ("5\u200b;a", 'the id "5<U+200B>" has the invisible character U+200B'),
        ('5;"a', "a cell in double quotes ends on its line, and a quote"),
        ('5;"a"b', "a cell in double quotes ends on its line, and a quote"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(row: str, message: str) -> None:
    """With its line and the remedy; the rows around it are none of it."""
    said = _refused(f"id;name\n1;A\n{row}\n2;B\n")
    assert said.startswith("f.csv:3: ")
    assert message in said
    assert "\n" not in said


def test_a_quote_that_is_not_closed_swallows_no_row() -> None:
    """The rows between it and the next quote would be part of a name."""
    said = _refused('id;name\n1;"A\n2;B\n3;C"\n4;D\n')
    assert [line.split(": ")[0] for line in said.split("\n")] == ["f.csv:2"]


def test_ids_of_a_table_are_counted_once() -> None:
    """By their lines in the file."""
    (duplicate,) = _parse("id;name\n1;A\n2;B\n1;C\n").duplicates
    assert (duplicate.line, duplicate.id, duplicate.first_line) == (4, "1", 2)


def test_a_header_alone_is_no_company() -> None:
    """And not a run of nothing."""
    assert "there is no company id in it below its header; write" in _refused("id;name\n")


@pytest.mark.parametrize(
    "text",
    ["12 id\n", '"id"x', "12\n", "identity\n", "1 Andes, S.A.\n", "id-7\n", "a1_id\n", "Madrid\n"],
)
def test_lists_stay_lists(text: str) -> None:
    """Also with a known word elsewhere."""
    parsed = text.split(maxsplit=1)[0]
    if '"' in text:
        assert "is not a quoted id" in _refused(text)
    else:
        assert _parse(text).ids == (parsed,)


def test_an_id_that_is_called_like_a_column_is_quoted() -> None:
    """The header is then missing."""
    assert _parse('"id" Andes\nid Sur\n').ids == ("id",)
    assert _parse('"customer_id"\n').ids == ("customer_id",)


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=5))
def test_any_cells_are_read_whole_or_refused(rows: list[list[str]]) -> None:
    """What the standard library writes: an id is never another one."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([["id", "name"], *rows])
    try:
        companies = _parse(text.getvalue().encode("utf-8", "replace"))
    except InputError:
        return
    wanted = dict.fromkeys(cells[0].strip() for cells in rows if any(map(str.strip, cells)))
    assert companies.ids == tuple(wanted)


def test_a_table_takes_no_more_memory_than_a_list() -> None:
    """About 100 bytes per company, while it is read less than twice that."""
    count = 20_000
    lines = (b"company-%06d;x\r\n" % number for number in range(count))
    tracemalloc.start()
    try:
        companies = parse_companies((line for part in ([b"id;n\n"], lines) for line in part), "f")
        stays, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(companies) == count
    assert stays / count < 80
    assert peak / count < 140
