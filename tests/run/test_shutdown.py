import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from collector.core.errors import CollectorError, ExitCode, OutageError, StoppedError, StorageError
from collector.core.secrets import Redactor, Secret
from collector.run.result import End
from collector.run.shutdown import Shutdown
from collector.settings.parsers import Duration
from collector.telemetry.log import EventLog

_NEVER = 1e6
_SOON = 0.01

_SIGNAL = End(ExitCode.SIGTERM)
_COMPLETE = End(ExitCode.COMPLETE)


class _Run:
    """Something that can be stopped, and what was asked of it."""

    def __init__(
        self, *, grace: float = _NEVER, give_up: Callable[[], float | None] | None = None
    ) -> None:
        redact = Redactor()
        redact.learn(Secret("a secret"))
        self.told: list[End] = []
        self.logged: list[bytes] = []
        self.events = EventLog("info", redact)
        more = {} if give_up is None else {"give_up": give_up}
        self.shutdown = Shutdown(
            self.events.logger, redact, grace=grace, drain=self.told.append, **more
        )
        self.cancelled = 0

    async def hang(self) -> End:
        """Wait for what never comes."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return _COMPLETE

    async def until_stopped(self, *, then: Exception | None = None) -> End:
        """Work until told to end, and end then as if all were done, or as `then` says."""
        async with asyncio.timeout(20):
            while not self.told:  # noqa: ASYNC110 - as if it looked between two lines
                await asyncio.sleep(0)
        if then is not None:
            raise then
        return _COMPLETE


def _soon(call: Callable[[], object]) -> None:
    asyncio.get_running_loop().call_soon(call)


async def _run_to_its_end() -> End:
    await asyncio.sleep(0)
    return _COMPLETE


async def _raise(error: BaseException) -> End:
    raise error


async def _in_time(ending: Awaitable[End]) -> End:
    """Await what must not hang."""
    async with asyncio.timeout(20) as limit:
        end = await ending
    # Its cancellation may have been taken for one of ours.
    assert not limit.expired()
    return end


def _pending() -> list[str]:
    """Return the timers of this loop that would still go off."""
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # noqa: SLF001
    return [repr(timer) for timer in timers if not timer.cancelled()]


async def test_who_is_not_stopped_ends_by_itself() -> None:
    """The end of the body is that of the run; no message is shown."""
    run = _Run()
    assert await run.shutdown.end_of(_run_to_its_end()) == _COMPLETE
    assert (run.told, run.shutdown.is_stopped, run.shutdown.end) == ([], False, None)


async def test_a_stopped_task_has_time_to_stop_cleanly() -> None:
    """Nothing more is sent; what the body makes of it is the end, and nothing is cancelled."""
    run = _Run()
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    assert await run.shutdown.end_of(run.until_stopped()) == _COMPLETE
    assert run.told == [_SIGNAL]
    assert (run.shutdown.is_stopped, run.shutdown.end) == (True, _SIGNAL)


async def test_who_gives_way_to_a_stop_ends_for_its_reason() -> None:
    """`StoppedError` out of the body: the end is the one that the run was stopped with."""
    run = _Run()
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    assert await run.shutdown.end_of(run.until_stopped(then=StoppedError())) == _SIGNAL


async def test_a_gate_that_was_shut_for_an_unknown_reason_is_an_early_end() -> None:
    """`StoppedError` although the run was not stopped: it can be resumed."""
    end = await _Run().shutdown.end_of(_raise(StoppedError()))
    assert end == End(ExitCode.STOPPED_EARLY)


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_an_expected_error_becomes_the_end(*, is_stopped: bool) -> None:
    """With its exit code and without secrets; it says more than a signal that came before it."""
    run = _Run()
    error = StorageError("no room for a secret")
    if is_stopped:
        _soon(lambda: run.shutdown.stop(_SIGNAL))
        body = run.until_stopped(then=error)
    else:
        body = _raise(error)
    end = await run.shutdown.end_of(body)
    assert (end.exit_code, end.cause) == (ExitCode.STORAGE, StorageError)
    assert end.error is not None
    assert end.error.startswith("no room for ")
    assert "a secret" not in end.error


async def test_a_bug_is_raised() -> None:
    """It is not for this class to say what happened."""
    run = _Run()
    with pytest.raises(ZeroDivisionError):
        await run.shutdown.end_of(_raise(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OutageError("away"), OutageError),
        (StoppedError(), None),
    ],
)
async def test_a_part_of_the_body_may_ask_for_its_end(
    error: CollectorError | StoppedError,
    expected: type[CollectorError] | None,
) -> None:
    """So that a manifest says the same as the exit code, before and after a stop."""
    run = _Run()
    before = await run.shutdown.outcome(_raise(error))
    assert (before.exit_code, before.cause) == (ExitCode.STOPPED_EARLY, expected)
    told: list[End] = []

    async def body() -> End:
        await run.until_stopped()
        told.append(await run.shutdown.outcome(_raise(error)))
        return told[0]

    _soon(lambda: run.shutdown.stop(_SIGNAL))
    assert await run.shutdown.end_of(body()) == told[0]
    assert told[0] == (_SIGNAL if expected is None else before)


async def test_a_part_that_is_cancelled_by_the_stop_lets_the_rest_of_the_body_end() -> None:
    """What comes after it, such as the manifest, is not cancelled again."""
    run = _Run()

    async def body() -> End:
        end = await run.shutdown.outcome(run.hang())
        await asyncio.sleep(0)
        return end

    _soon(lambda: run.shutdown.stop(_SIGNAL))
    _soon(run.shutdown.stop_at_once)
    assert await run.shutdown.end_of(body()) == _SIGNAL


async def test_only_the_first_reason_counts() -> None:
    """A second one is neither logged nor told, and is not how the run ends."""
    run = _Run()
    with run.events.into(run.logged.append):
        _soon(lambda: run.shutdown.stop(End(ExitCode.STOPPED_EARLY, "first")))
        _soon(lambda: run.shutdown.stop(_SIGNAL))
        end = await run.shutdown.end_of(run.until_stopped(then=StoppedError()))
    assert end == End(ExitCode.STOPPED_EARLY, "first")
    assert run.told == [end]
    (line,) = map(json.loads, run.logged)
    assert (line["event"], line["exit_code"], line["why"]) == ("stopping", 4, "first")


async def test_tasks_that_work_may_be_told_another_reason() -> None:
    """People read why the run has ended, the others that it was not their fault."""
    run = _Run()
    told = End(ExitCode.STOPPED_EARLY, "another one")
    _soon(lambda: run.shutdown.stop(_SIGNAL, told))
    assert await run.shutdown.end_of(run.until_stopped(then=StoppedError())) == _SIGNAL
    assert run.told == [told]


async def test_what_does_not_come_back_in_time_is_given_up() -> None:
    """After the grace the task is cancelled, and the run ends for the reason of the stop."""
    run = _Run(grace=_SOON)
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    assert await _in_time(run.shutdown.end_of(run.hang())) == _SIGNAL
    assert run.cancelled == 1


async def test_at_once_does_not_wait_for_the_grace() -> None:
    """As a second signal asks for."""
    run = _Run()
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    _soon(run.shutdown.stop_at_once)
    assert await _in_time(run.shutdown.end_of(run.hang())) == _SIGNAL


async def test_the_deadline_stops_the_run() -> None:
    """It can be continued then, and is told how."""
    run = _Run()
    end = await _in_time(run.shutdown.end_of(run.until_stopped(then=StoppedError()), Duration(0)))
    assert end.exit_code is ExitCode.STOPPED_EARLY
    assert end.error == "the deadline of 0d has passed; run the same command again to resume"


async def test_a_deadline_of_tomorrow_does_nothing_today() -> None:
    """It is in seconds from the start, and goes with the run."""
    run = _Run()
    assert await run.shutdown.end_of(_run_to_its_end(), Duration(86_400)) == _COMPLETE
    assert not run.shutdown.is_stopped
    assert _pending() == []


async def test_a_cancellation_that_was_asked_for_is_taken_back() -> None:
    """The caller that awaits the run continues in the same task, with its own time limits."""
    run = _Run()
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    _soon(run.shutdown.stop_at_once)
    assert await _in_time(run.shutdown.end_of(run.hang())) == _SIGNAL
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(_SOON):
            await asyncio.Event().wait()


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_cancellation_by_another_task_is_raised(*, is_over: bool) -> None:
    """The run was not stopped, or had nothing more to stop: the cancellation is the caller's."""
    run = _Run()

    async def body() -> End:
        if is_over:
            run.shutdown.stop(_SIGNAL)
            run.shutdown.disarm()
        return await run.hang()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(_SOON):
            await run.shutdown.end_of(body())
    assert run.cancelled == 1


