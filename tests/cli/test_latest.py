"""`collector latest`: what it prints of many runs, and how it ends."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from collector.settings import RunSettings
from tests.cli.said import OUTPUTS
from tests.store.made_runs import at_work, line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]

_OLD = [line("2", 1, total=5), line("1", 2, total=5), line("é", 1, name="<script>")]
_NEW = [line("2", 1, 60, total=6), line("1", None, 60, total=10**30)]
_NEWEST = b"".join([_NEW[1], _OLD[1], _NEW[0], _OLD[2]]).decode()


async def test_it_prints_the_newest_lines(command: Any) -> None:  # noqa: ANN401 - see conftest
    """Each as it is in its run; the order of the directories changes nothing."""
    make_run(command.directory / "old", _OLD)
    make_run(command.directory / "-new", _NEW, companies=["2"], days=(1, 1))
    before = command.files()
    for arguments in (("old", "-new"), ("-new", "old"), ("old/", "-new", "./old", "old")):
        done = await command.run("latest", *arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (0, _NEWEST, "")
    assert command.files() == before


async def test_damage_is_a_warning_for_each_run_and_1(command: Any) -> None:  # noqa: ANN401
    """On standard error, with the file and the size; what is whole is printed."""
    make_run(command.directory / "a", [b"\0\0\n", line("1", 1), b"{}\n"], days=(1, 1))
    make_run(command.directory / "b", [line("1", 2), line("1", 3)[:9]], days=(2, 3))
    make_run(command.directory / "at-work", [line("1", 4), line("1", 3)[:9]], days=(3, 4))
    with at_work(command.directory / "at-work"):
        done = await command.run("latest", "a", "at-work", "b", "./a")
    assert done.exit_code == 1
    assert done.stdout.encode() == line("1", 1) + line("1", 2) + line("1", 4)
    unfinished, damaged = done.stderr.splitlines()
    assert "b/statistics.jsonl: the last line is unfinished (9 bytes); collector run" in unfinished
    assert "a/statistics.jsonl: 6 bytes are damaged, and were left out" in damaged


async def test_an_unfinished_line_is_a_warning(command: Any) -> None:  # noqa: ANN401
    """A run that was killed may leave one; its cell has no answer yet, as others have none."""
    make_run(command.directory / "a", [line("1", 1), line("1", 2)[:-1]])
    done = await command.run("latest", "a")
    assert (done.exit_code, done.stdout.encode()) == (0, line("1", 1))
    assert "the last line is unfinished" in done.stderr


async def test_what_is_no_answer_of_one_service_is_refused(
    command: Any,  # noqa: ANN401
) -> None:
    """With 2, and nothing on standard output: it must not look like an answer."""
    make_run(command.directory / "a", _OLD)
    other = RunSettings(base_url="https://other.example")
    make_run(command.directory / "b", _NEW, settings=other)
    for arguments, text in [
        ((), "RUN-DIR"),
        (("",), "an empty name is no directory"),
        (("a", ""), "an empty name is no directory"),
        (("a", "nowhere"), "nowhere: there is no such directory; give the directory of a run"),
        (("--json", "a"), "--json: there is no such directory"),
        (("a", "\x1b[2J"), "<U+001B>[2J: there is no such directory"),
        (("a", "b"), "a and b: their answers are of different services: --base-url was "),
    ]:
        done = await command.run("latest", *arguments)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert text.lower() in done.stderr.replace("_", "-").lower()
        assert "Traceback" not in done.stderr


async def test_a_run_that_began_nothing_is_left_out(command: Any) -> None:  # noqa: ANN401
    """One that was killed before its first cell must not take all nights away."""
    make_run(command.directory / "a", _OLD[:1])
    (command.directory / "dead").mkdir()
    (command.directory / "dead" / "run.lock").touch()
    done = await command.run("latest", "dead", "a")
    assert (done.exit_code, done.stdout.encode()) == (0, _OLD[0])
    assert "warning: dead: a run was killed before its first cell; left out" in done.stderr
    done = await command.run("latest", "dead")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no run has begun in these directories" in done.stderr


async def test_windows_that_overlap_are_a_warning(command: Any) -> None:  # noqa: ANN401
    """A sum of such lines counts days twice; windows that only touch are fine."""
    days = line("1", 1)
    longer = days.replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-03"')
    make_run(command.directory / "touch", [days, line("1", 2), line("2", 3), line("1", None)])
    done = await command.run("latest", "touch")
    assert (done.exit_code, done.stderr) == (0, "")
    make_run(command.directory / "overlap", [longer])
    done = await command.run("latest", "touch", "overlap")
    assert done.exit_code == 0
    assert "windows overlap, such as 2026-11-01 and 2026-11-01..2026-11-03" in (done.stderr)


async def test_a_variable_adds_no_run(command: Any) -> None:  # noqa: ANN401
    """One that is left over must not put lines among those of the runs that are named."""
    make_run(command.directory / "a", _OLD[:1])
    make_run(command.directory / "b", _OLD[1:])
    variables = {"COLLECTOR_RUN_DIRS": "b", "COLLECTOR_RUN_DIR": "b"}
    done = await command.with_environment(**variables).run("latest", "a")
    assert (done.exit_code, done.stdout.encode()) == (0, _OLD[0])


async def test_a_full_temporary_directory_ends_with_5(
    command: Any,  # noqa: ANN401
    largest_file: LargestFile,
) -> None:
    """The message names the variable that gives another one."""
    lines = (line(str(number), 1, name="x" * 20_000) for number in range(3000))
    make_run(command.directory / "a", lines)
    with largest_file(8_000_000):
        process = await command.start("latest", "a")
    done = await command.finish(process)
    assert (done.exit_code, done.stdout) == (5, "")
    assert "the temporary database cannot be written: " in done.stderr
    assert "SQLITE_TMPDIR" in done.stderr


@pytest.mark.parametrize("words", [("latest", "a"), ("export", "a", "--to", "-")])
@pytest.mark.parametrize(
    ("output", "code", "complaint"),
    [
        ("full", 5, "collector: standard output cannot be written: No space left on device\n"),
        ("gone", 0, ""),
    ],
)
async def test_a_reader_may_go_and_a_disk_may_be_full(
    command: Any,  # noqa: ANN401
    words: tuple[str, ...],
    output: str,
    code: int,
    complaint: str,
) -> None:
    """A closed pipe wants no more; a part of the lines must not be taken for all."""
    make_run(command.directory / "a", [line(str(number), 1) for number in range(2000)])
    stdout = OUTPUTS[output]()
    try:
        process = await command.start(*words, stdout=stdout)
    finally:
        os.close(stdout)
    async with asyncio.timeout(30):
        _, stderr = await process.communicate()
    assert (process.returncode, stderr.decode()) == (code, complaint)
