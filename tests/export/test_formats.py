"""What is in the files, cell by cell, read by others than who wrote them."""

import csv
import os
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.export.export import Exported, export
from collector.export.formats import Format, Target, delimiter_of, format_of
from collector.store.recorded_run import find_runs
from collector.tables.engine import Database
from tests.export.odd_run import AT, COLUMNS, IDS, LARGEST, make_odd_run, odd_rows
from tests.store.made_runs import line, make_run
from tests.tables.databases import empty_database


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Give a run with odd companies and actions."""
    return make_odd_run(tmp_path / "run")


def _export(path: Path, *runs: Path, delimiter: str | None = None) -> Exported:
    form = format_of(path)
    path.touch()
    with empty_database() as database:
        comma = delimiter_of(form.target, delimiter)
        return export(database, find_runs(runs), path, form, comma)


@pytest.mark.parametrize("name", ["o.parquet", "o.duckdb"])
def test_tables_have_types_and_each_value(run: Path, tmp_path: Path, name: str) -> None:
    """Days are days, moments know their zone, counts are whole; what is not there is null."""
    path = tmp_path / name
    exported = _export(path, run)
    assert (exported.rows, exported.columns) == (len(IDS) * 3, len(COLUMNS))
    # It has the server's default window beside days.
    (overlap,) = exported.remarks
    assert overlap.startswith("windows overlap, such as server default and 2026-11-03")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/Lima'")
        table = f"'{path}'"
        if name.endswith("duckdb"):
            connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
            assert connection.execute("SHOW TABLES FROM other").fetchall() == [("statistics",)]
            table = "other.statistics"
        types = connection.execute(f"DESCRIBE FROM {table}").fetchall()
        got = connection.execute(f"FROM {table}").fetchall()
    assert got == odd_rows()
    assert [column for column, *_ in types] == COLUMNS
    assert [kind for _, kind, *_ in types] == [
        *("VARCHAR", "VARCHAR", "DATE", "DATE", "TIMESTAMP WITH TIME ZONE"),
        *["BIGINT"] * (len(COLUMNS) - 5),
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    return "2026-11-23T02:00:01.250Z" if value is AT else str(value)


_SAFE = {"@x": "'@x", "=cmd()": "'=cmd()"}
_EXCEL = {
    **_SAFE,
    **{text: f"'{text}" for text in ("007", "1e5", "2024-01", "𝄞", "'", "true", "00", "+5", " 1")},
    "<script>alert(1)</script>": "'<script>alert(1)</script>",
}


@pytest.mark.parametrize(
    ("name", "delimiter", "changed"),
    [
        ("o.csv", "comma", _SAFE),
        ("o.csv", "tab", _SAFE),
        ("o.excel.csv", "semicolon", {**_EXCEL, "𝄞": "'𝄞"}),
    ],
)
def test_csv_has_each_value_as_a_text(
    run: Path, tmp_path: Path, name: str, delimiter: str, changed: dict[str, str]
) -> None:
    """As the lines spell it, and quoted as RFC 4180 has it; only untrusted texts are made safe."""
    path = tmp_path / name
    _export(path, run, delimiter=delimiter)
    encoding = "utf-8-sig" if name.endswith(".excel.csv") else "utf-8"
    with path.open(encoding=encoding, newline="") as stream:
        comma = {"comma": ",", "semicolon": ";", "tab": "\t"}[delimiter]
        header, *rows = csv.reader(stream, delimiter=comma, strict=True)
    assert header == COLUMNS
    expected = [
        [changed.get(str(value), _text(value)) for value in row[:2]] + list(map(_text, row[2:]))
        for row in odd_rows()
    ]
    assert rows == expected


def test_excel_knows_the_encoding_by_a_mark(run: Path, tmp_path: Path) -> None:
    """And lines end as its own do; plain CSV has neither."""
    for name, mark, end in [("o.excel.csv", b"\xef\xbb\xbf", b"\r\n"), ("o.csv", b"", b"\n")]:
        _export(tmp_path / name, run)
        text = (tmp_path / name).read_bytes()
        assert text.startswith(mark + b"company_id")
        assert text.endswith(end)
        assert text.count(b"\xef\xbb\xbf") == len(mark) // 3


@pytest.mark.parametrize("name", ["o.csv", "o.excel.csv", "o.parquet", "o.duckdb"])
def test_a_count_that_does_not_fit_is_empty(tmp_path: Path, name: str) -> None:
    """Its column keeps its type, and has all other values."""
    made = [
        line("1", 1, total=10**38, sended=1, actions={"A": 1}),
        line("2", 1, total=LARGEST, actions={"A": LARGEST + 1}),
    ]
    path = tmp_path / name
    exported = _export(path, make_run(tmp_path / "run", made))
    assert (exported.rows, exported.columns, exported.is_incomplete) == (2, 11, True)
    assert len(exported.remarks) == 2
    columns = "total, sended, actions_A"
    if name.endswith("csv"):
        comma = ";" if ".excel" in name else ","
        with path.open(newline="") as stream:
            rows = [
                [row[column] for column in columns.split(", ")]
                for row in csv.DictReader(stream, delimiter=comma)
            ]
        assert rows == [["", "1", "1"], [str(LARGEST), "0", ""]]
        return
    with duckdb.connect() as connection:
        if name.endswith("duckdb"):
            connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
        table = "other.statistics" if name.endswith("duckdb") else f"'{path}'"
        found = connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - our own names
        assert [str(kind) for _, kind, *_ in found.description] == ["BIGINT"] * 3
        assert found.fetchall() == [(None, 1, 1), (LARGEST, 0, None)]


@pytest.mark.parametrize("name", ["o.csv", "o.excel.csv", "o.parquet", "o.duckdb"])
def test_runs_without_answers_give_a_table_without_rows(tmp_path: Path, name: str) -> None:
    """With the columns that every table has, so that readers find them."""
    run = make_run(tmp_path / "run")
    assert _export(tmp_path / name, run) == Exported(0, 10, [])
    assert (tmp_path / name).stat().st_size


def test_several_runs_are_one_table(tmp_path: Path) -> None:
    """The newest answer of each cell, the newest name, and every action of the newest answers."""
    old = make_run(
        tmp_path / "a",
        [line("1", 1, total=1, actions={"gone": 1}), line("2", 1, total=2, actions={"B": 2})],
        names={"1": "old", "2": "two"},
    )
    new = make_run(tmp_path / "b", [line("1", 1, 9, total=3, actions={"A": 3})], names={"1": "new"})
    path = tmp_path / "o.csv"
    for runs in ((old, new), (new, old)):
        assert _export(path, *runs).rows == 2
        with path.open(newline="") as stream:
            one, two = csv.DictReader(stream)
        assert list(one)[10:] == ["actions_A", "actions_B"]
        assert (one["total"], one["actions_A"], one["actions_B"]) == ("3", "3", "")
        assert (two["total"], two["company_name"]) == ("2", "two")
        assert one["company_name"] == ("new" if runs[1] is new else "old")


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    """Damage, a list of companies that cannot be read, windows with days in common."""
    longer = line("1", 1).replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-03"')
    run = make_run(tmp_path / "run", [b"\0\n", longer, line("1", 2)])
    (run / "run-companies.txt").write_bytes(b"\xff\n")
    damage, names, overlap = _export(tmp_path / "o.csv", run).remarks
    assert damage == f"{run}/statistics.jsonl: 2 bytes are damaged, and were left out"
    assert names.endswith("the names in it are not known")
    assert overlap.startswith("windows overlap, such as 2026-11-01..2026-11-03 and 2026-11-02")


class _Watched:
    """A connection; after each statement the modes of files of a name are noted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.modes: set[int] = set()

    def execute(self, statement: str, *parameters: Any) -> Any:  # noqa: ANN401 - as DuckDB has it
        result = self._connection.execute(statement, *parameters)
        files = self._path.parent.glob(f"{self._path.name}*")
        self.modes |= {stat.S_IMODE(path.stat().st_mode) for path in files}
        return result


@pytest.mark.parametrize("target", Target)
def test_no_other_user_reads_the_draft(tmp_path: Path, target: Target) -> None:
    """While it is written, too; and when it is, it is complete, with no log beside it."""
    run = make_run(tmp_path / "run", [line("1", 1)])
    path = tmp_path / f"o{target.value}"
    path.touch()
    path.chmod(0o640)
    before = os.umask(0)
    try:
        with empty_database() as database:
            watched: Any = _Watched(database.connection, path)
            export(Database(watched, database.scratch), find_runs([run]), path, Format(target), ",")
            assert {entry.name for entry in tmp_path.iterdir()} == {"run", path.name}
            assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert watched.modes <= {0o640, 0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
