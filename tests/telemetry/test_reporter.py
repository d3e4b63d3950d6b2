import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.core.errors import ExitCode, InputError
from collector.core.secrets import Redactor
from collector.pace import PaceView
from collector.telemetry.log import EventLog
from collector.telemetry.reporter import Telemetry
from collector.telemetry.stats import RunStats

_NEVER = 1e6
_OFTEN = 0.001


class _Told:
    """A run of three cells, and what is told of it."""

    def __init__(self, metrics_file: Path | None = None) -> None:
        self.stats = RunStats(3)
        self.lines: list[bytes] = []
        self.events = EventLog("info", Redactor())
        log = self.events.logger
        self.telemetry = Telemetry(metrics_file, self.stats, lambda: PaceView(10.0, 10.0), log)
        self.file = metrics_file

    def of(self, event: str) -> list[dict[str, Any]]:
        """Give the events of a kind that were logged."""
        return [line for line in map(json.loads, self.lines) if line["event"] == event]

    def value(self, name: str) -> float | None:
        """Give a figure of the file of metrics."""
        assert self.file is not None
        for family in text_string_to_metric_families(self.file.read_text(encoding="utf-8")):
            for sample in family.samples:
                if sample.name == f"collector_{name}":
                    return float(sample.value)
        return None


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - polls counts, which have no events
            await asyncio.sleep(0.001)


def _others() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()} & {"sample", "metrics"}


async def _whole_run(told: _Told, work: Callable[[], Awaitable[None]], **often: float) -> None:
    with told.events.into(told.lines.append):
        async with told.telemetry.working(**often):
            await work()
            told.telemetry.last_sample()
            await asyncio.sleep(0)
            assert "sample" not in _others()


async def test_samples_come_at_intervals_and_at_the_end() -> None:
    """All of them together are what was sent; after the last one there is none, and no task."""
    told = _Told()

    async def work() -> None:
        for count in range(1, 4):
            told.stats.request_sent()
            await _until(lambda: sum(line["sent"] for line in told.of("sample")) == count)  # noqa: B023
        told.stats.request_sent()

    await _whole_run(told, work, sample_every=_OFTEN)
    samples = told.of("sample")
    assert len(samples) > 3
    assert sum(sample["sent"] for sample in samples) == 4
    assert sum(sample["seconds"] for sample in samples) == pytest.approx(
        told.stats.seconds, abs=1.0
    )
    assert _others() == set()
    assert list(samples[-1])[:3] == ["at", "level", "event"]


async def test_a_short_run_has_one_sample() -> None:
    """Written at its end."""
    told = _Told()

    async def work() -> None:
        told.stats.request_sent()
        await asyncio.sleep(0)

    await _whole_run(told, work)
    (sample,) = told.of("sample")
    assert sample["sent"] == 1
    assert sample["level"] == "info"


async def test_the_file_is_written_at_the_start_now_and_then_and_at_the_end(
    tmp_path: Path,
) -> None:
    """It says whether the run works, and how it ended."""
    told = _Told(tmp_path / "night.prom")
    await told.telemetry.check()
    assert told.file is not None
    assert not told.file.exists()
    async with told.telemetry.working(write_every=_OFTEN) as remarks:
        assert remarks == ()
        assert (told.value("run_running"), told.value("run_exit_code")) == (1, None)
        told.stats.request_sent()
        await _until(lambda: told.value("requests_sent_total") == 1)
        assert told.value("run_running") == 1
    assert _others() == set()
    assert await told.telemetry.ended(ExitCode.COMPLETE) == ()
    assert (told.value("run_running"), told.value("run_exit_code")) == (0, 0)
    assert told.value("last_success_timestamp_seconds") == told.value(
        "run_updated_timestamp_seconds"
    )


async def test_what_cannot_be_written_at_the_start_is_an_error(tmp_path: Path) -> None:
    """Whether at the check, or only when the file is replaced."""
    told = _Told(tmp_path / "none" / "night.prom")
    with pytest.raises(InputError, match="No such file or directory"):
        await told.telemetry.check()
    told = _Told(tmp_path / "night.prom")
    await told.telemetry.check()
    (tmp_path / "night.prom").mkdir()
    with pytest.raises(InputError, match=r"^--metrics-file .*: Is a directory; check that"):
        async with told.telemetry.working():
            pytest.fail("the run must not begin")
    assert await told.telemetry.ended(ExitCode.BAD_INPUT) == ()


async def test_what_cannot_be_written_later_is_a_warning_and_a_remark(tmp_path: Path) -> None:
    """Said once in the log, however long it lasts, and again when it comes back and goes."""
    directory = tmp_path / "there"
    directory.mkdir()
    told = _Told(directory / "night.prom")
    assert told.file is not None
    await told.telemetry.check()
    with told.events.into(told.lines.append):
        async with told.telemetry.working(write_every=_OFTEN):
            for times in (1, 2):
                await _until(told.file.exists)
                directory.rename(tmp_path / "gone")
                await _until(lambda: len(told.of("metrics_not_written")) == times)  # noqa: B023
                await asyncio.sleep(20 * _OFTEN)
                assert len(told.of("metrics_not_written")) == times
                if times == 1:
                    (tmp_path / "gone").rename(directory)
                    before = told.file.stat().st_ino
                    await _until(lambda: told.file.stat().st_ino != before)  # type: ignore[union-attr] # noqa: B023
    assert told.of("metrics_not_written")[0]["reason"] == "No such file or directory"
    assert told.of("metrics_not_written")[0]["level"] == "warning"
    (remark,) = await told.telemetry.ended(ExitCode.SOME_FAILED)
    assert remark.startswith(f"--metrics-file {directory}/night.prom: cannot be written: No such")


