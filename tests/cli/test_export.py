"""`collector export`: what it leaves behind, what it says, and how it ends."""

import csv
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.settings import RunSettings
from collector.store.manifest import DatesRecord, Manifest
from tests.cli.said import Cli, Said, in_this_process
from tests.conftest import Finished
from tests.store.made_runs import line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]

_LINES = [line("2", 1, total=5, actions={"A": 1}), line("1", 2, total=6), line("1", 1, total=7)]


@pytest.fixture
def export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """Give the command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("export", capsys)


def _totals(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        comma = ";" if path.name.endswith(".excel.csv") else ","
        return [row["total"] for row in csv.DictReader(stream, delimiter=comma)]


@pytest.mark.parametrize("name", ["o.csv", "o.excel.csv", "o.PARQUET", "o.duckdb"])
def test_it_writes_the_newest_answers(export: Cli, tmp_path: Path, name: str) -> None:
    """Into one file, over an older one, and nothing else is there afterwards."""
    make_run(tmp_path / "old", _LINES)
    make_run(tmp_path / "-new", [line("2", 1, 9, total=8)], companies=["2"], days=(1, 1))
    (tmp_path / name).write_bytes(b"older")
    (tmp_path / name).chmod(0o640)
    said = export("old", "-new", "--to", name)
    assert said == Said(0, f"3 rows of 10 columns are in {name}\n", "")
    if name.endswith("csv"):
        assert _totals(tmp_path / name) == ["7", "6", "8"]
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"old", "-new", name}


def test_a_run_counts_once_where_it_is_named_last(export: Cli, tmp_path: Path) -> None:
    """Under whatever name; of a tie the run that is named later stays."""
    make_run(tmp_path / "a", [line("1", 1, total=1)])
    make_run(tmp_path / "b", [line("1", 1, total=2)])
    for runs, total in [(("a", "b"), "2"), (("a", "b", "./a"), "1"), (("b", "a", "a/../b"), "2")]:
        assert export(*runs, "--to", "o.csv").stdout == "1 row of 10 columns is in o.csv\n"
        assert _totals(tmp_path / "o.csv") == [total]


def test_what_is_odd_is_a_warning_and_damage_gives_1(export: Cli, tmp_path: Path) -> None:
    """On standard error; what is whole is in the file."""
    make_run(tmp_path / "a", [*_LINES, b"\0\0\n"])
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "run.lock").touch()
    said = export("dead", "a", "--to", "o.csv")
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        "collector: warning: dead: a run was killed before its first cell; left out",
        "collector: warning: a/statistics.jsonl: 3 bytes are damaged, and were left out",
    ]


def test_names_that_cannot_be_read_give_1(export: Cli, tmp_path: Path) -> None:
    """The column of names is there, and empty."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / "a" / "run-companies.txt").unlink()
    said = export("a", "--to", "o.csv")
    assert (said.exit_code, _totals(tmp_path / "o.csv")) == (1, ["7", "6", "5"])
    assert said.stderr.endswith("the names in it are not known\n")


def test_a_value_that_no_column_can_hold_is_a_warning_and_1(export: Cli, tmp_path: Path) -> None:
    """The cell and the value are named, and all else is in the file; not once a newer answer is."""
    make_run(tmp_path / "a", [*_LINES, line("7", 1, total=10**38, fails=4)])
    said = export("a", "--to", "o.csv")
    assert said == Said(
        1,
        "4 rows of 11 columns are in o.csv\n",
        'collector: warning: a: company "7", 2026-11-01: too large for a 64-bit '
        'integer, and left out: "total"; collector latest shows the values\n',
    )
    assert _totals(tmp_path / "o.csv") == ["7", "6", "5", ""]
    make_run(tmp_path / "b", [line("7", 1, 60, total=10, fails=4)], companies=["7"])
    said = export("a", "b", "--to", "o.csv")
    assert (said.exit_code, said.stderr) == (0, "")
    assert _totals(tmp_path / "o.csv") == ["7", "6", "5", "10"]


