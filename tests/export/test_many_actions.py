"""Answers with more actions than can have a column each: the server names them."""

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.export.columns import FIXED
from collector.export.export import Exported, export
from collector.export.formats import delimiter_of, format_of
from collector.store.recorded_run import find_runs
from tests.store.made_runs import line, make_run
from tests.tables.databases import empty_database

_MANY = {f"name {number:05}": number for number in range(60_000)}
_USUAL = {"RECEIVED": 3, "name 59999": 4}


def _export(path: Path, *runs: Path) -> Exported:
    path.touch()
    form = format_of(path)
    with empty_database() as database:
        return export(database, find_runs(runs), path, form, delimiter_of(form.target, None))


def _read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        csv.field_size_limit(10_000_000)
        with path.open(encoding="utf-8-sig", newline="") as stream:
            comma = ";" if ".excel" in path.name else ","
            return list(csv.DictReader(stream, delimiter=comma))
    with duckdb.connect() as connection:
        table = f"'{path}'"
        if path.suffix == ".duckdb":
            connection.execute(f"ATTACH '{path}' AS other (READ_ONLY)")
            table = "other.statistics"
        found = connection.execute(f"FROM {table}")
        names = [name for name, *_ in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("name", ["o.csv", "o.excel.csv", "o.parquet", "o.duckdb"])
def test_the_most_frequent_have_columns_and_the_others_are_json(tmp_path: Path, name: str) -> None:
    """Each count of the run is in the file, and the user is told how many have no column."""
    made = [line("1", 1, actions=_MANY), *(line("2", day, actions=_USUAL) for day in (1, 2))]
    path = tmp_path / name
    exported = _export(path, make_run(tmp_path / "run", made))
    remark = (
        "the answers have 60,001 different actions, more than 200: only the 200 that are in the "
        "most answers are told apart; 59,801 others are together in the column other_actions, as "
        "JSON"
    )
    assert exported == Exported(3, len(FIXED) + 201, [remark])
    first, *others = _read(path)
    columns = [f"name {number:05}" for number in range(198)]
    assert list(first)[len(FIXED) :] == [
        *("actions_RECEIVED", *(f"actions_{column}" for column in columns)),
        *("actions_name 59999", "other_actions"),
    ]
    rest = json.loads(first["other_actions"])
    told = {column: int(first[f"actions_{column}"]) for column in (*columns, "name 59999")}
    assert {**told, **rest} == _MANY
    assert not first["actions_RECEIVED"]
    for other in others:
        assert (int(other["actions_RECEIVED"]), int(other["actions_name 59999"])) == (3, 4)
        assert not other["other_actions"]


@pytest.mark.parametrize("count", [200, 201])
def test_up_to_200_have_columns(tmp_path: Path, count: int) -> None:
    """Over all lines of several runs, in the newest answers; older ones do not count."""
    old = make_run(tmp_path / "a", [line("1", 1, actions=_MANY), line("9", 1, actions=_USUAL)])
    newer = [line(str(number), 1, 9, actions={f"a{number}": number}) for number in range(count)]
    exported = _export(tmp_path / "o.csv", old, make_run(tmp_path / "b", newer))
    assert exported.columns == len(FIXED) + count
    assert (exported.remarks == []) is (count == 200)


def test_documented_actions_have_a_column_however_rare_they_are(tmp_path: Path) -> None:
    """The others are chosen by the number of answers, and of a tie by their bytes."""
    usual = {f"A{number:03}": 1 for number in range(300)}
    made = [
        *(line("1", day, actions=usual) for day in (1, 2)),
        line("2", 1, actions={"RECEIVED": 1, "UNKNOWN": 2, "CLOSED": 3, "PRESS_ACTION": 4}),
    ]
    _export(tmp_path / "o.csv", make_run(tmp_path / "run", made))
    *columns, last = list(_read(tmp_path / "o.csv")[0])[len(FIXED) :]
    documented = ("CLOSED", "PRESS_ACTION", "RECEIVED", "UNKNOWN")
    named = [f"A{number:03}" for number in range(196)]
    assert columns == [f"actions_{name}" for name in (*named, *documented)]
    assert last == "other_actions"


def test_others_are_numbers_whatever_is_wrong_with_the_file(tmp_path: Path) -> None:
    """A file with damage is read otherwise; a count that does not fit is null."""
    many = {f"n{number:03}": 2**63 - number for number in range(201)}
    made = [b"{}\n", line("1", 1, actions={**many, "x\x1b\u0085": 5, "y\n": 2**63 - 1})]
    path = tmp_path / "o.csv"
    _export(path, make_run(tmp_path / "run", made))
    (row,) = _read(path)
    assert not row["actions_n000"]
    assert json.loads(row["other_actions"]) == {
        "n200": 2**63 - 200,
        "x\x1b\u0085": 5,
        "y\n": 2**63 - 1,
    }
    assert row["other_actions"].isprintable()
