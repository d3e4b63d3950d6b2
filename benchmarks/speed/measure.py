"""Measurement of the contenders in turns; a run that did not get every answer is an error."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.child import Usage, measured
from benchmarks.server import Server, serving
from benchmarks.speed.contenders import Contender, Job
from benchmarks.speed.work import IN_FLIGHT, Work

__all__ = ["Figures", "Limits", "Measurement", "Run", "measure"]

_WRK_SECONDS: Final = 3
_MOST_ROUNDS: Final = 5

_SLACK: Final = 1.03
"""How far a rate may exceed the ceiling: the latency is measured to 1 %."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most rounds, and most requests in a run, for a quick look; None means no limit."""

    rounds: int | None = None
    requests: int | None = None


class Run(NamedTuple):
    """One run: answers per second by the server's clock, CPU seconds per request, peak in bytes.

    `seconds` is how long the whole command took, with its start and what it does after the last
    answer.
    """

    rate: float
    cpu: float
    peak: int
    seconds: float


@dataclass(slots=True)
class Figures:
    """Results of one contender, round by round; `start` has the CPU seconds of its starts."""

    requests: int
    runs: list[Run] = field(default_factory=list)
    start: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median answers per second."""
        return median(run.rate for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median CPU seconds per request, without those of a start."""
        return median(run.cpu for run in self.runs) - median(self.start) / self.requests

    @property
    def peak(self) -> float:
        """Median peak memory, in bytes."""
        return median(run.peak for run in self.runs)

    @property
    def seconds(self) -> float:
        """Median seconds of the whole command."""
        return median(run.seconds for run in self.runs)

    def times(self, other: "Figures") -> float:
        """Return the median, over the rounds that both ran, of the ratio of their rates."""
        pairs = zip(self.runs, other.runs, strict=False)
        return median(mine.rate / theirs.rate for mine, theirs in pairs)


@dataclass(slots=True)
class Measurement:
    """All figures with one latency of the server, in seconds; `alone` is the rate of wrk."""

    latency: float
    measured_latency: float
    alone: float | None
    figures: dict[str, Figures]

    @property
    def ceiling(self) -> float:
        """Requests per second that no client with `IN_FLIGHT` requests in flight can exceed."""
        return IN_FLIGHT / self.measured_latency


def measure(
    contenders: Sequence[Contender],
    scratch: Path,
    today: date,
    latency: float,
    limits: Limits,
) -> Measurement:
    """Measure in turns, so that a change of the machine's speed affects all."""
    figures = {}
    with serving(scratch, today, latency) as server:
        course = _Course(server, scratch, today, is_late=latency > 0)
        alone = course.alone()
        for contender in contenders:
            times = contender.repetition
            wanted = times.late_requests if latency else times.requests
            figures[contender.key] = Figures(min(wanted, limits.requests or wanted))
        for number in range(limits.rounds or _MOST_ROUNDS):
            for contender in contenders:
                times = contender.repetition
                if number < (times.late_rounds if latency else times.rounds):
                    course.take(contender, figures[contender.key])
    measurement = Measurement(latency, server.latency, alone, figures)
    fastest = max(each.rate for each in figures.values())
    assert fastest <= measurement.ceiling * _SLACK, f"{fastest}: the latency was not what it seemed"
    return measurement


@dataclass(frozen=True, slots=True)
class _Course:
    """A server, and the directory for the programs that run against it."""

    server: Server
    scratch: Path
    today: date
    is_late: bool

    def take(self, contender: Contender, figures: Figures) -> None:
        """Run a contender for a single request, then for the work; record both."""
        start, _ = self._run(contender, 1)
        usage, seconds = self._run(contender, figures.requests)
        cpu = usage.cpu / figures.requests
        run = Run(figures.requests / seconds, cpu, usage.peak, usage.seconds)
        figures.start.append(start.cpu)
        figures.runs.append(run)
        print(f"  {contender.key:<12} {run.rate:9,.0f} requests/s", file=sys.stderr)

    def alone(self) -> float | None:
        """Return the answers per second that wrk gets; None if wrk is not installed."""
        if not shutil.which("wrk"):
            return None
        address = self.server.base_url + next(Work(1, self.today).addresses)
        command = ["wrk", "-t1", f"-c{IN_FLIGHT}", f"-d{_WRK_SECONDS}s", address]
        self.server.forget()
        subprocess.run(command, check=True, capture_output=True)
        answered = self.server.answered()
        return answered.requests / answered.seconds

    def _run(self, contender: Contender, requests: int) -> tuple[Usage, float]:
        """Return the resources of the process, and the seconds by the server's clock."""
        directory = Path(tempfile.mkdtemp(dir=self.scratch))
        base_url = self.server.tls_url if contender.is_encrypted else self.server.base_url
        job = Job(base_url, Work(requests, self.today), self.is_late, directory)
        command = contender.command(job)
        # Whatever proxies the environment sets, nothing leaves this machine.
        environment = os.environ | {"NO_PROXY": "*", "no_proxy": "*"} | contender.environment
        environment["SSL_CERT_FILE"] = str(self.server.chain)
        self.server.forget()
        output = directory / "output.txt"
        usage = measured(command, directory, environment=environment, output=output)
        answered = self.server.answered()
        missing = set(job.work.addresses) - answered.addresses
        assert not missing, f"{contender.key}: {len(missing)} of {requests} were not answered"
        shutil.rmtree(directory)
        return usage, answered.seconds
