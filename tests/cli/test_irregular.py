"""Something else than a file in the place of a file of a run holds no command."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.said import in_this_process
from tests.store.made_runs import line, make_run

_READERS = [
    ("status", "r"),
    ("latest", "r"),
    ("diff", "r", "r"),
    ("export", "r", "--to", "o.csv"),
    ("report", "r", "--to", "o.html"),
]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


_KINDS: dict[str, Callable[[Path], object]] = {
    "a named pipe": os.mkfifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a directory": Path.mkdir,
}


def _put(name: str, kind: str) -> None:
    path = Path("r", name)
    path.unlink(missing_ok=True)
    _KINDS[kind](path)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a run in the current directory."""
    monkeypatch.chdir(tmp_path)
    return make_run(tmp_path / "r", [line("1", 1)], days=(1, 1), companies="12")


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("run.json", _READERS),
        ("run-companies.txt", _READERS[:1]),
        ("statistics.jsonl", _READERS),
        ("errors.jsonl", (_READERS[0], _READERS[4])),
        ("log.jsonl", _READERS[4:]),
    ],
)
def test_a_reading_command_refuses_it(
    run: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    readers: list[tuple[str, ...]],
    kind: str,
) -> None:
    """With 2 and in words; nothing is written."""
    _put(name, kind)
    text = "a directory" if kind == "a directory" else f"{name} is {kind}, not a file"
    for subcommand, *arguments in readers:
        said = in_this_process(subcommand, capsys)(*arguments)
        assert (said.exit_code, said.stdout) == (2, ""), subcommand
        assert f"{name}: " in said.stderr
        assert text in said.stderr
    assert [path.name for path in run.parent.iterdir()] == ["r"]


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("name", ["run.lock", "run-cluster.lock"])
def test_no_process_locks_it(
    run: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    """So a reading command does without it, and waits for nothing."""
    _put(name, kind)
    said = in_this_process("status", capsys)("r")
    assert (said.exit_code, said.stderr) == (0, "")
    assert run.is_dir()


@pytest.mark.parametrize(("subcommand", "code"), [("export", 1), ("report", 1), ("diff", 2)])
def test_names_that_are_not_in_a_file_are_not_waited_for(
    run: Path, capsys: pytest.CaptureFixture[str], subcommand: str, code: int
) -> None:
    """Export and report do without them, and say so."""
    _put("run-companies.txt", "a named pipe")
    arguments = {"diff": ("r", "r"), "export": ("r", "--to", "o.csv")}
    said = in_this_process(subcommand, capsys)(*arguments.get(subcommand, ("r", "--to", "o.html")))
    assert said.exit_code == code
    assert "run-companies.txt is a named pipe, not a file" in said.stderr
    assert run.is_dir()


@pytest.mark.parametrize("name", ["o.csv", "o.parquet", "o.duckdb", "o.html"])
def test_a_pipe_is_not_replaced(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """It belongs to another program: 5, and it stays."""
    os.mkfifo(name)
    subcommand = "report" if name == "o.html" else "export"
    said = in_this_process(subcommand, capsys)("r", "--to", name)
    assert (said.exit_code, said.stdout) == (5, "")
    assert (
        said.stderr == f"collector: {name}: cannot be written: {name} is a named pipe, not a file\n"
    )
    assert Path(name).is_fifo()
    assert run.is_dir()


@pytest.mark.parametrize("subcommand", ["latest", "export", "report", "diff", "status"])
def test_a_directory_that_cannot_be_looked_at_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    """Because its name is too long here; elsewhere because the user may not enter it."""
    name = str(tmp_path / ("x" * 300))
    more = {"export": ("--to", "o.csv"), "report": ("--to", "o.html"), "diff": (name,)}
    said = in_this_process(subcommand, capsys)(name, *more.get(subcommand, ()))
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith(f"collector: {name}")
    assert said.stderr.endswith("cannot be read: File name too long\n")


async def test_the_device_of_standard_output_is_not_replaced(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """It leads to a pipe without a name, of which no error should say that it does not exist."""
    make_run(command.directory / "r", [line("1", 1)])
    done = await command.run("export", "r", "--to", "/dev/stdout", "--format", "csv")
    assert (done.exit_code, done.stdout) == (5, "")
    said = "/dev/stdout: cannot be written: stdout is a named pipe, not a file\n"
    assert done.stderr == f"collector: {said}"


@pytest.mark.parametrize(
    ("name", "shard"),
    [
        *((name, "") for name in ("run.json", "statistics.jsonl", "errors.jsonl", "log.jsonl")),
        *((name, "") for name in ("run.lock", "run-cluster.lock", "run-companies.txt")),
        *((name, "0/2") for name in ("run.lock", "run-plan.lock", "run-00000-of-00002.lock")),
    ],
)
async def test_a_run_refuses_it(
    command: Any,  # noqa: ANN401 - see conftest
    name: str,
    shard: str,
) -> None:
    """With 2, in words, before anything is sent; it is neither removed nor replaced."""
    (command.directory / "r").mkdir()
    os.mkfifo(command.directory / "r" / name)
    command.write("companies.txt", "1\n2\n")
    options = ("--shard", shard) if shard else ()
    environment = {"TRUST_ACCESS_TOKEN": "fake", "COLLECTOR_BASE_URL": "http://127.0.0.1:1"}
    done = await command.with_environment(**environment).run(
        "run", "companies.txt", "--output", "r", "--trust-dates", "--last", "1d", *options
    )
    assert done.exit_code == 2, done.stderr
    assert f"{name} is a named pipe, not a file; remove it" in done.stderr
    assert (command.directory / "r" / name).is_fifo()


def test_options_are_read_from_a_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe of that name holds no command."""
    os.mkfifo("collector.toml")
    said = in_this_process("status", capsys)("r")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "collector.toml: is a named pipe, not a file" in said.stderr
    assert run.is_dir()


def test_a_device_is_no_list_of_companies(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may have no end."""
    said = in_this_process("plan", capsys)("/dev/zero", "--last", "1d")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == "collector: /dev/zero: is a device; give the path of a text file\n"
    assert run.is_dir()


async def test_companies_may_come_from_a_pipe(command: Any) -> None:  # noqa: ANN401
    """A named one, `<(...)` of a shell, and standard input by its path."""
    os.mkfifo(command.directory / "pipe")
    reading, writing = os.pipe()
    os.write(writing, b"1\n2\n")
    os.close(writing)
    try:
        done = await command.run("plan", "/dev/stdin", "--last", "1d", stdin=reading)
    finally:
        os.close(reading)
    assert (done.exit_code, done.stdout.splitlines()[0].split()) == (0, ["companies", "2"])
    process = await command.start("plan", "pipe", "--last", "1d")
    with (command.directory / "pipe").open("wb") as stream:
        stream.write(b"1\n2\n3\n")
    done = await command.finish(process)
    assert (done.exit_code, done.stdout.splitlines()[0].split()) == (0, ["companies", "3"])
