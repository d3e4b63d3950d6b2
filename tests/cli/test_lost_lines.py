"""Runs whose lines were removed, and what is no run: reading commands say so and end with 1."""

import json
from pathlib import Path
from typing import Final

import pytest

from collector.plan import Shard
from tests.conftest import Command
from tests.store.made_runs import line, make_run

_LINES: Final = [line("1", 1), line("1", 2), line("2", 1)]

_READING: Final = {
    "latest": ("latest", "a", "b"),
    "export": ("export", "a", "b", "--to", "o.csv"),
    "report": ("report", "a", "b", "--to", "o.html"),
    "diff": ("diff", "a", "b"),
}


def _end(run: Path, answered: int, manifest: str = "run.json") -> None:
    """Record that the last attempt of a run has ended with so many answers."""
    path = run / manifest
    record = json.loads(path.read_bytes())
    record["attempts"][-1]["cells"] = {"data": answered, "empty": 0}
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    "name", ["latest", "export", "diff", pytest.param("report", marks=pytest.mark.slow)]
)
async def test_lines_that_are_gone_are_told_with_their_run(command: Command, name: str) -> None:
    """Cut or deleted: exit code 1, and how many; of a whole run nothing is said."""
    for run in ("a", "b"):
        _end(make_run(command.directory / run, _LINES), 3)
    whole = await command.run(*_READING[name])
    assert (whole.exit_code, whole.stderr) == (0, ""), whole
    answers = command.directory / "b" / "statistics.jsonl"
    answers.write_bytes(_LINES[0])
    cut = await command.run(*_READING[name])
    assert cut.exit_code == 1, cut
    assert "b: 2 lines are gone: 3 cells had an answer" in cut.stderr
    assert "a: " not in cut.stderr
    answers.unlink()
    deleted = await command.run(*_READING[name])
    assert deleted.exit_code == 1, deleted
    assert "b: 3 lines are gone" in deleted.stderr


async def test_status_tells_it_too(command: Command) -> None:
    """Beside the cells, which are missing then."""
    _end(make_run(command.directory / "a", _LINES[:1]), 3)
    done = await command.run("status", "a")
    assert "remark     a: 2 lines are gone" in done.stdout


async def test_the_file_of_one_shard_may_be_gone(command: Command) -> None:
    """Each shard has counted its own cells; all of them have ended at other times."""
    for number, lines in enumerate((_LINES[:2], _LINES[2:])):
        shard = Shard(number, 2)
        make_run(command.directory / "a", lines, shard=shard)
        _end(command.directory / "a", len(lines), f"run-{number:05}-of-00002.json")
    whole = await command.run("latest", "a")
    assert (whole.exit_code, whole.stderr) == (0, ""), whole
    (command.directory / "a" / "statistics-00001-of-00002.jsonl").unlink()
    gone = await command.run("latest", "a")
    assert gone.exit_code == 1
    assert "a: 1 line is gone: 3 cells had an answer" in gone.stderr


@pytest.mark.parametrize(
    "name", ["latest", "export", pytest.param("report", marks=pytest.mark.slow)]
)
async def test_what_is_no_run_is_left_out_with_a_warning(command: Command, name: str) -> None:
    """A tarball or a page beside the runs; alone it is an error, as is a name of nothing."""
    _end(make_run(command.directory / "a", _LINES), 3)
    (command.directory / "night.tar.gz").write_bytes(b"x")
    (command.directory / "lost+found").mkdir()
    # It may have been a run.
    (command.directory / "emptied").mkdir()
    _, _, _, *more = _READING[name]
    done = await command.run(name, "a", "night.tar.gz", "lost+found", *more)
    assert done.exit_code == 0, done
    assert "night.tar.gz: is not the directory of a run; left out" in done.stderr
    assert "lost+found: is not the directory of a run; left out" in done.stderr
    for wrong, why in (
        (("night.tar.gz",), "night.tar.gz: is not the directory of a run; leave it out"),
        (("lost+found",), "lost+found: there is no run.json in it"),
        (("a", "emptied"), "emptied: there is no run.json in it"),
        (("a", "nope"), "nope: there is no such directory"),
    ):
        refused = await command.run(name, *wrong, *more)
        assert refused.exit_code == 2, refused
        assert why in refused.stderr
