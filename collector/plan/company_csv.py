"""A companies file that is a table, as spreadsheets save it: a header, then one row per company.

A header that names a column of ids makes a file a table; any other file is a list
(`collector.plan.company_line`).
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.core.text import counted, quoted
from collector.plan.company_line import (
    BadLineError,
    SeparatorError,
    check_id,
    decode_line,
    is_error_value,
    is_usual,
    odd_id,
    parse_line,
    parse_recorded_line,
    tidy_name,
)

__all__ = ["RECORDED", "BadHeaderError", "Columns", "LineReader"]

RECORDED: Final = b"# Written by collector; "
"""How the list of companies in a run directory begins."""

_ID_COLUMNS: Final = frozenset(
    {
        *("id", "company", "companyid", "idcompany", "empresa", "empresaid", "idempresa"),
        *("ids", "companies", "companyids", "empresas"),
    }
)
_NAME_COLUMNS: Final = frozenset(
    {"name", "companyname", "nombre", "nombreempresa", "nombredelaempresa", "empresanombre"}
)
"""Headers that are known, without upper case, blanks, `_` and `-`."""

_DELIMITERS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab"}

_SEP: Final = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)
"""A first line that tells Excel what separates the columns."""

_LIKE_A_HEADER: Final = re.compile(r"[^\W\d_]+(?:[_-][^\W\d_]+)*[_-]id", re.IGNORECASE)
"""What is more likely the header of a column than an id: `customer_id`."""

_LISTED: Final = 8
"""Columns that a message names."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The headers of the columns of ids and names, as the user gave them; None to look for them."""

    id: str | None = None
    name: str | None = None


class BadHeaderError(BadLineError):
    """Reason why a table cannot be read at all: the lines below are not worth a message."""


class LineReader:
    """Reads the lines of one companies file in turn: as a list, or after a header as a table.

    `parse` returns the id and the name of a line; both are empty on a blank line, a comment and a
    header. It raises `BadLineError`; `BadHeaderError` if the lines below cannot be read either.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._delimiters: Sequence[str] = tuple(_DELIMITERS)
        self.parse: Callable[[bytes], tuple[str, str]] = self._begin
        self.is_table = False
        """Whether a header was read."""

    def _begin(self, raw: bytes) -> tuple[str, str]:
        """Read a line before which there was none but blank lines and comments."""
        if raw.startswith(RECORDED):
            self.parse = parse_recorded_line
            return "", ""
        text = decode_line(raw)
        if not text.strip() or text.lstrip().startswith("#"):
            return parse_line(raw)
        if found := _SEP.fullmatch(text):
            self._delimiters = found[1]
            return "", ""
        header = _find_header(text, self._delimiters, self._columns)
        if header is None:
            self.parse = parse_line
            return _first_of_list(raw)
        self.parse = header.parse
        self.is_table = True
        return "", ""


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a table: how many columns, and which hold the ids and the names."""

    delimiter: str
    width: int
    id_place: int
    id_column: str
    name_place: int | None

    def parse(self, raw: bytes) -> tuple[str, str]:
        """Return the id and the name of a row; both are empty if all its cells are."""
        text = decode_line(raw)
        cells = _cells(text, self.delimiter)
        if len(cells) != self.width:
            if not any(map(str.strip, cells)):
                return "", ""
            raise BadLineError(
                f"{quoted(text)} has {counted(len(cells), 'cell')}, and the header has "
                f"{self.width}; correct the line (a cell that contains "
                f"{_DELIMITERS[self.delimiter]} is in double quotes)"
            )
        company_id = cells[self.id_place].strip()
        if not is_usual(company_id):
            if not any(map(str.strip, cells)):
                return "", ""
            self._check(company_id, text)
        return company_id, "" if self.name_place is None else tidy_name(cells[self.name_place])

    def _check(self, company_id: str, text: str) -> None:
        column = quoted(self.id_column)
        if not company_id:
            raise BadLineError(
                f"{quoted(text)} has no id in the column {column}; write it, or remove the line"
            )
        if len(company_id.split()) > 1:
            raise BadLineError(
                f"{quoted(company_id)} in the column {column} has white space inside, and an id "
                "has none; correct it, or give the right --id-column"
            )
        if is_error_value(company_id):
            raise BadLineError(
                f"{quoted(company_id)} in the column {column} is what a spreadsheet shows in place "
                "of a value; correct the cell, or make its column wider, and save it again"
            )
        if odd := odd_id(company_id):
            raise BadLineError(
                f"{odd}; format the column {column} as text, correct it and save it again (if the "
                "id really looks like this, use a list, with the id in double quotes)"
            )
        check_id(company_id)


