"""A run whose terminal is closed: it stops cleanly, unless the signal is ignored."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.cli.terminal import lead_a_session
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered, until

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN = ("run", "companies.txt", "--output", "r", "--rate")


async def test_a_terminal_that_is_closed_ends_the_run_in_order(
    start_api: StartApi, against: Against
) -> None:
    """What is in flight is kept, the manifest says how it ended, and the same command resumes it.

    The display and the summary find no terminal, which is no reason to end otherwise.
    """
    api = await start_api(latency=0.3)
    command = against(api)
    command.write("companies.txt", company_lines(400))
    terminal, inside = pty.openpty()
    process = await command.spawn(
        *(sys.executable, "-m", "collector", *_RUN, "40"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        preexec_fn=lead_a_session,
    )
    os.close(inside)
    loop = asyncio.get_running_loop()
    loop.add_reader(terminal, _read, terminal)
    statistics = command.directory / "r" / "statistics.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    loop.remove_reader(terminal)
    os.close(terminal)
    async with asyncio.timeout(30):
        assert await process.wait() == 129
    (attempt,) = command.manifest("r")["attempts"]
    assert attempt["exit_code"] == 129
    answered = len(command.lines("r/statistics.jsonl"))
    asked = {request.company_id for request in api.requests if request.kind == "statistics"}
    assert 0 < answered == len(asked) < 400
    assert answered == attempt["cells"]["data"] + attempt["cells"]["empty"]
    status = await command.run("status", "r")
    assert " with 129: interrupted by SIGHUP" in status.stdout
    api.reconfigure(replace(api.settings, latency=0))
    done = await command.run(*_RUN, "100000")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 400)


def _read(terminal: int) -> None:
    # Or else it would be full some time, and the command would wait for it.
    os.read(terminal, 65536)


async def test_a_hangup_that_is_ignored_from_the_start_ends_nothing(
    start_api: StartApi, against: Against
) -> None:
    """As `nohup` starts it: the run continues to its end."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(100))
    process = await command.start(*_RUN, "50", ignored=[signal.SIGHUP])
    statistics = command.directory / "r" / "statistics.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    process.send_signal(signal.SIGHUP)
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 100)