def test_what_is_no_answer_of_one_service_is_refused(export: Cli, tmp_path: Path) -> None:
    """With 2, and the old file is as it was."""
    make_run(tmp_path / "a", _LINES)
    make_run(tmp_path / "b", _LINES, settings=RunSettings(base_url="https://other.example"))
    spoilt = make_run(tmp_path / "c", _LINES)
    manifest = Manifest.read(spoilt / "run.json")
    assert manifest is not None
    manifest.dates = DatesRecord(verdict="ignored", until="inconclusive", until_exclusive=False)
    manifest.write(spoilt / "run.json")
    (tmp_path / "o.csv").write_bytes(b"old")
    for arguments, text in [
        (("a",), "parameter --to requires an argument"),
        (("--to", "o.csv"), "RUN-DIR"),
        (("a", "--to", ""), "an empty name is no directory"),
        (("", "--to", "o.csv"), "an empty name is no directory"),
        (("a", "nowhere", "--to", "o.csv"), "nowhere: there is no such directory"),
        (("a", "b", "--to", "o.csv"), "a and b: their answers are of different services"),
        (("a", "c", "--to", "o.csv"), "c: its answers are of other days than its lines say"),
        (("a", "--to", "o.xls"), "o.xls: the ending of --to names no known format; give one of"),
        (("a", "--to", "o.xlsx.gz"), "o.xlsx.gz: the ending of --to names no known format; give"),
        (("a", "--to", "-", "--format", "x"), '--format: "x" is not a format that can be'),
        (("a", "--to", "o.parquet", "--delimiter", "semicolon"), "--delimiter is for CSV"),
        (("a", "--to", "o.csv", "--delimiter", "x"), "--delimiter"),
        (("a", "--to", "\udcff.parquet"), "<U+DCFF>.parquet: DuckDB writes no path that is not"),
    ]:
        said = export(*arguments)
        assert (said.exit_code, said.stdout) == (2, ""), arguments
        assert text.lower() in said.stderr.replace("_", "-").lower()
        assert "Traceback" not in said.stderr
    assert {path.name for path in tmp_path.iterdir()} == {*"abc", "o.csv"}
    assert (tmp_path / "o.csv").read_bytes() == b"old"


def test_where_nothing_can_be_written_it_ends_with_5(export: Cli, tmp_path: Path) -> None:
    """The message names the file and the reason."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / "o.csv").mkdir()
    (tmp_path / "o.duckdb").mkdir()
    missing = "; create the directory nowhere, or give another path"
    for name, text in [
        ("nowhere/o.csv", f"No such file or directory{missing}"),
        ("nowhere/o.parquet", f"No such file or directory{missing}"),
        ("o.csv", "Is a directory"),
        ("o.duckdb", "Is a directory"),
        ("a/run.json/o.csv", "Not a directory"),
        ("/proc/o.csv", "No such file or directory"),
    ]:
        said = export("a", "--to", name)
        assert said == Said(5, "", f"collector: {name}: cannot be written: {text}\n")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "o.csv", "o.duckdb"}


@pytest.mark.parametrize(
    "name",
    [
        *("o.csv", "o.excel.csv", "o.csv.gz", "o.csv.zst", "o.jsonl", "o.jsonl.gz", "o.jsonl.zst"),
        *("o.xlsx", "o.parquet", "o.duckdb"),
    ],
)
def test_a_full_disk_leaves_the_old_file(
    export: Cli, tmp_path: Path, largest_file: LargestFile, name: str
) -> None:
    """And no draft, which would keep the room that is missing."""
    made = (line(f"company {number * 7919}", 1, total=number**2) for number in range(1000))
    make_run(tmp_path / "a", made)
    (tmp_path / name).write_bytes(b"old")
    with largest_file(2000):
        said = export("a", "--to", name)
    assert (said.exit_code, said.stdout) == (5, "")
    assert "File too large" in said.stderr
    assert (tmp_path / name).read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", name}


@pytest.mark.parametrize(
    "name",
    [
        *("it's *?", "[x]{a,b}", "ñ\n"),
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("o", "a$HOME%20;--", "http:", "-x")),
    ],
)
def test_names_of_files_are_no_patterns(export: Cli, tmp_path: Path, name: str) -> None:
    """Neither for runs nor for the file, whatever is in them."""
    make_run(tmp_path / name, _LINES)
    for ending in (".parquet", ".duckdb", ".csv"):
        assert export(name, f"--to=./{name}{ending}").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        *(name + ending for ending in ("", ".parquet", ".duckdb", ".csv"))
    }
    with duckdb.connect() as connection:
        path = str(tmp_path / f"{name}.parquet").replace("[", "[[]").replace("*", "[*]")
        if "?" not in name and "{" not in name:
            assert connection.execute("SELECT total FROM read_parquet(?)", [path]).fetchall() == [
                (7,),
                (6,),
                (5,),
            ]


def test_names_that_are_no_utf8(export: Cli, tmp_path: Path) -> None:
    """Runs may have them, and CSV files."""
    odd = os.fsdecode(b"\xff")
    make_run(tmp_path / odd, _LINES)
    assert export(odd, "--to", f"{odd}.csv").exit_code == 0
    assert export(odd, "--to", "o.parquet").exit_code == 0
    assert _totals(tmp_path / f"{odd}.csv") == ["7", "6", "5"]


def test_the_file_can_come_from_the_environment(
    export: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every option; a flag beats it."""
    make_run(tmp_path / "a", _LINES)
    monkeypatch.setenv("COLLECTOR_TO", "env.csv")
    monkeypatch.setenv("COLLECTOR_DELIMITER", "semicolon")
    assert export("a").exit_code == 0
    assert (tmp_path / "env.csv").read_text().startswith("company_id;company_name;")
    assert export("a", "--to", "o.csv", "--delimiter", "tab").exit_code == 0
    assert (tmp_path / "o.csv").read_text().startswith("company_id\tcompany_name\t")


