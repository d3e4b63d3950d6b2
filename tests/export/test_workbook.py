"""What is in a workbook, read by openpyxl and as XML."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from xlsxwriter.worksheet import Worksheet

from collector.core.errors import StorageError
from collector.export.columns import FIXED
from collector.export.export import Exported, export
from collector.export.formats import Format, Target
from collector.export.workbook import MOST_ROWS, WorkbookRemarks, write_workbook
from collector.store.recorded_run import find_runs
from tests.export.odd_run import AT, COLUMNS, LARGEST, make_odd_run, odd_rows
from tests.store.made_runs import line, make_run
from tests.tables.databases import empty_database

_NUMBER, _TEXT, _DATE = "n", ("s", "inlineStr"), "d"
_DAY: Final = date(2026, 11, 1)


def _export(path: Path, run: Path) -> Exported:
    path.touch()
    with empty_database() as database:
        return export(database, find_runs([run]), path, Format(Target.WORKBOOK), ",")


def _write(tmp_path: Path, *rows: tuple[Any, ...], most_rows: int = 9) -> WorkbookRemarks:
    """Write rows of the columns that all exports have, and of `other_actions` if they have one."""
    path, scratch = tmp_path / "o.xlsx", tmp_path / "scratch"
    path.touch()
    scratch.mkdir()
    header = [*FIXED, "other_actions"][: len(rows[0])]
    remarks = write_workbook(path, header, rows, scratch=scratch, most_rows=most_rows)
    assert not list(scratch.iterdir())
    return remarks


def _sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def _row(company: str = "1", **values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - of any column
    usual = {"company_id": company, "from_date": _DAY, "until_date": _DAY, "fetched_at": AT}
    return tuple({**dict.fromkeys(FIXED), **usual, **values}.values())


def test_each_value_has_its_type(tmp_path: Path) -> None:
    """Ids and names are texts as they are, days are days, counts are numbers, null is nothing."""
    path = tmp_path / "o.xlsx"
    exported = _export(path, make_odd_run(tmp_path / "run"))
    assert (exported.rows, exported.columns) == (len(odd_rows()), len(COLUMNS))
    (sheet,) = openpyxl.load_workbook(path)
    header, *rows = sheet.iter_rows()
    assert [cell.value for cell in header] == COLUMNS
    for cells, row in zip(rows, odd_rows(), strict=True):
        for cell, value in zip(cells, row, strict=True):
            if value is None:
                assert cell.value is None
            elif isinstance(value, str):
                # Unlike Excel, openpyxl leaves the escapes of the format as they are.
                assert (unescape(cell.value), cell.data_type in _TEXT) == (value, True)
                assert not cell.quotePrefix
                assert cell.number_format == "@"
            elif isinstance(value, datetime):
                assert (cell.value, cell.data_type) == (value.replace(tzinfo=None), _DATE)
            elif isinstance(value, date):
                assert cell.value == datetime.combine(value, datetime.min.time())
                assert (cell.data_type, cell.number_format) == (_DATE, "yyyy-mm-dd")
            elif value == LARGEST:
                assert (cell.value, cell.data_type in _TEXT) == (str(value), True)
            else:
                assert (cell.value, cell.data_type) == (value, _NUMBER)
    assert exported.remarks[-1] == (
        "numbers of more than 15 digits are texts in the workbook, because a spreadsheet would "
        "round them: 16"
    )
    assert not exported.is_incomplete


def test_no_text_is_a_formula_or_a_link(tmp_path: Path) -> None:
    """Whatever it begins with: there is no such element in the file, and a text stays its own."""
    texts = ["=1+1", "{=1}", "+1", "-1", "@x", "https://example.com", "mailto:a@b", "internal:A1"]
    _write(tmp_path, *(_row(text, company_name=text) for text in texts))
    (rows,) = _sheets(tmp_path / "o.xlsx").values()
    assert [row[:2] for row in rows[1:]] == [(text, text) for text in texts]
    with ZipFile(tmp_path / "o.xlsx") as package:
        xml = package.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml
    assert b"hyperlink" not in xml


def test_a_sheet_is_ready_to_be_filtered(tmp_path: Path) -> None:
    """The header stays in sight and has filters; ids that look like numbers are no mistakes."""
    _write(tmp_path, _row("1"), _row("2"))
    (sheet,) = openpyxl.load_workbook(tmp_path / "o.xlsx")
    assert sheet.title == "statistics"
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:J3"
    assert sheet["A1"].font.b
    with ZipFile(tmp_path / "o.xlsx") as package:
        assert b'<ignoredError sqref="A1:J3" numberStoredAsText="1"/>' in package.read(
            "xl/worksheets/sheet1.xml"
        )


def test_numbers_are_exact_or_texts(tmp_path: Path) -> None:
    """Excel shows 15 digits of a number."""
    largest = 10**15 - 1
    remarks = _write(tmp_path, _row(total=largest, sended=largest + 1, fails=0))
    (_, row) = _sheets(tmp_path / "o.xlsx")["statistics"]
    assert dict(zip(FIXED, row, strict=True))["total"] == largest
    assert dict(zip(FIXED, row, strict=True))["sended"] == "1000000000000000"
    assert dict(zip(FIXED, row, strict=True))["fails"] == 0
    assert len(remarks.remarks) == 1
    assert not remarks.is_cut


def test_days_that_excel_does_not_have_are_texts(tmp_path: Path) -> None:
    """It has none before 1900, and in the first weeks of it one too many."""
    first = date(1900, 3, 1)
    early = datetime(1899, 12, 31, 1, 2, 3, tzinfo=UTC)
    _write(tmp_path, _row(from_date=first - timedelta(1), until_date=first, fetched_at=early))
    (_, row) = _sheets(tmp_path / "o.xlsx")["statistics"]
    assert row[2:5] == ("1900-02-28", datetime(1900, 3, 1), "1899-12-31T01:02:03Z")  # noqa: DTZ001 - a cell has no zone


def test_more_rows_than_a_sheet_holds_are_in_further_sheets(tmp_path: Path) -> None:
    """Each with its header and filters; the user is told."""
    remarks = _write(tmp_path, *(_row(str(number)) for number in range(5)), most_rows=2)
    book = openpyxl.load_workbook(tmp_path / "o.xlsx")
    assert [sheet.title for sheet in book] == ["statistics", "statistics 2", "statistics 3"]
    ids = [[cell.value for cell in sheet["A"]] for sheet in book]
    assert ids == [["company_id", "0", "1"], ["company_id", "2", "3"], ["company_id", "4"]]
    assert [sheet.auto_filter.ref for sheet in book] == ["A1:J3", "A1:J3", "A1:J2"]
    assert [sheet.freeze_panes for sheet in book] == ["A2"] * 3
    assert remarks == WorkbookRemarks(
        ["a sheet holds 2 rows, so statistics has 3 sheets: statistics, statistics 2, ..."],
        is_cut=False,
    )


def test_a_sheet_has_as_many_rows_as_excel_allows() -> None:
    """The first of them is the header."""
    assert Worksheet().xls_rowmax == MOST_ROWS + 1


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """A row in memory takes more than a kilobyte, so all of them would take more than the bound."""
    path = tmp_path / "o.xlsx"
    path.touch()
    write_workbook(path, FIXED, [_row()], scratch=tmp_path)
    tracemalloc.start()
    try:
        rows = (_row(str(number), total=number) for number in range(2000))
        write_workbook(path, FIXED, rows, scratch=tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_sheet_that_is_just_full_is_the_only_one(tmp_path: Path, count: int) -> None:
    """And one without rows has its header."""
    path = tmp_path / "o.xlsx"
    path.touch()
    rows = [_row()] * count
    remarks = write_workbook(path, FIXED, rows, scratch=tmp_path, most_rows=2)
    assert remarks.remarks == []
    assert [len(rows) for rows in _sheets(path).values()] == [count + 1]


def test_other_actions_have_a_sheet_of_their_own(tmp_path: Path) -> None:
    """A row for each of them, however many an answer has: a cell would not hold them as JSON."""
    many = {f"name {number:05}": number for number in range(5000)}
    made = [line("1", 1, actions={**many, "big": 10**16}), line("2", 1, actions={"RECEIVED": 3})]
    path = tmp_path / "o.xlsx"
    exported = _export(path, make_run(tmp_path / "run", made))
    sheets = _sheets(path)
    assert list(sheets) == ["statistics", "other_actions"]
    header, *rows = sheets["statistics"]
    assert (len(header), len(rows)) == (exported.columns, 2)
    assert "other_actions" not in header
    told = {str(name): count for name, count in zip(header, rows[0], strict=True)}
    other_header, *others = sheets["other_actions"]
    assert other_header == ("company_id", "from_date", "until_date", "action", "count")
    assert {row[:3] for row in others} == {(rows[0][0], *rows[0][2:4])}
    counts = {row[3]: int(row[4]) for row in others}
    columns = {name.removeprefix("actions_"): count for name, count in told.items()}
    assert {**counts, **{name: columns[name] for name in many if name in columns}} | {
        "big": int(counts.get("big", columns.get("big", 0)))
    } == {**many, "big": 10**16}
    assert exported.remarks[0].endswith("together in the sheet other_actions")


def test_a_text_that_is_longer_than_a_cell_is_cut_with_a_word(tmp_path: Path) -> None:
    """And the exit code says so; one that just fits is whole."""
    fits, long = "x" * 32_767, "𝄞" * 20_000
    remarks = _write(tmp_path, _row(fits), _row("2", company_name=long))
    (rows,) = _sheets(tmp_path / "o.xlsx").values()
    assert rows[1][0] == fits
    assert long.startswith(rows[2][1])
    assert remarks.is_cut
    (remark,) = remarks.remarks
    assert remark.startswith("texts longer than a cell holds (32,767 characters) are cut: 1;")


def test_characters_that_xml_does_not_have(tmp_path: Path) -> None:
    """They have the escapes of the format, and so does text that looks like one."""
    texts = ["a\x00b", "\x1b[2J", "_x0041_", "tab\there", "line\nbreak", "\ufffe", " both "]
    _write(tmp_path, *(_row(text) for text in texts))
    (rows,) = _sheets(tmp_path / "o.xlsx").values()
    assert [unescape(row[0]) for row in rows[1:]] == texts


def test_where_its_parts_cannot_be_written_the_place_is_named(tmp_path: Path) -> None:
    """The user finds the directory that has no room."""
    (tmp_path / "o.xlsx").touch()
    with pytest.raises(StorageError, match=r"No such file or directory; .*TMPDIR"):
        write_workbook(tmp_path / "o.xlsx", FIXED, [_row()], scratch=tmp_path / "nowhere")
