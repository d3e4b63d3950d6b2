"""`collect` in this process, against real servers: results, errors, cancellation, side effects."""

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
from contextlib import AbstractContextManager
from dataclasses import FrozenInstanceError
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector import (
    AccessToken,
    AttributionError,
    CellCounts,
    ClientCredentials,
    CollectorError,
    CredentialsError,
    DatesError,
    ExitCode,
    IgnoredDatesError,
    InputError,
    LockedError,
    OutageError,
    RunResult,
    StorageError,
    collect,
)
from collector.library.result import error_of
from collector.run.result import End
from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Serve = Callable[..., Awaitable[Any]]
LargestFile = Callable[[int], AbstractContextManager[None]]

_DAYS: dict[str, Any] = {"from_date": date(2026, 9, 1), "until_date": "2026-09-07", "window": "1d"}
_FAST: dict[str, Any] = {"rate": 10_000, **_DAYS}
_TOKEN = AccessToken.of("fake-token")


def _total(company: str, days: range) -> int:
    """Return a total that shows that the dates are honoured."""
    return sum(1 + (day * 37 + len(company)) % 101 for day in days)


def _there(api: Simulator) -> dict[str, Any]:
    """Return the address of an embedded API, and credentials for it."""
    settings = api.settings
    return {
        "base_url": api.base_url,
        "token_url": api.token_url,
        "credentials": ClientCredentials.of(settings.client_id, settings.client_secret),
    }


