"""What runs the real commands, each as a child process, and measures them."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.child import Child
from benchmarks.growth.control import Control
from benchmarks.growth.series import Cost
from collector.core.errors import ExitCode

__all__ = ["Bench"]

_ROUNDS: Final = 5
_ENOUGH: Final = 15.0
"""Seconds of CPU time after which a command is not repeated."""

_PATIENCE: Final = 600.0
"""Seconds within which a run must have its first line, and any other command its end."""

_LOOK: Final = 0.02
"""Seconds between checks of the size of the file of answers, and of the end of a command."""

_SAMPLED: Final = 0.3
"""Seconds between two samples of the control."""


class Bench(NamedTuple):
    """What the commands need: a directory for data, and where they find the embedded API."""

    scratch: Path
    environment: Mapping[str, str]
    control: Control

    @property
    def base_url(self) -> str:
        """The address of the embedded API."""
        return self.environment["COLLECTOR_BASE_URL"]

    def command(self, *arguments: str | Path) -> Cost:
        """Return the cost of a command that ends by itself, with exit code 0."""
        return self._cost(arguments, ExitCode.COMPLETE)

    def begun(
        self,
        *arguments: str | Path,
        output: Path,
        before: Callable[[], object] = lambda: None,
    ) -> Cost:
        """Return the cost of a run until its first line; then it is interrupted, as by Ctrl-C.

        `before` is called before each round.
        """
        command = ("run", *arguments, "--output", output)
        command += ("--trust-dates", "--rate", "20", "--quiet")
        return self._cost(command, ExitCode.SIGINT, output / "statistics.jsonl", before)

    def _cost(
        self,
        arguments: Sequence[str | Path],
        exit_code: ExitCode,
        lines: Path | None = None,
        before: Callable[[], object] = lambda: None,
    ) -> Cost:
        """Run a command several times; interrupt it once the file of lines has grown."""
        costs = list[Cost]()
        while len(costs) < _ROUNDS and sum(cost.cpu for cost in costs) < _ENOUGH:
            before()
            costs.append(self._once(arguments, exit_code, lines))
        return Cost.median(costs)

    def _once(
        self, arguments: Sequence[str | Path], exit_code: ExitCode, lines: Path | None
    ) -> Cost:
        command = [sys.executable, "-m", "collector", *arguments]
        errors = self.scratch / "errors.txt"
        errors.unlink(missing_ok=True)
        size = _size(lines)
        began = sampled = time.monotonic()
        self.control.sample()
        with Child(command, Path(os.devnull), errors, self.environment) as child:
            while child.is_running and _size(lines) <= size:
                now = time.monotonic()
                assert now < began + _PATIENCE, f"{command} takes more than {_PATIENCE} s"
                if now >= sampled + _SAMPLED:
                    sampled = now
                    with child.stopped():
                        self.control.sample()
                time.sleep(_LOOK)
            if lines is not None:
                child.interrupt()
            usage = child.wait()
        self.control.sample()
        assert usage.exit_code == exit_code, (command, usage, errors.read_text()[-2000:])
        return Cost(usage.cpu / self.control.slowness(), usage.peak)


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.exists() else 0
