"""The trials: what each program leaves on the disk, its exit code, and what the server has seen."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from benchmarks.facts.output import READERS, Left, left
from benchmarks.facts.server import Behaviour, Seen, serving
from benchmarks.speed.contenders import CONTENDERS, Contender, Job
from benchmarks.speed.work import Work

__all__ = ["PROGRAMS", "TRIALS", "Outcome", "Trial"]

_KEYS: Final = ("collector", "curl-jq", "scrapy", "dlt-async", "singer")

PROGRAMS: Final = [next(each for each in CONTENDERS if each.key == key) for key in _KEYS]
"""The collector, and what is used in its place."""

_DEADLINE: Final = 180.0
_HIDDEN_LIMIT: Final = 50.0

Command = list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial; `exit_code` is None if the program was ended after the deadline."""

    exit_code: int | None
    left: Left
    seen: Seen
    cells: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that goes wrong.

    * `row` describes an outcome in a few words.
    * `arrange` changes a command as the documentation of the program advises for this case.
    * `kill_after` is the share of the requests after which the program is killed; then it is
      started again.
    """

    key: str
    title: str
    cells: int
    behaviour: Behaviour
    row: Callable[[Outcome], str]
    arrange: Callable[[str, Command, Path], Command] = lambda _, command, __: command
    kill_after: float | None = None

    def run(self, program: Contender, directory: Path, today: date) -> Outcome:
        """Run a program to its end, with a server of its own."""
        cells = (
            self.cells // 10 if program.key == "singer" and self.behaviour.latency else self.cells
        )
        work = Work(cells, today)
        with serving(self.behaviour, today) as seen:
            job = Job(seen.base_url, work, is_late=True, directory=directory)
            command = self.arrange(
                program.key, [str(part) for part in program.command(job)], directory
            )
            if self.kill_after is not None:
                enough = int(cells * self.kill_after)
                _run(command, program, directory, lambda: seen.requests >= enough)
            code = _run(command, program, directory, lambda: False)
        return Outcome(code, left(READERS[program.key](directory), work), seen, cells)


def _run(
    command: Sequence[str], program: Contender, directory: Path, is_enough: Callable[[], bool]
) -> int | None:
    """Run a command, with all processes that it starts, and kill them when it is enough."""
    with (
        (directory / "output.txt").open("ab") as output,
        (directory / "errors.txt").open("ab") as errors,
    ):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=os.environ | program.environment | {"NO_PROXY": "*"},
            start_new_session=True,
        )
        until = time.monotonic() + _DEADLINE
        try:
            while process.poll() is None and not is_enough():
                if time.monotonic() > until:
                    return None
                time.sleep(0.005)
            return process.poll()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _resumable(key: str, command: Command, directory: Path) -> Command:
    """Use what a program has for resuming: Scrapy its job directory, which needs its filter."""
    if key == "scrapy":
        command = ["-o" if part == "-O" else part for part in command]
        return [*command, "-s", f"JOBDIR={directory / 'job'}", "-a", "filtered=yes"]
    return command


def _patient(key: str, command: Command, directory: Path) -> Command:
    """Use what a program has against an unknown limit."""
    if key == "collector":
        return ["auto" if part == "1000000" else part for part in command]
    if key == "scrapy":
        settings = ("AUTOTHROTTLE_ENABLED=1", "AUTOTHROTTLE_TARGET_CONCURRENCY=8", "RETRY_TIMES=20")
        return [*command, *(part for each in settings for part in ("-s", each))]
    if key == "curl-jq":
        config = directory / "curl.txt"
        config.write_text(f"retry = 20\n{config.read_text()}")
    return command


def _exit(outcome: Outcome) -> str:
    code = outcome.exit_code
    return f"no end in {_DEADLINE:.0f} s" if code is None else f"exit {code}"


def _after_kill(outcome: Outcome) -> str:
    lost, doubled, _ = outcome.left
    again = outcome.seen.requests - len(outcome.seen.accepted)
    twice = f", {doubled:,} twice" if doubled else ""
    return f"{lost:,} missing{twice}; {again:,} requested again; {_exit(outcome)}"


def _after_limit(outcome: Outcome) -> str:
    seen = outcome.seen
    refused = seen.limited / max(seen.requests, 1)
    missing = outcome.left.missing
    share = "" if missing else f"{seen.rate / _HIDDEN_LIMIT:.0%} of it used; "
    return f"{share}{refused:.1%} of the requests refused; {missing:,} missing; {_exit(outcome)}"


def _wrong(outcome: Outcome) -> str:
    return f"{outcome.left.wrong:,} wrong lines; {outcome.left.missing:,} missing; {_exit(outcome)}"


TRIALS: Final = (
    Trial(
        "kill",
        "`kill -9` after a third of 3,000 requests, then the same command again",
        3000,
        Behaviour(latency=0.1),
        _after_kill,
        _resumable,
        kill_after=1 / 3,
    ),
    Trial(
        "limit",
        "a limit of 50 requests per second that is documented nowhere, 2,000 cells",
        2000,
        Behaviour(limit=_HIDDEN_LIMIT),
        _after_limit,
        _patient,
    ),
    Trial(
        "dates",
        "a server that ignores the dates, 3,000 cells",
        3000,
        Behaviour(ignores_dates=True),
        _wrong,
    ),
    Trial(
        "repeat",
        "a server that sends every 20th answer of a connection twice, 3,000 cells",
        3000,
        Behaviour(repeats_every=20),
        _wrong,
    ),
)
"""In the order of the table."""
