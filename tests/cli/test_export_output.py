"""`collector export` to standard output, in compressed files, and without packages it needs."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import zstandard

from collector.cli.main import main
from tests.cli.said import Cli, Said, in_this_process
from tests.cli.terminal import on_a_terminal
from tests.store.made_runs import line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]

_LINES = [line("2", 1, total=5, actions={"A": 1}), line("1", 2, total=6), line("1", 1, total=7)]
_IDS_AND_TOTALS = [("1", 7), ("1", 6), ("2", 5)]


@pytest.fixture
def export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """Give the command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("export", capsys)


def _of_csv(content: bytes) -> list[tuple[str, int]]:
    rows = csv.DictReader(io.StringIO(content.decode()))
    return [(row["company_id"], int(row["total"])) for row in rows]


def _of_json_lines(content: bytes) -> list[tuple[str, int]]:
    rows = map(json.loads, content.splitlines())
    return [(row["company_id"], row["total"]) for row in rows]


def _of_workbook(content: bytes) -> list[tuple[str, int]]:
    (sheet,) = openpyxl.load_workbook(io.BytesIO(content))
    return [(row[0], row[5]) for row in sheet.iter_rows(min_row=2, values_only=True)]


def _of_parquet(content: bytes) -> list[tuple[str, int]]:
    path = Path("read.parquet")
    path.write_bytes(content)
    with duckdb.connect() as connection:
        found = connection.execute("SELECT company_id, total FROM 'read.parquet'").fetchall()
    path.unlink()
    return found


def _unzstd(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(content).read()


_READERS: dict[str, Callable[[bytes], list[tuple[str, int]]]] = {
    "csv": _of_csv,
    "csv.gz": lambda content: _of_csv(gzip.decompress(content)),
    "csv.zst": lambda content: _of_csv(_unzstd(content)),
    "jsonl": _of_json_lines,
    "jsonl.gz": lambda content: _of_json_lines(gzip.decompress(content)),
    "jsonl.zst": lambda content: _of_json_lines(_unzstd(content)),
    "xlsx": _of_workbook,
    "parquet": _of_parquet,
}


@pytest.mark.parametrize("form", _READERS)
def test_a_file_and_standard_output_have_the_same(
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    """In every format; beside the rows nothing is printed, and nothing is left in a directory."""
    make_run(tmp_path / "a", _LINES)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    for arguments in (["--to", f"o.{form}"], ["--to", "-", "--format", form]):
        with pytest.raises(SystemExit) as ended:
            main(["export", "a", *arguments])
        assert ended.value.code == 0
    printed = capfdbinary.readouterr()
    said = f"3 rows of 11 columns are in o.{form}\n".encode()
    assert printed.out.startswith(said)
    assert printed.err == b""
    for content in ((tmp_path / f"o.{form}").read_bytes(), printed.out.removeprefix(said)):
        assert _READERS[form](content) == _IDS_AND_TOTALS
    assert {path.name for path in tmp_path.iterdir()} == {"a", "temporary", f"o.{form}"}
    assert not list(temporary.iterdir())


def test_standard_output_has_csv_unless_told_otherwise(export: Cli, tmp_path: Path) -> None:
    """Warnings are on standard error, and damage still gives 1."""
    make_run(tmp_path / "a", [*_LINES, b"\0\0\n"])
    said = export("a", "--to", "-")
    assert said.exit_code == 1
    assert _of_csv(said.stdout.encode()) == _IDS_AND_TOTALS
    assert "3 bytes are damaged" in said.stderr
    assert not (tmp_path / "-").exists()
    assert export("a", "--to", "-", "--delimiter", "tab").stdout.startswith("company_id\t")


def test_a_format_that_is_named_counts_for_a_file_too(export: Cli, tmp_path: Path) -> None:
    """Whatever its ending is."""
    make_run(tmp_path / "a", _LINES)
    assert export("a", "--to", "part-0001", "--format", "jsonl") == Said(
        0, "3 rows of 11 columns are in part-0001\n", ""
    )
    assert _of_json_lines((tmp_path / "part-0001").read_bytes()) == _IDS_AND_TOTALS


async def test_a_terminal_gets_text_only(command: Any) -> None:  # noqa: ANN401 - see conftest
    """A workbook on it would be noise, and could control it."""
    make_run(command.directory / "a", _LINES)
    shown = await on_a_terminal(command, "export", "a", "--to", "-", columns=300)
    assert "company_id,company_name" in shown


@pytest.mark.parametrize("form", ["xlsx", "parquet", "duckdb", "csv.gz", "jsonl.zst"])
def test_a_terminal_is_refused_what_is_no_text(
    export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """With 2 and what to do."""
    make_run(tmp_path / "a", _LINES)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    said = export("a", "--to", "-", "--format", form)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "standard output is a terminal, and this format is no text; write it to a file" in (
        said.stderr
    )


def test_no_part_is_printed_when_the_rest_cannot_be_written(
    export: Cli, tmp_path: Path, largest_file: LargestFile
) -> None:
    """The user is told which directory has no room."""
    made = (line(f"company {number * 7919}", 1, total=number**2) for number in range(3000))
    make_run(tmp_path / "a", made)
    with largest_file(5000):
        said = export("a", "--to", "-")
    assert (said.exit_code, said.stdout) == (5, "")
    text = "the temporary files cannot be written: File too large; check that there is room in "
    assert text in said.stderr


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("xlsxwriter", ["o.xlsx", "o.csv.zst", "o.csv", "o.parquet"]),
        ("zstandard", ["o.jsonl.zst", "o.xlsx", "o.jsonl.gz", "o.csv"]),
    ],
)
def test_a_missing_package_is_named_and_other_formats_work_without_it(
    export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, names: list[str]
) -> None:
    """With 2, before anything is written, and with the command that installs it."""
    make_run(tmp_path / "a", _LINES)
    monkeypatch.setitem(sys.modules, package, None)
    needing, *others = names
    said = export("a", "--to", needing)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith(
        f"collector: {package} is not installed, and this command needs it; install it with: "
    )
    assert f"'{package}>=" in said.stderr
    for other in others:
        assert export("a", "--to", other).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a", *others}
