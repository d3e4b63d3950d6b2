"""The embedded API as a child process, for benchmarks that need answers and not speed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["simulated_api"]


@contextmanager
def simulated_api(scratch: Path) -> Iterator[dict[str, str]]:
    """Start the embedded API; yield an environment in which the collector finds it."""
    command = [sys.executable, "-m", "collector", "simulate", "--port", "0"]
    with (scratch / "api.txt").open("wb") as errors:
        api = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert api.stdout is not None
        environment = {**os.environ}
        api.stdout.readline()
        for _ in range(4):
            name, _, value = api.stdout.readline().split()[1].partition("=")
            environment[name] = value
        yield environment
    finally:
        api.terminate()
        api.wait()
