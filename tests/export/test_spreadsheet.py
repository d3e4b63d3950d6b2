"""A spreadsheet program, LibreOffice, opens workbooks, and saves companies files."""

import csv
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import openpyxl
import pytest

from collector.export.columns import FIXED
from collector.export.workbook import write_workbook
from collector.plan.companies import read_companies

_PROGRAM: Final = shutil.which("soffice") or ""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _PROGRAM, reason="LibreOffice is not installed (soffice)"),
]

_CSV: Final = (
    "csv:Text - txt - csv (StarCalc):{delimiter},34,76,1,,0,false,true,false,false,false,{}"
)
"""UTF-8 (76), cells as they are shown, one sheet or all (-1)."""

_AT: Final = datetime(2026, 11, 23, 2, 0, 1, 234000)  # noqa: DTZ001 - as the columns have it

Convert = Callable[[Path, str], list[Path]]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Give a function that lets the program save a file in another format; with its own profile."""

    def run(path: Path, form: str) -> list[Path]:
        target = tmp_path / f"saved-{path.suffix[1:]}-{form.partition(':')[0]}"
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        subprocess.run(  # noqa: S603 - fixed words and paths of this test
            [_PROGRAM, profile, "--headless", "--convert-to", form, "--outdir", target, path],
            check=True,
            capture_output=True,
            timeout=90,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )
        return sorted(target.iterdir(), key=lambda saved: saved.stem)

    return run


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def _row(company: str, name: str | None, day: date, total: int | None) -> tuple[Any, ...]:
    usual: dict[str, Any] = {"company_id": company, "company_name": name, "fetched_at": _AT}
    usual |= {"from_date": day, "until_date": day, "total": total}
    return tuple({**dict.fromkeys(FIXED), **usual}.values())


def test_it_shows_what_was_exported(tmp_path: Path, convert: Convert) -> None:
    """Ids keep their zeros, days are days, no text is a formula, and all sheets are there."""
    path, scratch = tmp_path / "o.xlsx", tmp_path / "scratch"
    path.touch()
    scratch.mkdir()
    rows = [
        _row("007", "=1+1", date(2026, 1, 31), 5),
        _row("4892000001000000000", 'Ñandú; "Sur"', date(2026, 2, 1), None),
        _row("1E5", "@SUM(A1)", date(2026, 2, 2), 999_999_999_999_999),
    ]
    write_workbook(path, FIXED, rows, scratch=scratch, most_rows=2)
    first, second = map(_rows, convert(path, _CSV.format(-1, delimiter=44)))
    assert [row[0] for row in first] == [FIXED[0], "007", "4892000001000000000"]
    assert [row[1] for row in first] == [FIXED[1], "=1+1", 'Ñandú; "Sur"']
    assert [row[2] for row in first] == [FIXED[2], "2026-01-31", "2026-02-01"]
    total = list(FIXED).index("total")
    assert [row[total] for row in first] == ["total", "5", ""]
    assert first[0] == second[0]
    assert [second[1][place] for place in (0, 1, total)] == ["1E5", "@SUM(A1)", "9" * 15]


@pytest.mark.parametrize(("made", "delimiter"), [("ods", ";"), ("xlsx", ","), ("xlsx", "\t")])
def test_a_companies_file_that_it_saves_is_read(
    tmp_path: Path, convert: Convert, made: str, delimiter: str
) -> None:
    """Ids as text and as numbers, names with separators and quotes; a spreadsheet itself is not."""
    book = openpyxl.Workbook()
    assert book.active is not None
    names = ["Andes", 'Banco "del Sur"; S.A., Lima', "Ñandú", None]
    ids = ["007", 12, "-1", 4892000001]
    for row in (("company_id", "nombre"), *zip(ids, names, strict=True)):
        book.active.append(row)
    path = tmp_path / "companies.xlsx"
    book.save(path)
    if made == "ods":
        (path,) = convert(path, "ods")
    (saved,) = convert(path, _CSV.format(0, delimiter=ord(delimiter)))
    companies = read_companies(saved)
    assert companies.ids == ("007", "12", "-1", "4892000001")
    assert dict(companies.names) == {
        "007": "Andes",
        "12": 'Banco "del Sur"; S.A., Lima',
        "-1": "Ñandú",
    }


@pytest.mark.torture
def test_it_opens_a_full_sheet_and_the_next_one(tmp_path: Path, convert: Convert) -> None:
    """With 1,048,575 rows and a header, which is all that its sheets hold."""
    path, scratch = tmp_path / "o.xlsx", tmp_path / "scratch"
    path.touch()
    scratch.mkdir()
    rows = repeat(("7",), 1_048_577)
    write_workbook(path, ("company_id",), rows, scratch=scratch)
    first, second = convert(path, _CSV.format(-1, delimiter=44))
    assert first.read_bytes().count(b"\n") == 1_048_576
    assert second.read_bytes().count(b"\n") == 3
