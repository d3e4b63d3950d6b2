"""Telemetry of a run: samples in its log, and a metrics file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from structlog.typing import FilteringBoundLogger

from collector.core.errors import NOT_STARTED, ExitCode
from collector.core.threads import in_thread
from collector.pace.types import PaceView
from collector.plan import Shard
from collector.telemetry.histogram import LatencyHistogram
from collector.telemetry.stats import RunStats

if TYPE_CHECKING:
    from collector.telemetry.prometheus import MetricsFile

__all__ = ["Sample", "Sampler", "Telemetry"]

_DIGITS: Final = 4
"""Digits of seconds and rates; percentiles are accurate to 2.5 %."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What happened in an interval of `seconds`.

    `sent`, `answered` (well), `refused` and `retried` are counts of the interval; `in_flight`,
    `allowed` (requests per second) and `done` (cells) are the values at its end. Latencies
    (seconds) are of the answers of the interval, None without answers.
    """

    seconds: float
    sent: int
    answered: int
    refused: int
    retried: int
    in_flight: int
    allowed: float
    latency_p50: float | None
    latency_p90: float | None
    latency_p99: float | None
    done: int


@dataclass(frozen=True, slots=True)
class _Moment:
    seconds: float
    sent: int
    answered: int
    refused: int
    retried: int
    latencies: LatencyHistogram

    @classmethod
    def of(cls, stats: RunStats) -> "_Moment":
        return cls(
            seconds=stats.seconds,
            sent=stats.requests,
            answered=stats.good,
            refused=stats.refused,
            retried=stats.retries,
            latencies=stats.latencies.copy(),
        )


class Sampler:
    """Divides a run into intervals: each sample begins where the previous one ended.

    The first one begins with the stats, so that all of them together cover the whole invocation.
    `allowed` returns the rate in force, in requests per second.
    """

    def __init__(self, stats: RunStats, allowed: Callable[[], float]) -> None:
        self._stats = stats
        self._allowed = allowed
        self._before = _Moment(0.0, 0, 0, 0, 0, LatencyHistogram())

    def take(self) -> Sample:
        """Return what happened since the last sample."""
        before, now = self._before, _Moment.of(self._stats)
        self._before = now
        latencies = now.latencies - before.latencies
        return Sample(
            seconds=round(now.seconds - before.seconds, _DIGITS),
            sent=now.sent - before.sent,
            answered=now.answered - before.answered,
            refused=now.refused - before.refused,
            retried=now.retried - before.retried,
            in_flight=self._stats.in_flight,
            allowed=round(self._allowed(), _DIGITS),
            latency_p50=_percentile(latencies, 0.5),
            latency_p90=_percentile(latencies, 0.9),
            latency_p99=_percentile(latencies, 0.99),
            done=self._stats.done,
        )


def _percentile(latencies: LatencyHistogram, share: float) -> float | None:
    return round(latencies.percentile(share), _DIGITS) if latencies.count else None


_WHOLE_RUN: Final = Shard()
_SAMPLE_SECONDS: Final = 10.0
_WRITE_SECONDS: Final = 30.0


class Telemetry:
    """Logs a sample every 10 seconds, and replaces the metrics file every 30, if there is one.

    Its failures do not end the run. Call `check` before the run directory is touched, work inside
    `working`, log the `last_sample` while there is a log, and call `ended` when all is closed.

    * `metrics_file`: path of the file, None for none; a shard has its own, see `MetricsFile`
    * `stats`: counts of this invocation
    * `pace`: returns the rate in force and the limit found, in requests per second
    * `log`: logger of the run
    * `event`: name of the logged samples
    * `shard`: part of the plan that this run collects
    """

    def __init__(  # noqa: PLR0913 - two with their usual value
        self,
        metrics_file: Path | None,
        stats: RunStats,
        pace: Callable[[], PaceView],
        log: FilteringBoundLogger,
        *,
        event: str = "sample",
        shard: Shard = _WHOLE_RUN,
    ) -> None:
        self._path = metrics_file
        self._shard = shard
        self._stats = stats
        self._pace = pace
        self._log = log
        self._event = event
        self._sampler = Sampler(stats, lambda: pace().rate)
        self._file: MetricsFile | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self._has_begun = False
        self._is_failing = False

    async def check(self) -> None:
        """Raise `InputError` when the metrics file could not be written; it is not touched yet."""
        if self._path is not None:
            self._file = await in_thread(_checked, self._path, self._shard)

    @asynccontextmanager
    async def working(
        self, *, sample_every: float = _SAMPLE_SECONDS, write_every: float = _WRITE_SECONDS
    ) -> AsyncIterator[tuple[str, ...]]:
        """Log and write until the body ends (times in seconds); yield warnings for the user.

        Raises `InputError` when the metrics file cannot be written.
        """
        remarks = () if self._file is None else await self._begin(self._file)
        self._start("sample", sample_every, self._sample)
        if self._file is not None:
            self._start("metrics", write_every, self._write_again)
        try:
            yield remarks
        finally:
            self._is_over = True
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def last_sample(self) -> None:
        """Log what happened since the previous sample; no other one follows."""
        self._tasks[0].cancel()
        self._log.info(self._event, **asdict(self._sampler.take()))

    async def ended(self, exit_code: ExitCode) -> tuple[str, ...]:
        """Write the end of the run into the metrics file; return the warning if that fails."""
        file = self._file
        # If the run never started, the file may belong to a running one.
        if file is None or (exit_code in NOT_STARTED and not self._has_begun):
            return ()
        if self._tasks:
            # They may still run after an exception in `working`, and would write after this.
            await asyncio.wait(self._tasks)
        remark = None if self._has_begun else await in_thread(file.recall)
        try:
            await self._write(file, exit_code)
        except Exception as error:  # noqa: BLE001 - the run is over, and its exit code stays
            remark = str(file.unwritable(getattr(error, "strerror", None) or str(error)))
        return () if remark is None else (remark,)

    async def _begin(self, file: "MetricsFile") -> tuple[str, ...]:
        remark = await in_thread(file.recall)
        try:
            await self._write(file)
        except OSError as error:
            raise file.unwritable(error.strerror) from error
        self._has_begun = True
        return () if remark is None else (remark,)

    def _start(self, name: str, every: float, report: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._repeat(every, report), name=name))

    async def _repeat(self, every: float, report: Callable[[], Awaitable[None]]) -> None:
        # A cancellation is lost when work in a thread fails at the same time.
        while not self._is_over:
            await asyncio.sleep(every)
            try:
                await report()
            except Exception:  # noqa: BLE001 - the run continues after any error
                self._log.exception("telemetry_failed")

    async def _sample(self) -> None:
        self._log.info(self._event, **asdict(self._sampler.take()))

    async def _write_again(self) -> None:
        assert self._file is not None, "or nothing is repeated"  # noqa: S101 - for the type checker
        try:
            await self._write(self._file)
        except OSError as error:
            if not self._is_failing:
                self._log.warning("metrics_not_written", reason=error.strerror)
            self._is_failing = True
        else:
            self._is_failing = False

    async def _write(self, file: "MetricsFile", exit_code: ExitCode | None = None) -> None:
        pace = self._pace()
        made = file.page(
            self._stats,
            allowed=pace.rate,
            limit_found=pace.limit,
            exit_code=exit_code,
        )
        await in_thread(file.write, made)


def _checked(path: Path, shard: Shard) -> "MetricsFile":
    from collector.telemetry.prometheus import MetricsFile  # noqa: PLC0415 - its docstring says why

    file = MetricsFile(path, shard)
    file.check()
    return file
