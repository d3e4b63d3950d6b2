"""One measured child process: exit code, seconds, CPU time, and peak memory."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

__all__ = ["Child", "Usage", "measured"]

# The memory of a process before it becomes the command counts in the command's peak, so a small
# process has to start it: about 9 MB, the smallest peak that can be measured. It ignores
# interrupts, which are meant for the command.
_STARTER: Final = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
output, errors, *command = sys.argv[1:]
flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
files += [(os.POSIX_SPAWN_OPEN, 1, output, flags, 0o600)]
files += [(os.POSIX_SPAWN_OPEN, 2, errors, flags, 0o600)]
began = time.perf_counter()
process = os.posix_spawnp(
    command[0], command, os.environ, file_actions=files, setsigdef=[signal.SIGINT]
)
print(process, flush=True)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
cpu = usage.ru_utime + usage.ru_stime
print(os.waitstatus_to_exitcode(status), seconds, cpu, usage.ru_maxrss * unit, flush=True)
"""


class Usage(NamedTuple):
    """Resources of a process: `peak` is in bytes, `cpu` in seconds, of all cores and threads.

    `cpu` includes child processes that it waited for.
    """

    exit_code: int
    seconds: float
    cpu: float
    peak: int


class Child:
    """A running process, for a `with` block; its stdout and stderr are appended to files."""

    def __init__(
        self,
        command: Sequence[str | Path],
        output: Path,
        errors: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        starter = [sys.executable, "-I", "-S", "-c", _STARTER, output, errors, *command]
        self._starter = subprocess.Popen(
            starter, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._starter.stdout is not None
        self._stdout = self._starter.stdout
        self._pid = int(self._stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGKILL)
        self._starter.wait()
        self._stdout.close()

    @property
    def is_running(self) -> bool:
        """Whether the process is still running."""
        return self._starter.poll() is None

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process during a `with` block, all of its threads."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def wait(self) -> Usage:
        """Wait until the process ends, and return its resources."""
        exit_code, seconds, cpu, peak = self._stdout.readline().split()
        self._starter.wait()
        return Usage(int(exit_code), float(seconds), float(cpu), int(peak))

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)


def measured(
    command: Sequence[str | Path],
    scratch: Path,
    *,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
    exit_code: int = 0,
) -> Usage:
    """Run a command to its end and assert its exit code; write or discard its output."""
    errors = scratch / "errors.txt"
    errors.unlink(missing_ok=True)
    with Child(command, output or Path(os.devnull), errors, environment) as child:
        usage = child.wait()
    assert usage.exit_code == exit_code, (command, usage, errors.read_text()[-2000:])
    return usage