async def test_after_the_last_cell_there_is_nothing_to_stop() -> None:
    """Neither a signal nor the end of the grace tears the run out of its orderly end."""
    run = _Run(grace=_SOON)

    async def body() -> End:
        run.shutdown.stop(_SIGNAL)
        run.shutdown.disarm()
        run.shutdown.stop_at_once()
        await asyncio.sleep(3 * _SOON)
        return _COMPLETE

    assert await run.shutdown.end_of(body()) == _COMPLETE


async def test_a_stop_after_the_last_cell_is_not_heard() -> None:
    """The run has ended by itself, whatever the signal was to say."""
    run = _Run()

    async def body() -> End:
        run.shutdown.disarm()
        run.shutdown.stop(_SIGNAL)
        return _COMPLETE

    await run.shutdown.end_of(body())
    assert (run.told, run.shutdown.end) == ([], None)


async def test_before_and_after_the_run_nothing_is_stopped() -> None:
    """There is no task to cancel, nor a timer that goes off in another one."""
    asked: list[str] = []

    def give_up() -> None:
        asked.append("give up")

    run = _Run(give_up=give_up)

    def stop() -> None:
        run.shutdown.stop(_SIGNAL)
        run.shutdown.stop_at_once()

    stop()
    assert await run.shutdown.end_of(_run_to_its_end()) == _COMPLETE
    stop()
    assert (run.told, asked, run.shutdown.end, _pending()) == ([], [], None, [])


