"""Fields of answers that the API does not document, in a column of JSON that is asked for."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any, Final

import duckdb
import openpyxl
import pytest

from collector.export.columns import FIXED
from collector.export.export import Exported, export
from collector.export.formats import delimiter_of, format_of
from collector.store.recorded_run import find_runs
from tests.store.made_runs import ZEROS, line, make_run
from tests.tables.databases import empty_database

_ODD: Final = (
    '{"=1+1":1.50,"deep":{"total":[1, 2]},"large":123456789012345678901234567890,"é":"\\u009b\\n"}'
)
_COUNTS: Final = '"total":5,"sended":5,"pending":0,"fails":0,"campaign":1'
_OLDER: Final = "1 cell is from an older run: the newest run that planned it has no answer for it"
_ENDINGS: Final = ("csv", "excel.csv", "jsonl", "csv.gz", "xlsx", "parquet", "duckdb")


def _export(path: Path, *runs: Path, unknown_fields: bool = True) -> Exported:
    path.touch()
    form = format_of(path)
    comma = delimiter_of(form.target, None)
    with empty_database() as database:
        return export(
            *(database, find_runs(runs), path, form, comma), unknown_fields=unknown_fields
        )


def _read(path: Path) -> list[dict[str, Any]]:
    name = path.name
    if name.endswith(".xlsx"):
        header, *rows = openpyxl.load_workbook(path).worksheets[0].values
        return [dict(zip(map(str, header), row, strict=True)) for row in rows]
    if name.endswith((".csv", ".csv.gz")):
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8-sig")
        comma = ";" if "excel" in name else ","
        return list(csv.DictReader(text.splitlines(), delimiter=comma))
    if name.endswith(".jsonl"):
        return [json.loads(each) for each in path.read_text().splitlines()]
    with duckdb.connect() as connection:
        table = f"'{path}'"
        if name.endswith(".duckdb"):
            connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
            table = "other.statistics"
        found = connection.execute(f"FROM {table}")
        names = [name for name, *_ in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _with(unknown: str, actions: str = '{"RECEIVED":2}') -> bytes:
    return f'{{{_COUNTS},"actions":{actions},{unknown[1:-1]}}}'.encode()


@pytest.mark.parametrize("ending", _ENDINGS)
def test_the_last_column_has_the_fields_that_have_no_other(tmp_path: Path, ending: str) -> None:
    """Their values as they came, of the newest answer of each cell, in all formats."""
    old = make_run(tmp_path / "a", [line("1", 1, data=_with('{"old":1}')), line("2", 1)])
    new = make_run(tmp_path / "b", [line("1", 1, 9, data=_with(_ODD)), line("2", 2, total=1)])
    path = tmp_path / f"o.{ending}"
    assert _export(path, old, new) == Exported(3, len(FIXED) + 2, [_OLDER])
    rows = _read(path)
    assert [list(row)[-2:] for row in rows] == [["actions_RECEIVED", "unknown_fields"]] * 3
    found, *others = [row["unknown_fields"] for row in rows]
    assert not any(others)
    assert "1.50" in found
    assert "123456789012345678901234567890" in found
    assert json.loads(found) == json.loads(_ODD)
    assert found.isprintable()
    assert [int(row["total"]) for row in rows] == [5, 0, 1]


@pytest.mark.parametrize("ending", _ENDINGS)
def test_without_the_option_nothing_changes(tmp_path: Path, ending: str) -> None:
    """The same columns and the same values as of answers without these fields."""
    run = make_run(tmp_path / "a", [line("1", 1, data=_with(_ODD))])
    path = tmp_path / f"o.{ending}"
    assert _export(path, run, unknown_fields=False) == Exported(1, len(FIXED) + 1, [])
    (row,) = _read(path)
    assert "unknown_fields" not in row
    assert int(row["actions_RECEIVED"]) == 2


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_other_actions_are_where_they_were(tmp_path: Path, ending: str) -> None:
    """A column before it, or a sheet of a workbook."""
    actions = json.dumps({f"a{number:03}": number for number in range(201)})
    run = make_run(tmp_path / "a", [line("1", 1, data=_with('{"late":1}', actions))])
    path = tmp_path / f"o.{ending}"
    exported = _export(path, run)
    (row,) = _read(path)
    assert json.loads(row["unknown_fields"]) == {"late": 1}
    if ending == "xlsx":
        assert exported.columns == len(FIXED) + 201 == len(row)
        assert list(openpyxl.load_workbook(path)["other_actions"].values)[1][-2:] == ("a200", 200)
    else:
        assert exported.columns == len(FIXED) + 202 == len(row)
        assert list(row)[-2:] == ["other_actions", "unknown_fields"]
        assert json.loads(row["other_actions"]) == {"a200": 200}


def test_damaged_lines_and_large_answers(tmp_path: Path) -> None:
    """Damage is left out as ever; the longest line has its column, also if it is all quotes."""
    large = json.dumps({"late": '"' * 2_096_900})
    lines = [line("1", 1, data=_with(large)), b'{"company_id":\n', line("2", 1, data=b"{}")]
    run = make_run(tmp_path / "a", [*lines, line("é", 1, data=json.dumps(ZEROS).encode())])
    path = tmp_path / "o.parquet"
    exported = _export(path, run)
    assert (exported.rows, exported.is_incomplete) == (2, True)
    first, other = _read(path)
    assert json.loads(first["unknown_fields"]) == json.loads(large)
    assert other["unknown_fields"] is None
