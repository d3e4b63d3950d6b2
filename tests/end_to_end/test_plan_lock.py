"""A stopped process that holds the lock of the plan does not hold the other shards for ever."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import until

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--rate", "1000", "--shard", "0/2")

_HOLDS: Final = """
import os, signal
from pathlib import Path
from collector.store.lock import DirectoryLock
lock = DirectoryLock.take(Path("r/run-plan.lock"), with_directory=False)
os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
async def holder(command: Any) -> int:  # noqa: ANN401 - see conftest
    """Give the id of a process that has the lock, and is stopped."""
    (command.directory / "r").mkdir()
    process = await command.spawn(sys.executable, "-c", _HOLDS)
    await until(lambda: _state(process.pid) == "T")
    return int(process.pid)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("options", "code"), [((), 143), (("--deadline", "1s"), 4)], ids=["signal", "deadline"]
)
async def test_a_shard_that_waits_for_it_stops_cleanly(
    start_api: StartApi, against: Against, holder: int, options: tuple[str, ...], code: int
) -> None:
    """It says for whom it waited, and sends nothing but what it needs to begin."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(20))
    process = await command.start(*_RUN, *options)
    if code == 143:
        await until(lambda: _has_open(process.pid, command.directory / "r" / "run-plan.lock"))
        process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code == code, done.stderr
    assert f"run-plan.lock is held by process {holder} on " in done.stderr
    assert not (command.directory / "r" / "statistics-00000-of-00002.jsonl").exists()


async def test_it_continues_when_the_holder_does(
    start_api: StartApi, against: Against, holder: int
) -> None:
    """Waiting costs nothing: the shard is complete in the end."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(20))
    process = await command.start(*_RUN)
    await until(lambda: _has_open(process.pid, command.directory / "r" / "run-plan.lock"))
    os.kill(holder, signal.SIGCONT)
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr


def _has_open(pid: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return any(one.resolve() == path for one in Path(f"/proc/{pid}/fd").iterdir())
    return False
