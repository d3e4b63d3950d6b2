"""`collect` in a process of others: it is cancelled, and leaves the process as it is."""

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from collector import ExitCode, InputError, OutageError, collect
from collector.run.result import End
from collector.run.run import Run
from collector.simulator import Simulator
from tests.library.embedded import DAYS, FAST, TOKEN, cells, there, total

StartApi = Callable[..., Awaitable[Simulator]]
Serve = Callable[..., Awaitable[Any]]


@pytest.mark.slow
@pytest.mark.parametrize("at", [None, 0, 3, 4, 9, 30])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancelled_call_stops_cleanly(
    serve: Serve, tmp_path: Path, at: int | None, times: int
) -> None:
    """At once, while the dates are verified, at the first cells, and later; also twice.

    The directory is unlocked, each line is whole, and the same call requests only what is missing.
    """
    call = {"credentials": TOKEN, "output": tmp_path / "r", "concurrency": 4, **FAST}
    companies = [str(number) for number in range(10)]

    def judge(_company: str, before: int) -> int:
        if before == at:
            for _ in range(times):
                task.cancel()
        return 200

    api = await serve(judge, total=total)
    others = asyncio.all_tasks()
    task = asyncio.create_task(collect(companies, base_url=api.base_url, **call))
    if at is None:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    left = {left.get_coro().__qualname__ for left in asyncio.all_tasks() - others}  # type: ignore[union-attr]
    assert left <= {"RequestHandler.start"}, "but what serves connections"
    result = await collect(companies, base_url=api.base_url, **call)
    assert result.is_complete
    assert len(cells(tmp_path / "r")) == len(set(cells(tmp_path / "r"))) == 70
    attempts = json.loads((tmp_path / "r" / "run.json").read_bytes())["attempts"]
    assert all(attempt["ended_at"] is not None for attempt in attempts)
    if at is not None and at > 4:
        assert [attempt["exit_code"] for attempt in attempts] == [4, 0]


async def test_a_cancellation_is_not_lost_in_another_end(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage, say, that ends the run in the same moment: its result is not returned."""

    async def execute(_run: Run) -> End:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        return End(ExitCode.STOPPED_EARLY, "out of reach", OutageError)

    monkeypatch.setattr(Run, "execute", execute)
    api = await serve(lambda _company, _before: 200, total=total)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await collect(
                ["a"], credentials=TOKEN, base_url=api.base_url, output=tmp_path / "r", **FAST
            )


async def test_a_time_limit_of_the_caller_ends_it_likewise(serve: Serve, tmp_path: Path) -> None:
    """`asyncio.timeout` is a cancellation."""
    api = await serve(lambda _company, _before: 200, total=total)
    call = {"credentials": TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **DAYS}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await collect(["a", "b"], rate=1, **call)
    assert (await collect(["a", "b"], rate=10_000, **call)).is_complete


def _of_the_process() -> dict[str, object]:
    """Return what a library must not change."""
    root = logging.getLogger()
    return {
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "structlog": structlog.is_configured(),
        "logging": (root.level, list(root.handlers), logging.raiseExceptions),
        "loggers": {
            name: (logger.level, list(logger.handlers), logger.propagate)
            for name, logger in logging.Logger.manager.loggerDict.items()
            if isinstance(logger, logging.Logger)
        },
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, sys.unraisablehook),
        "warnings": list(warnings.filters),
        "garbage": (gc.get_threshold(), gc.isenabled()),
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    }


async def test_it_leaves_the_process_as_it_is(
    start_api: StartApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It prints nothing, and reads no options of the directory or the environment."""
    service = there(await start_api())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collector.toml").write_text("rate = nonsense", encoding="utf-8")
    monkeypatch.setenv("COLLECTOR_RATE", "nonsense")
    before, frozen = _of_the_process(), gc.get_freeze_count()
    result = await collect(["a", "a"], **FAST, **service)
    assert result.is_complete
    assert len(result.remarks) == 1
    assert result.directory.parent == Path("output")
    with pytest.raises(InputError):
        await collect(["a"], rate="nonsense")
    assert _of_the_process() == before
    assert gc.get_freeze_count() <= frozen, "some may have been freed"
    assert capfd.readouterr() == ("", "")


async def test_several_runs_share_a_loop(start_api: StartApi, tmp_path: Path) -> None:
    """Each has a directory of its own."""
    service = there(await start_api())
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(collect([name], output=tmp_path / name, **FAST, **service))
            for name in ("a", "b", "c")
        ]
    assert all(task.result().is_complete for task in tasks)


async def test_it_works_in_any_thread(start_api: StartApi, tmp_path: Path) -> None:
    """Signals can be handled in the main thread only; schedulers call tasks in others."""
    service = there(await start_api())
    with ThreadPoolExecutor(1) as threads:
        call = collect(["a"], output=tmp_path / "r", **FAST, **service)
        result = await asyncio.get_running_loop().run_in_executor(threads, asyncio.run, call)
    assert result.is_complete
