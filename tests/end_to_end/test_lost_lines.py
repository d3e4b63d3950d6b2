"""Lines that another process takes away: the messages and the counts say what is on the disk."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered, until

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--rate")
_COUNT: Final = 120


def _whole_lines(path: Path) -> int:
    """Count the lines that can be read; the last one may be torn."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return sum(1 for line in lines if _is_whole(line))


def _is_whole(line: bytes) -> bool:
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


def _cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(2_000)


def _remove(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    text = path.read_bytes()
    path.unlink()
    path.write_bytes(text[:2_000])


@pytest.mark.parametrize(
    ("take", "what"),
    [
        (_cut, "cut"),
        pytest.param(_remove, "removed", marks=pytest.mark.slow),
        pytest.param(_replace, "replaced", marks=pytest.mark.slow),
    ],
)
async def test_lines_that_are_taken_away_do_not_count(
    start_api: StartApi, against: Against, take: Callable[[Path], None], what: str
) -> None:
    """With 5 and in words; summary, manifest and status have what is there; it can be resumed."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(_COUNT))
    path = command.directory / "r" / "statistics.jsonl"
    process = await command.start(*_RUN, "40")
    await until(lambda: _whole_lines(path) > 20)
    take(path)
    done = await command.finish(process)
    assert done.exit_code == 5, done.stderr
    left = _whole_lines(path)
    assert f"collector: r/statistics.jsonl: another process has {what} it while the" in done.stderr
    assert "is on the disk" not in done.stderr
    # On a slow disk few lines are synced by then, and count.
    assert f"; {left} of the " in done.stderr or " of the " not in done.stderr
    assert f"\ncells     {left} of {_COUNT} answered" in f"\n{done.stdout}"
    attempt = command.manifest("r")["attempts"][0]
    assert attempt["exit_code"] == 5
    assert attempt["error"] in done.stderr
    assert attempt["cells"]["data"] + attempt["cells"]["empty"] == left
    assert attempt["cells"]["missing"] == _COUNT - left
    status = json.loads((await command.run("status", "r", "--json")).stdout)
    assert status["cells"]["data"] + status["cells"]["empty"] == left
    done = await command.run(*_RUN, "1000")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, _COUNT)
    assert command.manifest("r")["attempts"][1]["kept"] == {
        state: attempt["cells"][state] for state in ("data", "empty")
    }


async def test_a_directory_that_is_moved_away_is_named_as_such(
    start_api: StartApi, against: Against
) -> None:
    """Not as a file that was removed: the lines are all there, in another place."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(_COUNT))
    path = command.directory / "r" / "statistics.jsonl"
    process = await command.start(*_RUN, "40")
    await until(lambda: _whole_lines(path) > 20)
    path.parent.rename(command.directory / "moved")
    done = await command.finish(process)
    assert done.exit_code == 5, done.stderr
    assert "collector: r: was removed or replaced by another process while the run" in done.stderr
    assert "has no line" not in done.stderr
    assert "; how many cells have an answer is not known\n" in done.stderr
    assert not path.parent.exists()


async def test_lines_that_vanish_while_nothing_is_written_are_missed(
    start_api: StartApi, against: Against
) -> None:
    """The rest fails or waits, so that no answer is synced; a signal ends it. With 5 as well."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(10))
    done = await command.run(*_RUN, "1000")
    assert done.exit_code == 0, done.stderr
    command.write("companies.txt", company_lines(20))
    api.reconfigure(replace(api.settings, share_500=1.0))
    path = command.directory / "r" / "statistics.jsonl"
    process = await command.start(*_RUN, "1000")
    await until(lambda: len(command.manifest("r")["attempts"]) == 2)
    await until(lambda: "try_failed" in (command.directory / "r" / "log.jsonl").read_text())
    path.unlink()
    process.terminate()
    done = await command.finish(process)
    assert done.exit_code == 5, done.stderr
    assert "another process has removed it while the run worked" in done.stderr
    assert "; 0 of the 10 cells that had an answer have a line now" in done.stderr
    assert "0 of 20 answered (0 data, 0 empty), 0 failed, 20 missing" in done.stdout
    attempt = command.manifest("r")["attempts"][1]
    assert attempt["kept"] == {"data": 0, "empty": 0}


async def test_a_run_that_cannot_be_read_is_not_said_to_be_empty(
    start_api: StartApi, against: Against
) -> None:
    """How many cells have an answer is not known then, in the summary and in the metrics."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(10))
    done = await command.run(*_RUN, "1000")
    assert done.exit_code == 0, done.stderr
    manifest = command.directory / "r" / "run.json"
    manifest.unlink()
    manifest.mkdir()
    for engine in ("local", "dask"):
        done = await command.run(*_RUN, "1000", "--engine", engine, "--metrics-file", "m.prom")
        assert done.exit_code == 5, done.stderr
        assert "cannot be read" in done.stderr
        assert "10 planned; how many have an answer is not known" in done.stdout
        assert "0 of 10" not in done.stdout
        assert "collector_cells{" not in (command.directory / "m.prom").read_text()


async def test_lines_that_vanished_since_are_missed_before_they_are_requested(
    start_api: StartApi, against: Against
) -> None:
    """A warning on standard error and in the log, once; then the cells are requested again."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(10))
    done = await command.run(*_RUN, "1000")
    assert done.exit_code == 0, done.stderr
    path = command.directory / "r" / "statistics.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    api.reconfigure(replace(api.settings, down=True))
    process = await command.start(*_RUN, "1000")
    said = (await process.stderr.readline()).decode()
    remark = (
        "10 cells had an answer when the last attempt ended, and 3 have a line now: lines were "
        "removed or damaged; the cells without a line are requested again"
    )
    assert said == f"collector: warning: r: {remark}\n"
    api.reconfigure(replace(api.settings, down=False))
    done = await command.finish(process)
    assert (done.exit_code, done.stderr) == (0, "")
    assert_all_answered(command, 10)
    assert command.manifest("r")["attempts"][1]["remarks"] == [remark]
    events = [line["event"] for line in command.lines("r/log.jsonl")]
    assert "remark" in events
    assert (await command.run(*_RUN, "1000")).stderr == ""


async def test_a_killed_run_whose_file_is_deleted_is_not_read_as_whole(
    start_api: StartApi, against: Against
) -> None:
    """It has written no counts into its manifest: that the file is missing is said, with 1."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(_COUNT))
    path = command.directory / "r" / "statistics.jsonl"
    process = await command.start(*_RUN, "40")
    await until(lambda: _whole_lines(path) > 20)
    process.kill()
    await command.finish(process)
    killed = await command.run("latest", "r")
    assert killed.exit_code == 0
    path.unlink()
    said = "r: statistics.jsonl is missing, and the attempt was killed: how many lines there"
    for words in (("latest", "r"), ("export", "r", "--to", "-"), ("diff", "r", "r")):
        done = await command.run(*words)
        assert done.exit_code == 1, done
        assert said in done.stderr
    assert said in (await command.run("status", "r")).stdout
    resumed = await command.run(*_RUN, "1000")
    assert resumed.exit_code == 0, resumed
    assert_all_answered(command, _COUNT)
    assert (await command.run("latest", "r")).exit_code == 0