async def test_no_timer_outlives_the_run() -> None:
    """Neither that of the grace nor the deadline would find what they are for."""
    run = _Run()
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    await run.shutdown.end_of(run.until_stopped(), Duration(86_400))
    assert _pending() == []


async def test_a_gentler_way_has_its_seconds() -> None:
    """The task is cancelled after them and no sooner, and the grace has no more to say."""
    asked: list[float] = []

    def give_up() -> float:
        asked.append(time.monotonic())
        return 5 * _SOON

    run = _Run(grace=_SOON, give_up=give_up)
    _soon(lambda: run.shutdown.stop(_SIGNAL))
    _soon(run.shutdown.stop_at_once)
    assert await _in_time(run.shutdown.end_of(run.hang())) == _SIGNAL
    (begun,) = asked
    assert time.monotonic() - begun >= 4.9 * _SOON
    assert run.cancelled == 1


async def test_a_gentler_way_that_works_needs_no_cancellation() -> None:
    """The body returns by itself within those seconds."""
    gone = asyncio.Event()

    def give_up() -> float:
        gone.set()
        return _SOON

    run = _Run(grace=_SOON, give_up=give_up)

    async def body() -> End:
        await gone.wait()
        return _COMPLETE

    _soon(lambda: run.shutdown.stop(_SIGNAL))
    assert await _in_time(run.shutdown.end_of(body())) == _COMPLETE
    # Nor does it come later, to whatever this task does then.
    await asyncio.sleep(3 * _SOON)


async def test_a_gentler_way_that_is_gone_already_is_not_gone_again() -> None:
    """Asking for it again and again neither puts off the cancellation nor makes it come sooner."""
    answers = iter([5 * _SOON])
    run = _Run(give_up=lambda: next(answers, None))
    _soon(lambda: run.shutdown.stop(_SIGNAL))

    async def insist() -> None:
        while True:
            run.shutdown.stop_at_once()
            await asyncio.sleep(_SOON / 4)

    begun = time.monotonic()
    insisting = asyncio.create_task(insist())
    try:
        assert await _in_time(run.shutdown.end_of(run.hang())) == _SIGNAL
    finally:
        insisting.cancel()
    assert time.monotonic() - begun >= 4.9 * _SOON