def test_a_link_is_written_through(export: Cli, tmp_path: Path) -> None:
    """The link stays."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / "there").mkdir()
    (tmp_path / "o.duckdb").symlink_to("there/real.duckdb")
    assert export("a", "--to", "o.duckdb").exit_code == 0
    assert (tmp_path / "o.duckdb").is_symlink()
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["real.duckdb"]


_WITHOUT = "raise ModuleNotFoundError(\"No module named 'duckdb'\", name='duckdb')\n"


async def test_without_the_extra_it_says_how_to_get_it(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """With 2; what needs no database works without it, the help of this command included."""
    make_run(command.directory / "a", _LINES)
    (command.directory / "without").mkdir()
    command.write("without/duckdb.py", _WITHOUT)
    path = os.pathsep.join([str(command.directory / "without"), str(Path.cwd())])
    without = command.with_environment(PYTHONPATH=path)
    done = await without.run("export", "a", "--to", "o.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "collector: duckdb is not installed, and this command needs it; install it with: "
        f"{sys.executable} -m pip install 'duckdb>=2.0' 'xlsxwriter>=3.2' 'zstandard>=0.23'\n"
    )
    for arguments in (("export", "--help"), ("--help",), ("latest", "a")):
        assert (await without.run(*arguments)).exit_code == 0
    assert not (command.directory / "o.csv").exists()


async def test_it_needs_no_home(command: Any) -> None:  # noqa: ANN401
    """DuckDB would look there for extensions and settings."""
    make_run(command.directory / "a", _LINES)
    done = await command.with_environment(HOME="/nonexistent").run(
        "export", "a", "--to", "o.parquet"
    )
    assert (done.exit_code, done.stderr) == (0, "")


_AT_POINT = """
import os, signal, sys, time
from collector.cli.main import main
from collector.store.fault_points import FaultPoint, arm

def reached(point, path):
    if point is FaultPoint.BEFORE_REPLACE:
        os.kill(os.getpid(), int(sys.argv[1]))

arm(reached)
signal.signal(signal.SIGINT, signal.default_int_handler)
main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("o.csv", "o.parquet")),
        "o.duckdb",
    ],
)
async def test_a_killed_export_leaves_the_old_file(
    command: Any,  # noqa: ANN401
    name: str,
) -> None:
    """Whole, whenever it is killed; here at the last moment. The next export is none the worse."""
    make_run(command.directory / "a", _LINES)
    command.write(name, "old")
    assert await _signalled(command, signal.SIGKILL, name) == -signal.SIGKILL
    assert (command.directory / name).read_text() == "old"
    done = await command.run("export", "a", "--to", name)
    assert done.exit_code == 0
    assert (command.directory / name).read_bytes() != b"old"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
async def test_an_interrupted_export_leaves_nothing_but_the_old_file(
    command: Any,  # noqa: ANN401
    number: int,
    code: int,
) -> None:
    """No draft and no temporary files, and the code says who ended it."""
    make_run(command.directory / "a", _LINES)
    temporary = command.directory / "temporary"
    temporary.mkdir()
    command.write("o.duckdb", "old")
    before = command.files()
    assert await _signalled(command, number, "o.duckdb", TMPDIR=str(temporary)) == code
    assert command.files() == before
    assert (command.directory / "o.duckdb").read_text() == "old"


@pytest.mark.parametrize("name", ["o.csv", "o.duckdb", "o.parquet"])
def test_a_link_to_itself_cannot_be_written(tmp_path: Path, name: str, export: Cli) -> None:
    """With 5, and it stays."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / name).symlink_to(name)
    said = export("a", "--to", name)
    assert said.exit_code == 5
    assert said.stderr.endswith("cannot be written: Too many levels of symbolic links\n")
    assert (tmp_path / name).is_symlink()


async def _signalled(command: Any, number: int, name: str, **variables: str) -> int:  # noqa: ANN401
    """Export into a file; the process gets a signal before the file is replaced."""
    process = await command.with_environment(**variables).start(
        *(str(int(number)), "export", "a", "--to", name), code=_AT_POINT
    )
    done: Finished = await command.finish(process)
    assert done.stderr == ""
    return done.exit_code
