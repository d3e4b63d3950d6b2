"""Name servers that do not answer: a lookup cannot be cancelled, and must hold up nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector.simulator import Simulator
from tests.conftest import Command, Process, StartApi, company_lines
from tests.end_to_end.steps import until

Against = Callable[[Simulator], Command]

_UNANSWERED: Final = Path(__file__).with_name("unanswered.py")


async def _start(command: Command, *more: str) -> Process:
    command.write("companies.txt", company_lines(3))
    words = (str(_UNANSWERED), "run", "companies.txt", "--output", "r", *more)
    return await command.spawn(sys.executable, *command.flags, *words)


async def test_a_ping_holds_up_no_run(start_api: StartApi, against: Against) -> None:
    """It takes its five seconds, not the time of the lookup."""
    command = against(await start_api()).with_environment(
        COLLECTOR_PING_URL="https://status.test/5f2c"
    )
    finished = await Command.finish(await _start(command))
    assert finished.exit_code == 0, finished
    assert "the ping to --ping-url failed: no answer within 100 ms" in finished.stderr


async def test_a_signal_ends_a_run(command: Command) -> None:
    """After the five seconds that requests in flight have, as ever."""
    command = command.pointed_at("https://api.test")
    process = await _start(command)
    await until((command.directory / "api.test").exists)
    process.terminate()
    finished = await Command.finish(process)
    assert finished.exit_code == 143, finished