@pytest.mark.parametrize("code", [ExitCode.BAD_INPUT, ExitCode.LOCKED])
async def test_a_run_that_did_not_begin_leaves_the_file_alone(
    tmp_path: Path, code: ExitCode
) -> None:
    """It may be that of a run in progress."""
    told = _Told(tmp_path / "night.prom")
    assert told.file is not None
    told.file.write_text("old", encoding="utf-8")
    await told.telemetry.check()
    assert await told.telemetry.ended(code) == ()
    assert told.file.read_text(encoding="utf-8") == "old"


async def test_other_ends_before_the_beginning_are_told(tmp_path: Path) -> None:
    """A full disk under the run directory, say; the last success is carried over."""
    first = _Told(tmp_path / "night.prom")
    await first.telemetry.check()
    assert await first.telemetry.ended(ExitCode.COMPLETE) == ()
    success = first.value("last_success_timestamp_seconds")
    assert success is not None
    told = _Told(tmp_path / "night.prom")
    await told.telemetry.check()
    assert await told.telemetry.ended(ExitCode.STORAGE) == ()
    assert told.value("run_exit_code") == 5
    assert told.value("last_success_timestamp_seconds") == success


async def test_a_damaged_file_is_a_remark(tmp_path: Path) -> None:
    """The run warns about what it no longer knows, and continues."""
    told = _Told(tmp_path / "night.prom")
    assert told.file is not None
    told.file.write_text("old", encoding="utf-8")
    await told.telemetry.check()
    async with told.telemetry.working() as remarks:
        assert [str(told.file) in remark for remark in remarks] == [True]
    assert told.value("last_success_timestamp_seconds") is None


async def test_without_a_file_there_is_nothing_to_say() -> None:
    """Samples are all that there is."""
    told = _Told()
    await told.telemetry.check()
    async with told.telemetry.working() as remarks:
        assert remarks == ()
        await asyncio.sleep(0)
        assert _others() == {"sample"}
    assert await told.telemetry.ended(ExitCode.COMPLETE) == ()


async def test_a_failure_of_the_telemetry_is_no_failure_of_the_run() -> None:
    """Whatever breaks, it is in the log, and the next sample is tried."""
    told = _Told()
    broken, told.stats.latencies = told.stats.latencies, None  # type: ignore[assignment]

    async def work() -> None:
        await _until(lambda: len(told.of("telemetry_failed")) > 1)
        told.stats.latencies = broken
        await _until(lambda: len(told.of("sample")) > 1)

    await _whole_run(told, work, sample_every=_OFTEN)
    assert "AttributeError" in told.of("telemetry_failed")[0]["exception"]


async def _occupy(threads: ThreadPoolExecutor, go_on: threading.Event) -> None:
    """Take the only thread, so that the next write has to wait."""
    taken = threading.Event()

    def hold() -> None:
        taken.set()
        go_on.wait()

    threads.submit(hold)
    await _until(taken.is_set)


async def test_a_write_that_fails_at_the_very_end_does_not_hold_the_run(tmp_path: Path) -> None:
    """The error of what runs in a thread takes the place of the cancellation."""
    told = _Told(tmp_path / "there" / "night.prom")
    (tmp_path / "there").mkdir()
    await told.telemetry.check()
    loop, go_on = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        loop.set_default_executor(threads)
        async with asyncio.timeout(30):
            async with told.telemetry.working(write_every=_OFTEN):
                await _occupy(threads, go_on)
                await _until(lambda: threads._work_queue.qsize() > 0)  # noqa: SLF001
                (tmp_path / "there").rename(tmp_path / "gone")
                loop.call_later(0.01, go_on.set)
            assert _others() == set()


class _Slow(int):
    """A count that blocks while it is written, until it is released."""

    began: threading.Event
    go_on: threading.Event

    def __float__(self) -> float:
        self.began.set()
        self.go_on.wait()
        return float(int(self))


async def test_the_end_is_written_last_even_if_the_run_is_torn_out(tmp_path: Path) -> None:
    """A write that is under way is waited for, or it could say afterwards that the run works."""
    told = _Told(tmp_path / "night.prom")
    await told.telemetry.check()
    slow = _Slow(7)
    slow.began, slow.go_on = threading.Event(), threading.Event()

    async def run() -> None:
        async with told.telemetry.working(write_every=_OFTEN):
            told.stats.retries = slow
            await asyncio.sleep(_NEVER)

    running = asyncio.create_task(run())
    await _until(slow.began.is_set)
    for _ in range(2):
        running.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait([running])
    assert running.cancelled()
    told.stats.retries = 0
    asyncio.get_running_loop().call_later(0.05, slow.go_on.set)
    async with asyncio.timeout(30):
        assert await told.telemetry.ended(ExitCode.SIGINT) == ()
    assert _others() == set()
    assert (told.value("run_running"), told.value("run_exit_code")) == (0, 130)


async def test_a_run_that_has_begun_tells_of_every_end(tmp_path: Path) -> None:
    """Days that cannot be sent (2) may be found late; the file must not show a run for ever."""
    told = _Told(tmp_path / "night.prom")
    await told.telemetry.check()
    async with told.telemetry.working():
        assert told.value("run_running") == 1
    assert await told.telemetry.ended(ExitCode.BAD_INPUT) == ()
    assert (told.value("run_running"), told.value("run_exit_code")) == (0, 2)
