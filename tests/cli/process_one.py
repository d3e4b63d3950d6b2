"""Runs a process as process 1 of a namespace of its own, as in a container; not a test."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

__all__ = ["UNSHARE", "child_of", "needs_namespaces"]

UNSHARE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
"""Begins a command that starts another one as process 1, and ends as that does."""


@cache
def needs_namespaces() -> None:
    """Skip the test where users may make no namespaces, as within most containers."""
    if shutil.which(UNSHARE[0]) is None:
        pytest.skip("there is no unshare (util-linux)")
    tried = subprocess.run((*UNSHARE, "true"), check=False, capture_output=True)  # noqa: S603 - the tests' own
    if tried.returncode:
        pytest.skip(f"no namespaces here: {tried.stderr.decode().strip()}")


def child_of(pid: int) -> int:
    """Return the process that the kernel sees as 1 in its namespace, as this one sees it."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
