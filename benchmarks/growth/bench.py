"""What runs the real commands, each as a child process, and measures them."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.child import Child, Usage, measured
from benchmarks.growth.series import Cost
from collector.core.errors import ExitCode

__all__ = ["Bench"]

_ROUNDS: Final = 5
_ENOUGH: Final = 8.0
"""Seconds of CPU time after which a command is not repeated."""

_PATIENCE: Final = 600.0
"""Seconds within which a run must have its first line."""

_LOOK: Final = 0.02
"""Seconds between checks of the size of the file of answers."""


class Bench(NamedTuple):
    """A directory for data, and the environment in which the commands find the embedded API."""

    scratch: Path
    environment: Mapping[str, str]

    @property
    def base_url(self) -> str:
        """The address of the embedded API."""
        return self.environment["COLLECTOR_BASE_URL"]

    def command(self, *arguments: str | Path) -> Cost:
        """Return the cost of a command that ends by itself, with exit code 0."""
        command = [sys.executable, "-m", "collector", *arguments]
        return _least(lambda: measured(command, self.scratch, environment=self.environment))

    def begun(
        self,
        *arguments: str | Path,
        output: Path,
        before: Callable[[], object] = lambda: None,
    ) -> Cost:
        """Return the cost of a run until its first line; then it is interrupted, as by Ctrl-C.

        `before` is called before each round.
        """
        command = [sys.executable, "-m", "collector", "run", *arguments, "--output", output]
        command += ["--trust-dates", "--rate", "20", "--quiet"]

        def one() -> Usage:
            before()
            return self._until_first_line(command, output / "statistics.jsonl")

        return _least(one)

    def _until_first_line(self, command: list[str | Path], lines: Path) -> Usage:
        errors = self.scratch / "errors.txt"
        errors.unlink(missing_ok=True)
        size = _size(lines)
        deadline = time.monotonic() + _PATIENCE
        with Child(command, Path(os.devnull), errors, self.environment) as child:
            while child.is_running and _size(lines) <= size:
                assert time.monotonic() < deadline, f"no line within {_PATIENCE} s"
                time.sleep(_LOOK)
            child.interrupt()
            usage = child.wait()
        assert usage.exit_code == ExitCode.SIGINT, (command, usage, errors.read_text()[-2000:])
        return usage


def _least(one: Callable[[], Usage]) -> Cost:
    usages = [one()]
    while len(usages) < _ROUNDS and sum(usage.cpu for usage in usages) < _ENOUGH:
        usages.append(one())
    return Cost.least(usages)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
