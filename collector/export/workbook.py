"""Exports as an Excel workbook. Memory does not grow with the number of rows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from collector.core.errors import StorageError
from collector.core.own_files import open_own
from collector.export.columns import OTHER_ACTIONS, TABLE, UNKNOWN_FIELDS

__all__ = ["MOST_ROWS", "WorkbookRemarks", "write_workbook"]

MOST_ROWS: Final = 1_048_575
"""Rows of a sheet, without its header."""

_MOST_DIGITS: Final = 15
_LARGEST: Final = 10**_MOST_DIGITS - 1
"""The largest number that Excel shows digit by digit."""

_FIRST_DAY: Final = date(1900, 3, 1)
"""Excel counts a day before this one that never was, and has no days before 1900."""

_WIDE: Final = frozenset({"company_id", "company_name", "fetched_at", "action", UNKNOWN_FIELDS})
"""Columns whose values are longer than their titles."""

_OF_OTHERS: Final = ("company_id", "from_date", "until_date", "action", "count")


class WorkbookRemarks(NamedTuple):
    """Texts for the user about what a workbook cannot hold; `is_cut` says that texts were cut."""

    remarks: Sequence[str]
    is_cut: bool


def write_workbook(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    scratch: Path,
    most_rows: int = MOST_ROWS,
) -> WorkbookRemarks:
    """Write rows over an existing file; None becomes an empty cell.

    They are in the sheet `TABLE`, and in further ones if there are more than `most_rows`. The
    JSON of `OTHER_ACTIONS` is in a sheet of its own, a row for each action. `scratch` is a
    directory for temporary files, as large as the uncompressed workbook. Raises `StorageError`.
    """
    with _workbook(path, scratch) as workbook:
        cells = _Cells(workbook)
        place = header.index(OTHER_ACTIONS) if OTHER_ACTIONS in header else None
        if place is None:
            main, others = _Sheets(cells, TABLE, header, most_rows), None
        else:
            main = _Sheets(cells, TABLE, _without(header, place), most_rows)
            others = _Sheets(cells, OTHER_ACTIONS, _OF_OTHERS, most_rows)
        for row in rows:
            if place is None or others is None:
                main.add(row)
                continue
            main.add(_without(row, place))
            company, _, first, last, *_ = row
            for action, count in orjson.loads(row[place] or "{}").items():
                others.add((company, first, last, action, count))
        remarks = main.end()
        if others is not None:
            remarks += others.end()
    return WorkbookRemarks(remarks + cells.remarks(), cells.cut > 0)


def _without(values: Sequence[Any], place: int) -> list[Any]:
    return [*values[:place], *values[place + 1 :]]


@contextmanager
def _workbook(path: Path, scratch: Path) -> Iterator[Workbook]:
    options = {"constant_memory": True, "tmpdir": str(scratch)}
    try:
        with open(path, "wb", opener=open_own) as file:
            workbook = Workbook(file, options)
            workbook.use_zip64()
            try:
                yield workbook
                workbook.close()
            finally:
                for sheet in workbook.worksheets():
                    # It closes them only if all has gone well.
                    sheet.row_data_fh.close()
    except (OSError, FileCreateError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        reason = cause.strerror if isinstance(cause, OSError) else error
        raise StorageError(
            f"the workbook cannot be written: {reason}; check that there is room where it is "
            "written, and in the directory for temporary files (/tmp, if TMPDIR names no other)"
        ) from error


class _Cells:
    """Writes values into cells, each with its type, and counts those that do not fit."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook: Final = workbook
        self.header: Final[Format] = workbook.add_format({"bold": True})
        # Text stays text when a user edits it: it becomes no number, day or formula.
        self._text: Final[Format] = workbook.add_format({"num_format": "@"})
        self._day: Final[Format] = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._moment: Final[Format] = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._long_numbers = 0
        self.cut = 0

    def write(self, sheet: Worksheet, row: int, column: int, value: object) -> None:
        """Write a value. Never a formula or a link, whatever a text begins with."""
        if isinstance(value, str):
            self._write_text(sheet, row, column, value)
        elif isinstance(value, datetime):
            moment = value.astimezone(UTC).replace(tzinfo=None)
            if moment.date() < _FIRST_DAY:
                self._write_text(sheet, row, column, f"{moment.isoformat()}Z")
            else:
                sheet.write_datetime(row, column, moment, self._moment)
        elif isinstance(value, date):
            if value < _FIRST_DAY:
                self._write_text(sheet, row, column, value.isoformat())
            else:
                sheet.write_datetime(row, column, value, self._day)
        elif isinstance(value, int):
            if value > _LARGEST:
                self._long_numbers += 1
                self._write_text(sheet, row, column, str(value))
            else:
                sheet.write_number(row, column, value)

    def remarks(self) -> list[str]:
        """Return texts about what did not fit."""
        remarks = []
        if self._long_numbers:
            remarks.append(
                f"numbers of more than {_MOST_DIGITS} digits are texts in the workbook, because a "
                f"spreadsheet would round them: {self._long_numbers:,}"
            )
        if self.cut:
            remarks.append(
                f"texts longer than a cell holds (32,767 characters) are cut: {self.cut:,}; "
                "other formats have them whole"
            )
        return remarks

    def _write_text(self, sheet: Worksheet, row: int, column: int, text: str) -> None:
        if sheet.write_string(row, column, text, self._text):
            self.cut += 1


class _Sheets:
    """Sheets with one header: `name`, and when one is full `name 2`, and so on."""

    def __init__(self, cells: _Cells, name: str, header: Sequence[str], most_rows: int) -> None:
        self._cells = cells
        self._name = name
        self._header = header
        self._most_rows = most_rows
        self._count = 0
        self._begin()

    def add(self, row: Iterable[object]) -> None:
        """Write a row below the last one."""
        if self._row == self._most_rows:
            self._finish()
            self._begin()
        self._row += 1
        for column, value in enumerate(row):
            self._cells.write(self._sheet, self._row, column, value)

    def end(self) -> list[str]:
        """Finish the last sheet; return a text about the number of sheets if there are several."""
        self._finish()
        if self._count == 1:
            return []
        more = "" if self._count == 2 else ", ..."  # noqa: PLR2004 - all are named
        remark = (
            f"a sheet holds {self._most_rows:,} rows, so {self._name} has {self._count:,} sheets: "
            f"{self._name}, {self._name} 2{more}"
        )
        return [remark]

    def _begin(self) -> None:
        self._count += 1
        name = self._name if self._count == 1 else f"{self._name} {self._count}"
        self._sheet: Worksheet = self._cells.workbook.add_worksheet(name)
        self._row = 0
        for column, title in enumerate(self._header):
            self._sheet.write_string(0, column, title, self._cells.header)
            self._sheet.set_column(column, column, _width(title))
        self._sheet.freeze_panes(1, 0)

    def _finish(self) -> None:
        last = len(self._header) - 1
        self._sheet.autofilter(0, 0, self._row, last)
        # Ids are texts on purpose: no green triangles.
        cells = f"A1:{xl_rowcol_to_cell(self._row, last)}"
        self._sheet.ignore_errors({"number_stored_as_text": cells})


def _width(title: str) -> int:
    """Return a width for a column, in characters: its title and the arrow of the filter fit."""
    return min(max(len(title) + 4, 20 if title in _WIDE else 12), 40)
