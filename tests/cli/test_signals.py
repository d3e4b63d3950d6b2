"""The first signal ends a run in order, the second at once, the third is the system's."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest

from collector.cli.signals import stop_on_signals
from collector.core.errors import ExitCode
from tests.cli.process_one import UNSHARE, child_of, needs_namespaces
from tests.conftest import Command

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Told:
    """Notes what a run is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self._changed = asyncio.Event()

    def stop(self, code: ExitCode) -> None:
        """Be told to stop cleanly."""
        self._note(code)

    def stop_at_once(self) -> None:
        """Be told to end at once."""
        self._note("at once")

    def _note(self, call: object) -> None:
        self.calls.append(call)
        self._changed.set()

    async def wait_for(self, count: int) -> list[object]:
        """Wait until so many calls have come, and return them."""
        async with asyncio.timeout(3):
            while len(self.calls) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.calls


@pytest.fixture
async def told() -> AsyncIterator[_Told]:
    """Give what a run is told; afterwards the handlers of pytest are back."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # It may be ignored in the process that started the tests.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield _Told()
    for number, handler in before.items():
        signal.signal(number, handler)


def _send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.SIGINT),
        (signal.SIGTERM, ExitCode.SIGTERM),
        (signal.SIGHUP, ExitCode.SIGHUP),
    ],
)
@pytest.mark.parametrize("second", _SIGNALS)
async def test_the_first_signal_stops_and_the_second_stops_at_once(
    told: _Told, number: signal.Signals, code: ExitCode, second: signal.Signals
) -> None:
    """The exit code is that of the first; the second may be another one."""
    with stop_on_signals(told.stop, told.stop_at_once):
        _send(number)
        assert await told.wait_for(1) == [code]
        _send(second)
        assert await told.wait_for(2) == [code, "at once"]
        # The third has its default effect: the system ends the process.
        assert [signal.getsignal(each) for each in _SIGNALS] == [signal.SIG_DFL] * 3
    assert told.calls == [code, "at once"]


@pytest.mark.parametrize("pair", [(a, b) for a in _SIGNALS for b in _SIGNALS])
async def test_two_signals_in_one_moment_are_two(
    told: _Told, pair: tuple[signal.Signals, signal.Signals]
) -> None:
    """The event loop may be busy when they come; the second is not taken for a first again."""
    with stop_on_signals(told.stop, told.stop_at_once):
        for number in pair:
            _send(number)
        assert len(await told.wait_for(2)) == 2
    assert isinstance(told.calls[0], ExitCode)
    assert told.calls[1] == "at once"


@pytest.mark.parametrize("sent", [0, 2])
async def test_a_hangup_that_is_ignored_stays_ignored(told: _Told, sent: int) -> None:
    """By `nohup`, that is; also after other signals, and when all is over."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_on_signals(told.stop, told.stop_at_once):
        for count in range(sent):
            _send(signal.SIGTERM)
            await told.wait_for(count + 1)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_after_the_loop_the_earlier_handlers_are_in_force() -> None:
    """A signal that comes while the summary is printed ends the command with its own exit code."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def ours(_number: int, _frame: object) -> None:
        pass

    for number in _SIGNALS:
        signal.signal(number, ours)

    async def run() -> None:
        with stop_on_signals(lambda _code: None, lambda: None):
            await asyncio.sleep(0)

    try:
        asyncio.run(run())
        assert {number: signal.getsignal(number) for number in _SIGNALS} == dict.fromkeys(
            _SIGNALS, ours
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("sent", [0, 1])
async def test_leaving_takes_the_handlers_away(told: _Told, sent: int) -> None:
    """Those from before are back, also after an error in the body."""
    before = [signal.getsignal(number) for number in _SIGNALS]
    with suppress(ZeroDivisionError), stop_on_signals(told.stop, told.stop_at_once):
        assert all(signal.getsignal(n) is not signal.default_int_handler for n in _SIGNALS)
        for _ in range(sent):
            _send(signal.SIGTERM)
            await told.wait_for(sent)
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in _SIGNALS] == before
    assert len(told.calls) == sent


_HANGS: Final = """
import asyncio, time
from collector.cli.signals import stop_on_signals

async def hang():
    with stop_on_signals(lambda code: print(int(code), flush=True), at_once):
        print("ready", flush=True)
        await asyncio.Event().wait()

def at_once():
    print("at once", flush=True)
    time.sleep(60)

asyncio.run(hang())
"""


@pytest.mark.parametrize(
    ("numbers", "is_first"),
    [
        ((signal.SIGINT, signal.SIGINT, signal.SIGINT), False),
        ((signal.SIGTERM, signal.SIGINT, signal.SIGTERM), False),
        ((signal.SIGTERM, signal.SIGTERM, signal.SIGTERM), True),
    ],
    ids=["Ctrl-C", "SIGTERM", "process 1"],
)
async def test_the_third_signal_ends_a_process_that_hangs(
    command: Command, numbers: list[signal.Signals], *, is_first: bool
) -> None:
    """Even when the event loop is stuck, as with a disk that does not answer.

    Process 1 of a container ignores a signal with its default effect.
    """
    if is_first:
        needs_namespaces()
    process = await command.spawn(*(UNSHARE if is_first else ()), sys.executable, "-c", _HANGS)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        said = [(await process.stdout.readline()).decode().strip()]
        pid = child_of(process.pid) if is_first else process.pid
        for number in numbers[:2]:
            os.kill(pid, number)
            said.append((await process.stdout.readline()).decode().strip())
        os.kill(pid, numbers[2])
        assert await process.wait() == (128 + numbers[2] if is_first else -numbers[2])
    assert said == ["ready", str(128 + numbers[0]), "at once"]
