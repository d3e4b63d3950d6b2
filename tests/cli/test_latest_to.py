"""`collector latest --to`: the file, its compression, and what is left if it is not written."""

import gzip
import io
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.cli.said import Cli, Said, in_this_process
from tests.store.made_runs import line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]

_LINES = [line("2", 1, total=5), line("1", 2, total=10**30), line("é", 1)]
_NEWEST = b"".join([_LINES[1], _LINES[0], _LINES[2]])


@pytest.fixture
def latest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """Give the command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("latest", capsys)


def _read(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        stream = io.BytesIO(path.read_bytes())
        return zstandard.ZstdDecompressor().stream_reader(stream).read()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst"])
def test_a_file_has_the_lines(latest: Cli, tmp_path: Path, name: str) -> None:
    """Byte for byte as they are printed, in place of an older file, and nothing else is there."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / name).write_bytes(b"older")
    assert latest("a", "--to", name) == Said(0, f"3 lines are in {name}\n", "")
    assert _read(tmp_path / name) == _NEWEST
    assert {path.name for path in tmp_path.iterdir()} == {"a", name}


def test_damage_gives_1_and_what_is_whole_is_in_the_file(latest: Cli, tmp_path: Path) -> None:
    """As on standard output."""
    make_run(tmp_path / "a", [_LINES[0], b"\0\0\n"])
    said = latest("a", "--to", "o.jsonl")
    assert (said.exit_code, said.stdout) == (1, "1 line is in o.jsonl\n")
    assert "3 bytes are damaged" in said.stderr
    assert (tmp_path / "o.jsonl").read_bytes() == _LINES[0]


def test_standard_output_has_a_name(latest: Cli, tmp_path: Path) -> None:
    """The one that it has everywhere."""
    make_run(tmp_path / "a", _LINES)
    assert latest("a", "--to", "-") == Said(0, _NEWEST.decode(), "")
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("name", ["o.csv", "o.parquet", "o.xlsx", "o.csv.gz", "o.json", "o"])
def test_other_formats_are_refused(latest: Cli, tmp_path: Path, name: str) -> None:
    """With 2, and the command that writes them is named."""
    make_run(tmp_path / "a", _LINES)
    said = latest("a", "--to", name)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == (
        f"collector: {name}: the lines are JSON; give --to a name that ends in .jsonl, .jsonl.gz "
        "or .jsonl.zst; collector export writes other formats\n"
    )
    assert not (tmp_path / name).exists()


def test_the_file_of_an_export_is_not_that_of_the_lines(
    latest: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that a variable or collector.toml has for other commands does not apply."""
    make_run(tmp_path / "a", _LINES)
    (tmp_path / "collector.toml").write_text('to = "statistics.parquet"\n')
    monkeypatch.setenv("COLLECTOR_TO", "statistics.jsonl")
    assert latest("a") == Said(0, _NEWEST.decode(), "")


def test_without_the_package_for_zstd_others_are_written(
    latest: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core install has gzip."""
    make_run(tmp_path / "a", _LINES)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    said = latest("a", "--to", "o.jsonl.zst")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith("collector: zstandard is not installed, and this command needs")
    assert latest("a", "--to", "o.jsonl.gz").exit_code == 0


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst"])
def test_a_full_disk_leaves_the_old_file(
    latest: Cli, tmp_path: Path, largest_file: LargestFile, name: str
) -> None:
    """And no draft."""
    made = [line(f"company {number * 7919}", 1, total=number**2) for number in range(300)]
    make_run(tmp_path / "a", made)
    (tmp_path / name).write_bytes(b"old")
    with largest_file(1000):
        said = latest("a", "--to", name)
    assert said == Said(5, "", f"collector: {name}: cannot be written: File too large\n")
    assert (tmp_path / name).read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"a", name}


_AT_POINT = """
import os, signal, sys
from collector.cli.main import main
from collector.store.fault_points import FaultPoint, arm

def reached(point, path):
    if point is FaultPoint.BEFORE_REPLACE:
        os.kill(os.getpid(), int(sys.argv[1]))

arm(reached)
main(sys.argv[2:])
"""


async def test_a_signal_leaves_the_old_file_and_no_draft(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """And the code says which signal it was."""
    make_run(command.directory / "a", _LINES)
    command.write("o.jsonl", "old")
    before = command.files()
    arguments = (str(int(signal.SIGTERM)), "latest", "a", "--to", "o.jsonl")
    done = await command.finish(await command.start(*arguments, code=_AT_POINT))
    assert (done.exit_code, done.stdout, done.stderr) == (143, "", "")
    assert command.files() == before
