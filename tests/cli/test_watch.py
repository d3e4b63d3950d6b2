"""What is shown while a run works: a display in a terminal, or a line now and then."""

import asyncio
import io
import os
import re
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from collector.cli.streams import background_streams
from collector.cli.watch import show_lines, show_live, watch
from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.faults import Fault, Nature
from collector.plan import Companies, Plan
from collector.run.run import Run
from collector.settings import RunSettings
from collector.settings.parsers import Rate
from collector.simulator import Simulator
from tests.cli.terminal import on_a_terminal
from tests.conftest import company_lines

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


def _job(tmp_path: Path, **settings: Any) -> Run:  # noqa: ANN401 - see RunSettings
    plan = Plan(Companies(("1", "2", "3", "4")), (SERVER_DEFAULT,))
    return Run(plan, RunSettings(**settings), AccessToken(Secret("t")), tmp_path / "r")


async def _show_for(seconds: float, showing: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await showing


async def _first_line(job: Run) -> str:
    """Show lines until there is one."""
    stream = io.StringIO()
    showing = asyncio.create_task(show_lines(job, stream, every=0.01))
    async with asyncio.timeout(30):
        while "\n" not in stream.getvalue():  # noqa: ASYNC110 - a text has no events
            await asyncio.sleep(0.01)
    showing.cancel()
    await asyncio.wait([showing])
    return stream.getvalue().splitlines()[0]


async def test_without_a_terminal_a_structured_line_comes(tmp_path: Path) -> None:
    """The line for cron and journald has every figure that the display has."""
    job = _job(tmp_path, rate=Rate(7))
    job.stats.cells[CellState.DATA] = 2
    job.stats.retries = 5
    line = await _first_line(job)
    assert re.match(r"at=\S+Z level=info event=progress ", line)
    figures = dict(pair.split("=", 1) for pair in line.split())
    assert figures["done"] == "2"
    assert figures["total"] == "4"
    assert figures["allowed"] == "7.0"
    assert figures["retries"] == "5"
    assert (figures["blocked"], figures["paused_seconds"]) == ("", "0.0")
    assert not figures["last_error"]
    names = {"rate", "in_flight", "retrying", "refused", "failed", "seconds_left"}
    assert names <= figures.keys()
    await _refuse(job, pause=90.0)
    line = await _first_line(job)
    assert 'last_error="https://api.trust.lat: HTTP 429"' in line
    figures = dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
    assert figures["blocked"] == "refused"
    assert 89.0 < float(figures["paused_seconds"]) <= 90.0


async def test_a_line_has_the_seconds_left_once_they_are_known(tmp_path: Path) -> None:
    """Before the first cell is done nothing is known of them, and the line comes all the same."""
    job = _job(tmp_path)
    assert re.search(r" seconds_left=$", await _first_line(job))
    job.stats.cells[CellState.DATA] = 2
    assert re.search(r" seconds_left=\d+$", await _first_line(job))


@pytest.mark.parametrize("is_quiet", [False, True])
async def test_nothing_is_shown_once_the_run_has_ended(tmp_path: Path, *, is_quiet: bool) -> None:
    """The display has ended by then, so that it writes nothing into the summary."""
    async with asyncio.timeout(30):
        async with watch(_job(tmp_path, quiet=is_quiet), may_be_live=True):
            assert ("watch" in _task_names()) == (not is_quiet)
            await asyncio.sleep(0)
        assert "watch" not in _task_names()


def _task_names() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def _refuse(job: Run, *, pause: float) -> None:
    """Let the API refuse a request of this run, and ask for a pause (seconds)."""
    fault = Fault("HTTP 429", Nature.TRANSIENT)
    job.gate.refused(await job.gate.acquire(), pause=pause, fault=fault)


async def _fail(job: Run) -> None:
    """Let nearly everything fail."""
    fault = Fault("connection refused", Nature.TRANSIENT)
    for number in range(8):
        permit = await job.gate.acquire()
        job.gate.failed(permit, str(number), is_evidence=True, was_accepted=False, fault=fault)


@pytest.mark.parametrize("width", [100, 40])
async def test_a_terminal_shows_the_run_live(tmp_path: Path, width: int) -> None:
    """The display shows what is done, the rate, what is in flight, retries, failures, a pause."""
    job = _job(tmp_path, rate=Rate(7))
    job.stats.cells[CellState.DATA] = 2
    job.stats.cells[CellState.FAILED] = 1
    job.stats.in_flight = 3
    await _refuse(job, pause=90.0)
    shown = await _shown(job, width)
    for text in ("3 of 4 cells", "of 7 requests/s", "3 in flight", "1 cell failed", "left"):
        assert text in shown
    cause = "https://api.trust.lat: HTTP 429"
    # Where there is little room, the line is folded.
    assert re.search(rf"rate-limited, next try in (90|89) s · {cause.replace(' ', ' ?')}", shown)


async def _shown(job: Run, width: int = 100) -> str:
    """Return what a terminal shows of a run, without colours."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, legacy_windows=False)
    await _show_for(0.1, show_live(job, console))
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()))


async def test_frames_are_left_out_while_the_terminal_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the newest one when it continues, and not all of an hour."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    os.set_blocking(writer, True)
    with os.fdopen(writer, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with background_streams():
            console = Console(file=sys.stderr, force_terminal=True, width=100)
            await _show_for(0.1, show_live(_job(tmp_path), console, every=0.001))
            threads = ThreadPoolExecutor(1)
            reading = threads.submit(_read_all, reader)
    assert reading.result(10).count(b"in flight") <= 2
    threads.shutdown()


def _read_all(reader: int) -> bytes:
    with os.fdopen(reader, "rb") as stream:
        return stream.read()


async def test_a_terminal_tells_an_outage_from_a_refusal(tmp_path: Path) -> None:
    """And while all is well it speaks of neither."""
    job = _job(tmp_path, rate=Rate(1000))
    assert "next try" not in await _shown(job)
    await _fail(job)
    shown = await _shown(job)
    assert re.search(r"· out of reach, next try in [01] s", shown)
    assert "https://api.trust.lat: connection refused" in shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        *((Rate(0.05), "of 0.05 requests/s"), (Rate(123.456), "of 123.5 requests/s")),
        *((Rate(20_000), "of 20000 requests/s"), (Rate(1_000_000), "of 1000000 requests/s")),
        (Rate("inf"), "of 10 requests/s"),
    ],
)
async def test_a_rate_is_shown_as_people_write_it(tmp_path: Path, rate: Rate, shown: str) -> None:
    """No powers of ten, and not more digits than it takes; without a limit, where it begins."""
    assert shown in await _shown(_job(tmp_path, rate=rate))


async def test_a_real_terminal_gets_the_display(start_api: StartApi, against: Against) -> None:
    """In a terminal the command draws while it works, and leaves only the summary."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(60))
    shown = await on_a_terminal(
        command.with_environment(TERM="xterm"),
        *("run", "companies.txt", "--rate", "60", "--output", "r"),
        columns=90,
    )
    assert "of 60 cells" in shown
    assert "requests/s" in shown
    assert "60 of 60 answered" in shown.splitlines()[-7]