def _cells(text: str, delimiter: str) -> list[str]:
    """Split a row. Raises `BadLineError`."""
    try:
        # One line at a time: a quote that is not closed must not swallow the rows below it.
        return next(csv.reader((text,), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise BadLineError(
            f"{quoted(text)} is no row of a table ({error}): a cell in double quotes ends on its "
            "line, and a quote inside it is written twice"
        ) from None


def _find_header(text: str, delimiters: Sequence[str], columns: Columns) -> _Header | None:
    """Return the header that a line is, or None if the file is a list.

    Raises `BadHeaderError` for a header that leaves open which columns are meant.
    """
    ways = []
    for delimiter in delimiters:
        try:
            cells = [cell.strip() for cell in _cells(text, delimiter)]
        except BadLineError:
            continue
        ways.append(cells)
        if places := _places(cells, columns.id, _ID_COLUMNS):
            return _header(delimiter, cells, places, columns.name)
    if columns.id is None and columns.name is None:
        return None
    most = max(ways, key=len, default=[text])
    if columns.id is not None:
        raise BadHeaderError(
            f"no column is called {quoted(columns.id)}; give --id-column one of {_listed(most)}"
        )
    raise BadHeaderError(
        "--name-column is for a table, and no header here is one for a column of ids; give "
        f"--id-column one of {_listed(most)}, or leave --name-column out"
    )


def _header(
    delimiter: str, cells: Sequence[str], id_places: Sequence[int], name: str | None
) -> _Header:
    times = Counter(cell.casefold() for cell in cells if cell)
    for cell in cells:
        if times[cell.casefold()] > 1:
            raise BadHeaderError(
                f"the header has the column {quoted(cell)} {times[cell.casefold()]} times; give "
                "each column a name of its own"
            )
    id_place = _one(id_places, cells, "--id-column")
    name_places = _places(cells, name, _NAME_COLUMNS)
    if name is not None and not name_places:
        raise BadHeaderError(
            f"no column is called {quoted(name)}; give --name-column one of {_listed(cells)}, or "
            "leave it out"
        )
    name_place = _one(name_places, cells, "--name-column") if name_places else None
    return _Header(delimiter, len(cells), id_place, cells[id_place], name_place)


def _places(cells: Sequence[str], wanted: str | None, known: frozenset[str]) -> list[int]:
    return [place for place, cell in enumerate(cells) if _is_meant(cell, wanted, known)]


def _one(places: Sequence[int], cells: Sequence[str], option: str) -> int:
    if len(places) > 1:
        raise BadHeaderError(
            f"the columns {_listed([cells[place] for place in places])} may all be meant; name "
            f"one with {option}"
        )
    return places[0]


def _is_meant(cell: str, wanted: str | None, known: frozenset[str]) -> bool:
    if wanted is not None:
        return cell.casefold() == wanted.strip().casefold()
    return re.sub(r"[\s_-]+", "", cell.casefold()) in known


def _listed(columns: Sequence[str]) -> str:
    named = [quoted(column) for column in columns if column]
    more = [f"{len(named) - _LISTED} more"] if len(named) > _LISTED else []
    return ", ".join([*named[:_LISTED], *more])


def _first_of_list(raw: bytes) -> tuple[str, str]:
    """Read the first line of a list. Raises `BadHeaderError` for what may be one of a table."""
    try:
        company_id, name = parse_line(raw)
    except SeparatorError as problem:
        raise BadHeaderError(
            f"{problem}; a table needs a header line that names the column of ids, such as "
            "id,name. If the column has another name, give it with --id-column"
        ) from None
    is_quoted = raw.lstrip().startswith(b'"')
    if not is_quoted and _is_meant(company_id, None, _ID_COLUMNS):
        raise BadHeaderError(
            f"{quoted(company_id)} is the header of a table, whose columns are separated by "
            "commas, semicolons or tabs; separate them so, or remove the line (if it is an id, "
            "write it in double quotes)"
        )
    if not is_quoted and _LIKE_A_HEADER.fullmatch(company_id):
        raise BadHeaderError(
            f"{quoted(company_id)} is most likely the header of a column; name it with "
            "--id-column, or remove the line (if it is an id, write it in double quotes)"
        )
    return company_id, name