def _cells(output: Path) -> list[tuple[str, str]]:
    """Return the cells of all lines, each of which is whole."""
    text = (output / "statistics.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    return [(line["company_id"], line["from_date"]) for line in lines]


async def test_a_run_has_a_result_and_is_resumed(start_api: StartApi, tmp_path: Path) -> None:
    """The second call finds every answer of the first, and sends nothing."""
    there = _there(await start_api(empty_share=0))
    output = tmp_path / "run"
    companies = {"17": "Banco del Sur", "18": None}
    first = await collect(companies, output=output, **_FAST, **there)
    assert first == RunResult(
        exit_code=ExitCode.COMPLETE,
        error=None,
        cause=None,
        coverage=CellCounts(planned=14, data=14, empty=0, failed=0, missing=0),
        requests=14 + 1 + 4,
        seconds=first.seconds,
        directory=output,
        answers=output / "statistics.jsonl",
        failures=output / "errors.jsonl",
        log=output / "log.jsonl",
        remarks=(),
    )
    assert first.is_complete
    assert first.coverage.answered == len(set(_cells(output))) == len(_cells(output)) == 14
    assert (output / "run-companies.txt").read_text(encoding="utf-8").endswith("l Sur\n18\n")
    second = await collect(companies, output=str(output), **_FAST, **there)
    assert (second.requests, second.coverage) == (0, first.coverage)
    with pytest.raises(FrozenInstanceError):
        second.error = "another"  # type: ignore[misc]


async def test_failed_cells_are_a_result(serve: Serve, tmp_path: Path) -> None:
    """As for the command, which ends with 1; duplicates are a remark."""
    api = await serve(lambda company, _before: 404 if company == "b" else 200, total=_total)
    result = await collect(
        ["a", "b", "a"], credentials=_TOKEN, base_url=api.base_url, output=tmp_path / "r", **_FAST
    )
    assert (result.exit_code, result.error, result.cause) == (ExitCode.SOME_FAILED, None, None)
    assert result.coverage == CellCounts(planned=14, data=7, empty=0, failed=7, missing=0)
    assert not result.is_complete
    assert len(result.failures.read_bytes().splitlines()) == 7
    assert result.remarks == ("companies:3: company a stands in line 1 already; dropped",)


async def test_the_deadline_is_a_result(serve: Serve, tmp_path: Path) -> None:
    """As for the command, which ends with 4: the same call resumes the run."""
    api = await serve(lambda _company, _before: 200, total=_total)
    call = {"credentials": _TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **_DAYS}
    # 14 cells in a second would take 10 of them.
    stopped = await collect(["a", "b"], rate=1, deadline=timedelta(seconds=1), **call)
    assert stopped.exit_code is ExitCode.STOPPED_EARLY
    assert stopped.cause is None
    assert stopped.error is not None
    assert stopped.error.startswith("the deadline of 1s has passed")
    assert stopped.coverage.missing > 0
    resumed = await collect(["a", "b"], rate=10_000, **call)
    assert resumed.is_complete


async def test_an_outage_is_a_result(tmp_path: Path) -> None:
    """It names its class; what stopped before the first cell leaves nothing behind."""
    result = await collect(
        ["a"], credentials=_TOKEN, base_url="http://127.0.0.1:9", max_outage="1s",
        output=tmp_path / "r", **_FAST,
    )  # fmt: skip
    assert (result.exit_code, result.coverage.missing) == (ExitCode.STOPPED_EARLY, 7)
    assert result.cause is not None
    assert issubclass(result.cause, OutageError)
    assert result.error is not None
    assert "127.0.0.1:9" in result.error


async def test_credentials_that_are_refused_raise(start_api: StartApi, tmp_path: Path) -> None:
    """With what the command would say, and without the secret."""
    there = _there(await start_api())
    there["credentials"] = ClientCredentials.of("demo", "another-secret")
    with pytest.raises(CredentialsError) as raised:
        await collect(["a"], output=tmp_path / "r", **_FAST, **there)
    assert raised.value.exit_code == 3
    assert "another-secret" not in str(raised.value)
    assert not (tmp_path / "r").exists()


async def test_credentials_come_from_the_environment_or_a_file(
    start_api: StartApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the command; but not from two places at once."""
    there = _there(await start_api())
    given = there.pop("credentials")
    for name in ("TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET", "TRUST_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialsError, match="TRUST_CLIENT_ID"):
        await collect(["a"], output=tmp_path / "r", **_FAST, **there)
    file = tmp_path / "credentials.toml"
    file.write_text('client_id = "demo"\nclient_secret = "demo-secret"\n', encoding="utf-8")
    file.chmod(0o600)
    result = await collect(["a"], output=tmp_path / "r", credentials_file=file, **_FAST, **there)
    assert result.is_complete
    monkeypatch.setenv("TRUST_CLIENT_ID", "demo")
    monkeypatch.setenv("TRUST_CLIENT_SECRET", "demo-secret")
    assert (await collect(["a"], output=tmp_path / "s", **_FAST, **there)).is_complete
    with pytest.raises(InputError, match="both given"):
        await collect(
            ["a"], output=tmp_path / "r", credentials=given, credentials_file=file, **_FAST, **there
        )


async def test_a_held_directory_raises(serve: Serve, tmp_path: Path) -> None:
    """Also if the other call is in this process."""
    api = await serve(lambda _company, _before: 200, total=_total)
    call = {"credentials": _TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **_DAYS}
    other = asyncio.create_task(collect(["a", "b"], rate=1, **call))
    lock = tmp_path / "r" / "run.lock"
    while not (lock.exists() and lock.stat().st_size):  # noqa: ASYNC110 - a file has no events
        await asyncio.sleep(0.005)
    with pytest.raises(LockedError, match="another run"):
        await collect(["a", "b"], **call)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_ignored_dates_raise(start_api: StartApi, tmp_path: Path) -> None:
    """Nothing is written."""
    there = _there(await start_api(ignore_dates=True, empty_share=0))
    with pytest.raises(IgnoredDatesError) as raised:
        await collect(["a", "b"], output=tmp_path / "r", **_FAST, **there)
    assert isinstance(raised.value, DatesError)
    assert not (tmp_path / "r").exists()


async def test_a_full_disk_raises(serve: Serve, tmp_path: Path, largest_file: LargestFile) -> None:
    """What the command would warn of is in the notes of the error."""
    api = await serve(lambda _company, _before: 200, total=_total)
    companies = [*(str(number) for number in range(40)), "0"]
    with largest_file(4096), pytest.raises(StorageError) as raised:
        await collect(
            companies, credentials=_TOKEN, base_url=api.base_url, output=tmp_path / "r", **_FAST
        )
    assert raised.value.__notes__[0].startswith("companies:41: company 0 stands in line 1")


def test_what_is_no_result_iserror_of() -> None:
    """Also an error whose class has a text of its own, and a bug."""
    text = str(AttributionError.of("https://api.example.com"))
    error = error_of(End(ExitCode.DATES, text, AttributionError), ())
    assert type(error) is AttributionError
    assert str(error) == text
    error = error_of(End(ExitCode.BUG, "a bug in the collector"), ())
    assert not isinstance(error, CollectorError)
    assert str(error) == "a bug in the collector"


@pytest.mark.parametrize("at", [None, 0, 3, 4, 9, 30])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancelled_call_ends_in_order(
    serve: Serve, tmp_path: Path, at: int | None, times: int
) -> None:
    """At once, while the dates are verified, at the first cells, and later; also twice.

    The directory is unlocked, each line is whole, and the same call requests only what is missing.
    """
    call = {"credentials": _TOKEN, "output": tmp_path / "r", "concurrency": 4, **_FAST}
    companies = [str(number) for number in range(10)]

    def judge(_company: str, before: int) -> int:
        if before == at:
            for _ in range(times):
                task.cancel()
        return 200

    api = await serve(judge, total=_total)
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
    assert len(_cells(tmp_path / "r")) == len(set(_cells(tmp_path / "r"))) == 70
    attempts = json.loads((tmp_path / "r" / "run.json").read_bytes())["attempts"]
    assert all(attempt["ended_at"] is not None for attempt in attempts)
    if at is not None and at > 4:
        assert [attempt["exit_code"] for attempt in attempts] == [4, 0]


async def test_a_time_limit_of_the_caller_ends_it_likewise(serve: Serve, tmp_path: Path) -> None:
    """`asyncio.timeout` is a cancellation."""
    api = await serve(lambda _company, _before: 200, total=_total)
    call = {"credentials": _TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **_DAYS}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await collect(["a", "b"], rate=1, **call)
    assert (await collect(["a", "b"], rate=10_000, **call)).is_complete


def _of_the_process() -> dict[str, object]:
    """Return what a library must not change."""
    root = logging.getLogger()
    return {
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "logging": (root.level, list(root.handlers), logging.raiseExceptions),
        "loggers": {
            name: (logger.level, list(logger.handlers), logger.propagate)
            for name, logger in logging.Logger.manager.loggerDict.items()
            if isinstance(logger, logging.Logger)
        },
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, sys.unraisablehook, asyncio.get_event_loop_policy),
        "warnings": list(warnings.filters),
        "garbage": (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()),
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
    there = _there(await start_api())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collector.toml").write_text("rate = nonsense", encoding="utf-8")
    monkeypatch.setenv("COLLECTOR_RATE", "nonsense")
    before = _of_the_process()
    result = await collect(["a", "a"], **_FAST, **there)
    assert result.is_complete
    assert len(result.remarks) == 1
    assert result.directory.parent == Path("output")
    with pytest.raises(InputError):
        await collect(["a"], rate="nonsense")
    assert _of_the_process() == before
    assert capfd.readouterr() == ("", "")


async def test_several_runs_share_a_loop(start_api: StartApi, tmp_path: Path) -> None:
    """Each has a directory of its own."""
    there = _there(await start_api())
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(collect([name], output=tmp_path / name, **_FAST, **there))
            for name in ("a", "b", "c")
        ]
    assert all(task.result().is_complete for task in tasks)


async def test_it_works_in_any_thread(start_api: StartApi, tmp_path: Path) -> None:
    """Signals can be handled in the main thread only; schedulers call tasks in others."""
    there = _there(await start_api())
    with ThreadPoolExecutor(1) as threads:
        call = collect(["a"], output=tmp_path / "r", **_FAST, **there)
        result = await asyncio.get_running_loop().run_in_executor(threads, asyncio.run, call)
    assert result.is_complete
