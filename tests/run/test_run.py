"""One run in this process, against a real server: answers that repeat, a lock that is held."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.core.cell import Window
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.plan import Companies, Plan, Shard
from collector.run.run import End, Run
from collector.settings import RunSettings
from collector.settings.parsers import Duration, Rate
from collector.store.lock import DirectoryLock

LargestFile = Callable[[int], AbstractContextManager[None]]
Serve = Callable[..., Awaitable[Any]]

_FIRST = date(2026, 9, 1)
_WINDOWS = 7
_COMPANIES = 40


def _plan(windows: int) -> Plan:
    """Make a plan; with 7 windows or more, 5 companies whose last 7 answers repeat are a row."""
    days = [_FIRST + timedelta(number) for number in range(windows)]
    ids = tuple(str(number) for number in range(_COMPANIES))
    return Plan(Companies(ids), [Window(day, day) for day in days])


def _run(
    api: Any,  # noqa: ANN401 - see `OwnApi`
    output: Path,
    *,
    concurrency: int,
    windows: int = _WINDOWS,
) -> Run:
    settings = RunSettings(base_url=api.base_url, rate=Rate(10_000), concurrency=concurrency)
    return Run(_plan(windows), settings, AccessToken(Secret("fake")), output)


def _events(output: Path) -> list[dict[str, Any]]:
    path = output / "log.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _lines(output: Path) -> int:
    return len((output / "statistics.jsonl").read_bytes().splitlines())


async def _answers_repeat(output: Path) -> None:
    """Wait until the dates are verified again."""
    while "answers_repeat" not in {event["event"] for event in _events(output)}:  # noqa: ASYNC110 - a file has no events
        await asyncio.sleep(0.005)


def _alike(_company: str, days: range) -> int:
    """Return the same total every day: that is suspicious, but the dates are honoured."""
    return 20 * len(days)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["signal", "deadline", "at once", "last cell"])
async def test_a_stop_during_a_verification_ends_the_run_as_any_stop(
    serve: Serve, tmp_path: Path, ends: str
) -> None:
    """The exit code is that of the stop, and the manifest states that the dates are in doubt."""

    def judge(_company: str, _before: int) -> int:
        # From then on answers take long enough to be stopped during the verification.
        if "answers_repeat" in {event["event"] for event in _events(tmp_path / "r")}:
            api.latency = 2.0 if ends == "at once" else 0.2
        return 200

    api = await serve(judge, total=_alike)
    concurrency = _COMPANIES * _WINDOWS if ends == "last cell" else 4
    run = _run(api, tmp_path / "r", concurrency=concurrency)
    running = asyncio.create_task(run.execute())
    async with asyncio.timeout(30):
        await _answers_repeat(tmp_path / "r")
        if ends == "last cell":
            while run.stats.missing:  # noqa: ASYNC110 - counts have no events
                await asyncio.sleep(0.005)
        if ends == "deadline":
            run.stop(ExitCode.STOPPED_EARLY, f"the deadline of {Duration(1)} has passed")
        else:
            run.stop(ExitCode.SIGTERM)
        if ends == "at once":
            run.stop_at_once()
        end = await running
    code = ExitCode.STOPPED_EARLY if ends == "deadline" else ExitCode.SIGTERM
    assert end.exit_code is code, end
    manifest = json.loads((tmp_path / "r" / "run.json").read_bytes())
    assert manifest["attempts"][0]["exit_code"] == code
    assert manifest["dates"]["verdict"] == "doubted"
    assert "bug" not in {event["event"] for event in _events(tmp_path / "r")}
    assert manifest["attempts"][0]["cells"]["data"] == _lines(tmp_path / "r")


async def test_a_disk_that_refuses_a_line_ends_a_verification_too(
    serve: Serve, tmp_path: Path, largest_file: LargestFile
) -> None:
    """The exit code is that of the disk, and the dates are in doubt."""

    def judge(_company: str, _before: int) -> int:
        if "answers_repeat" in {event["event"] for event in _events(tmp_path / "r")}:
            api.latency = 0.2
        return 200

    api = await serve(judge, total=_alike, closes=True)
    running = asyncio.create_task(_run(api, tmp_path / "r", concurrency=4).execute())
    async with asyncio.timeout(30):
        await _answers_repeat(tmp_path / "r")
        with largest_file((tmp_path / "r" / "statistics.jsonl").stat().st_size):
            end = await running
    assert end.exit_code is ExitCode.STORAGE
    manifest = json.loads((tmp_path / "r" / "run.json").read_bytes())
    assert manifest["attempts"][0]["exit_code"] == ExitCode.STORAGE
    assert manifest["dates"]["verdict"] == "doubted"
    assert manifest["attempts"][0]["cells"]["data"] == _lines(tmp_path / "r")


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_verification_takes_the_place_of_the_worker_that_met_the_repetition(
    serve: Serve, tmp_path: Path, concurrency: int
) -> None:
    """So there are never more requests in flight than `--concurrency` allows."""
    api = await serve(lambda _company, _before: 200, total=_alike, latency=0.01)
    run = _run(api, tmp_path / "r", concurrency=concurrency)
    assert await run.execute() == End(ExitCode.COMPLETE)
    events = [event["event"] for event in _events(tmp_path / "r")]
    assert "answers_repeat" in events
    # All connections are confirmed by requests; none is waited for until it is closed.
    assert "answers_not_attributed" not in events
    assert api.most_in_flight == concurrency


async def test_every_line_of_a_run_that_ends_by_ignored_dates_is_counted(
    serve: Serve, tmp_path: Path
) -> None:
    """Its last lines are synced after the last worker has ended."""
    ignores = False

    def total(_company: str, days: range) -> int:
        return 900 if ignores else sum(100 + 50 * (day % 3) for day in days)

    def judge(_company: str, before: int) -> int:
        nonlocal ignores
        ignores = before >= 2 * _COMPANIES
        return 200

    api = await serve(judge, total=total, latency=0.01)
    run = _run(api, tmp_path / "r", concurrency=20, windows=84)
    end = await run.execute()
    assert end.exit_code is ExitCode.DATES
    manifest = json.loads((tmp_path / "r" / "run.json").read_bytes())
    assert manifest["dates"]["verdict"] == "ignored"
    assert manifest["attempts"][0]["cells"]["data"] == _lines(tmp_path / "r")
    assert _lines(tmp_path / "r") < _COMPANIES * 83


async def test_nothing_is_sent_after_a_verification_that_ends_the_run(
    serve: Serve, tmp_path: Path
) -> None:
    """The only worker waits for the verification, and does not request a cell before it ends."""
    lengths: list[int] = []

    def total(_company: str, days: range) -> int:
        lengths.append(len(days))
        return 900 if len(lengths) > 4 else sum(100 + 50 * (day % 3) for day in days)

    api = await serve(lambda _company, _before: 200, total=total)
    end = await _run(api, tmp_path / "r", concurrency=1, windows=14).execute()
    assert end.exit_code is ExitCode.DATES
    # A verification asks for several days, a cell of this plan is one day.
    assert lengths[-1] > 1


@pytest.mark.parametrize(
    ("given", "seconds"), [(None, (60.0, 3600.0)), (Duration(7200), (7200.0, 7200.0))]
)
async def test_how_long_a_run_waits_for_its_first_answer(
    tmp_path: Path, given: Duration | None, seconds: tuple[float, float]
) -> None:
    """A minute, or as the user says; messages name the service by its address."""
    settings = RunSettings(base_url="https://api.example/v2", max_outage=given)
    run = Run(_plan(1), settings, AccessToken(Secret("fake")), tmp_path / "r")
    silence = run.gate.silence
    assert (silence.patience, silence.longest) == seconds
    assert silence.service == ("https://api.example", "--base-url", "answer")


async def test_the_display_says_who_holds_the_lock_of_the_plan(
    serve: Serve, tmp_path: Path
) -> None:
    """As long as the run waits for it; then it continues."""
    api = await serve(lambda _company, _before: 200)
    output = tmp_path / "r"
    output.mkdir()
    settings = RunSettings(
        base_url=api.base_url, rate=Rate(10_000), trust_dates=True, shard=Shard(0, 2)
    )
    run = Run(_plan(1), settings, AccessToken(Secret("fake")), output)
    held = DirectoryLock.take(output / "run-plan.lock", with_directory=False)
    try:
        running = asyncio.create_task(run.execute())
        async with asyncio.timeout(30):
            while "run-plan.lock is held by process " not in (run.pace.last_error or ""):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)
    finally:
        held.release()
    assert (await running).exit_code is ExitCode.COMPLETE
    assert run.pace.last_error is None
