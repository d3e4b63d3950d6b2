"""Text of exports: JSON Lines, and what gzip and zstd make of text, read by others."""

import csv
import gzip
import json
from pathlib import Path

import pytest
import zstandard

from collector.export.export import export
from collector.export.formats import delimiter_of, format_of
from collector.store.recorded_run import find_runs
from tests.export.odd_run import AT, COLUMNS, LARGEST, make_odd_run, odd_rows
from tests.store.made_runs import line, make_run
from tests.tables.databases import empty_database


def _export(path: Path, run: Path) -> None:
    form = format_of(path)
    path.touch()
    with empty_database() as database:
        export(database, find_runs([run]), path, form, delimiter_of(form.target, None))


def _text(path: Path) -> str:
    """Read a file as programs of its kind do."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix == ".zst":
        with path.open("rb") as stream, zstandard.open(stream, "rb") as plain:
            return bytes(plain.read()).decode()
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst"])
def test_a_json_line_is_a_flat_object_with_every_column(tmp_path: Path, name: str) -> None:
    """Texts are untouched, counts are whole numbers, and what is not there is null."""
    path = tmp_path / name
    _export(path, make_odd_run(tmp_path / "run"))
    rows = [json.loads(text) for text in _text(path).splitlines()]
    expected = [
        [str(value) if isinstance(value, type(row[2])) and value else value for value in row]
        for row in ([*row[:4], "2026-11-23T02:00:01.250Z", *row[5:]] for row in odd_rows())
    ]
    assert [list(row) for row in rows] == [COLUMNS] * len(expected)
    assert [list(row.values()) for row in rows] == expected
    assert all(type(row["total"]) is int for row in rows)
    assert rows[0]["actions_late"] is None


def test_a_json_line_cannot_control_a_terminal(tmp_path: Path) -> None:
    """JSON has an escape for every character, and readers see the same text."""
    made = [line("1", 1, actions={f"n{number:03}\u009b": number for number in range(201)})]
    path = tmp_path / "o.jsonl"
    _export(path, make_run(tmp_path / "run", made))
    text = path.read_text(encoding="utf-8")
    assert text.rstrip("\n").isprintable()
    assert json.loads(json.loads(text)["other_actions"]) == {"n200\u009b": 200}


@pytest.mark.parametrize("ending", [".csv", ".excel.csv", ".jsonl"])
def test_compressed_text_is_the_same_text(tmp_path: Path, ending: str) -> None:
    """Byte for byte, also when it is made twice: no time and no name is in it."""
    run = make_odd_run(tmp_path / "run")
    _export(tmp_path / f"o{ending}", run)
    plain = (tmp_path / f"o{ending}").read_bytes()
    for compression, magic in ((".gz", b"\x1f\x8b"), (".zst", b"\x28\xb5\x2f\xfd")):
        path = tmp_path / f"o{ending}{compression}"
        _export(path, run)
        assert path.read_bytes().startswith(magic)
        assert path.stat().st_size < len(plain)
        assert _text(path).encode() == plain
        _export(tmp_path / f"other{ending}{compression}", run)
        assert (tmp_path / f"other{ending}{compression}").read_bytes() == path.read_bytes()


def test_a_reader_of_compressed_csv_finds_the_columns(tmp_path: Path) -> None:
    """As its module for CSV reads it from gzip, without a file between them."""
    path = tmp_path / "o.csv.gz"
    _export(path, make_odd_run(tmp_path / "run"))
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    assert [int(row["total"]) for row in rows] == [row[5] for row in odd_rows()]
    assert LARGEST in {int(row["total"]) for row in rows}
    assert rows[0]["fetched_at"] == AT.strftime("%Y-%m-%dT%H:%M:%S.250Z")
    assert rows[0]["actions_late"] == ""
