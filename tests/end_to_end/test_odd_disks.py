"""File systems that cannot do all, logs that cannot be written, and a umask that masks nothing."""

import json
import stat
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
LargestFile = Callable[[int], AbstractContextManager[None]]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--rate", "1000")


async def test_no_file_can_be_written_by_others_whatever_the_umask_is(
    start_api: StartApi, against: Against
) -> None:
    """All files have one mode: 0644 where the umask masks nothing, as in some containers."""
    command = against(await start_api(share_500=0.5))
    command.write("companies.txt", company_lines(20))
    (command.directory / "companies.txt").chmod(0o600)
    options = ("--metrics-file", "night.prom", "--max-attempts", "1")
    for shard in ((), ("--shard", "0/2")):
        words = (*_RUN[:3], f"r{len(shard)}", *options, *shard)
        process = await command.spawn(sys.executable, "-m", "collector", *words, umask=0)
        done = await command.finish(process)
        assert done.exit_code in {0, 1}, done.stderr
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in command.directory.rglob("*")
        if path.is_file() and path.name != "companies.txt"
    }
    assert {"run.json", "run-companies.txt", "run.lock", "night.prom"} < modes.keys()
    assert set(modes.values()) == {0o644}, modes


_NO_SYNC: Final = """
import errno, os, stat
fsync = os.fsync

def refuse_directories(descriptor):
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    fsync(descriptor)

os.fsync = refuse_directories
"""
"""As the kernel answers on CIFS; Python runs it before the command."""


async def test_a_file_system_that_syncs_no_directories_is_good_enough(
    start_api: StartApi, against: Against
) -> None:
    """One remark says what it is; the run and the next one are as everywhere."""
    command = against(await start_api()).from_the_start().with_environment(PYTHONPATH=".")
    command.write("companies.txt", company_lines(20))
    command.write("sitecustomize.py", _NO_SYNC)
    for _ in range(2):
        done = await command.run(*_RUN)
        assert done.exit_code == 0, done.stderr
        (remark,) = done.stderr.splitlines()
        assert remark.startswith("collector: warning: r: this file system syncs files, but no dir")
    assert_all_answered(command, 20)
    for attempt in command.manifest("r")["attempts"]:
        assert len(attempt["remarks"]) == 1
    done = await command.run("export", "r", "--to", "a.csv")
    assert (done.exit_code, done.stderr) == (0, "")


async def test_events_that_cannot_be_written_are_told(
    start_api: StartApi, against: Against, largest_file: LargestFile
) -> None:
    """The log has reached a limit that the answers have not; the run is complete, and says so."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(5))
    first = await command.run(*_RUN)
    assert first.exit_code == 0, first.stderr
    log: Path = command.directory / "r" / "log.jsonl"
    event = json.dumps({"at": "2026-01-01T00:00:00Z", "level": "info", "event": "x" * 900})
    with log.open("a", encoding="utf-8") as stream:
        stream.writelines([event + "\n"] * 100)
    size = _size(log)
    command.write("companies.txt", company_lines(20))
    with largest_file(size):
        process = await command.start(*_RUN)
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 20)
    assert _size(log) == size
    remark = command.manifest("r")["attempts"][-1]["remarks"][-1]
    assert remark.startswith("log.jsonl: ")
    assert remark.endswith(" events could not be written (File too large)")
    assert f"collector: warning: r: {remark}\n" in done.stderr


def _size(path: Path) -> int:
    return path.stat().st_size
