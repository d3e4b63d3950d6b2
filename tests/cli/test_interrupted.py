"""A command that is interrupted does not look like one that has done its work."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.store.made_runs import line, make_run

_MANY = 200_000


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run that takes a while to read."""
    return make_run(tmp_path_factory.mktemp("runs") / "large", [line("1", 1)] * _MANY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("latest", "RUN"),
        ("diff", "RUN", "RUN"),
        ("diff", "RUN", "RUN", "--json"),
        ("status", "RUN", "--fail-on", "missing,failed"),
    ],
)
async def test_while_it_reads_a_run(
    command: Any,  # noqa: ANN401 - see conftest
    large_run: Path,
    arguments: tuple[str, ...],
) -> None:
    """Exit code 130, and nothing that could be taken for a result."""
    words = [str(large_run) if word == "RUN" else word for word in arguments]
    process = await command.without_debugging().start(*words)
    await _until_it_has_open(process.pid, large_run / "statistics.jsonl")
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    assert (done.exit_code, done.stdout) == (130, "")


@pytest.mark.parametrize("subcommand", ["run", "plan", "check"])
async def test_while_it_reads_the_companies(
    command: Any,  # noqa: ANN401 - see conftest
    subcommand: str,
) -> None:
    """Also before anything has begun: a pipe that says nothing more is waited for."""
    with_token = command.with_environment(TRUST_ACCESS_TOKEN="fake")  # noqa: S106 - fake
    options = () if subcommand == "check" else ("--last", "1d")
    reading, writing = os.pipe()
    process = await with_token.without_debugging().start(subcommand, "-", *options, stdin=reading)
    os.close(reading)
    os.write(writing, b"1\n" * 40_000)
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    os.close(writing)
    assert (done.exit_code, done.stdout) == (130, "")
    assert command.files() == set()


_IN_DATABASE = """
import sys
from collector.__main__ import main
import collector.export.export, collector.report.report

def hold(database, *_, **__):
    open("begun", "x").close()
    database.connection.execute(
        "SELECT levenshtein(repeat('a', 3_000_000), repeat('b', 3_000_000))"
    )

collector.export.export.export = collector.report.report.read_report = hold
main()
"""
"""DuckDB compares these texts for hours, and looks for no signal meanwhile."""


@pytest.mark.parametrize(
    ("subcommand", "name", "number", "code"),
    [
        ("export", "o.duckdb", signal.SIGTERM, 143),
        pytest.param("report", "o.html", signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
async def test_while_a_database_holds_it(
    command: Any,  # noqa: ANN401 - see conftest
    subcommand: str,
    name: str,
    number: int,
    code: int,
) -> None:
    """The process ends all the same, and leaves neither a draft nor temporary files."""
    make_run(command.directory / "a", [line("1", 1)])
    (command.directory / "temporary").mkdir()
    command.write(name, "old")
    before = command.files()
    held = command.without_debugging().with_environment(TMPDIR=str(command.directory / "temporary"))
    process = await held.start(subcommand, "a", "--to", name, code=_IN_DATABASE)
    await _until_it_works(process.pid, command.directory / "begun")
    process.send_signal(number)
    done = await command.finish(process)
    assert (done.exit_code, done.stdout) == (code, "")
    assert command.files() == before | {"begun"}
    assert (command.directory / name).read_text() == "old"


async def test_a_draft_that_cannot_be_removed_keeps_no_process(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """Its place may be read-only by now, or lie below what has become a file, as here."""
    make_run(command.directory / "a", [line("1", 1)])
    (command.directory / "d").mkdir()
    held = command.without_debugging()
    process = await held.start("export", "a", "--to", "d/o.duckdb", code=_IN_DATABASE)
    await _until_it_works(process.pid, command.directory / "begun")
    (command.directory / "d").rename(command.directory / "moved")
    (command.directory / "d").touch()
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert (done.exit_code, done.stdout, done.stderr) == (143, "", "")


_IN_SQLITE = """
import sys
from collector.__main__ import main
from collector.store.stored_lines import StoredLines

def hold(lines):
    open("begun", "x").close()
    lines._database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    ).fetchall()

StoredLines.cells = hold
main()
"""
"""A statement without an end."""


@pytest.mark.parametrize("arguments", [("latest", "a"), ("diff", "a", "a")])
async def test_while_a_long_statement_is_executed(
    command: Any,  # noqa: ANN401 - see conftest
    arguments: tuple[str, ...],
) -> None:
    """Of the database that compares lines."""
    make_run(command.directory / "a", [line("1", 1)])
    process = await command.without_debugging().start(*arguments, code=_IN_SQLITE)
    await _until_it_works(process.pid, command.directory / "begun")
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert (done.exit_code, done.stdout) == (143, "")


async def _until_it_works(pid: int, begun: Path) -> None:
    """Wait until a process has taken a fifth of a second of processor time since a file exists."""
    since = None
    async with asyncio.timeout(60):
        while since is None or _processor_seconds(pid) < since + 0.2:
            if since is None and _exists(begun):
                since = _processor_seconds(pid)
            await asyncio.sleep(0.005)


def _exists(path: Path) -> bool:
    return path.exists()


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _until_it_has_open(pid: int, path: Path) -> None:
    async with asyncio.timeout(30):
        while not _has_open(pid, path):  # noqa: ASYNC110 - that a process opens a file is no event
            await asyncio.sleep(0.005)


def _has_open(pid: int, path: Path) -> bool:
    return any(_is(one, path) for one in Path(f"/proc/{pid}/fd").iterdir())


def _is(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.readlink() == path
    except FileNotFoundError:
        return False
