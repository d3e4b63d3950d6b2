"""Programs that build and install; not a test."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import ENVIRONMENT

__all__ = ["ROOT", "assert_installed", "ran"]

ROOT: Final = Path(__file__).parents[2]

_UNREACHED: Final = ("Connection", "Max retries", "No matching distribution", "timed out")
"""What pip says without a package index."""


def ran(*words: str | Path, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with nothing of the machine's own credentials or settings."""
    return subprocess.run(  # noqa: S603 - what is installed here
        words,
        cwd=directory,
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_installed(done: subprocess.CompletedProcess[str]) -> None:
    """Assert that packages were installed; skip the test if no index was reached."""
    if done.returncode and any(word in done.stderr for word in _UNREACHED):
        pytest.skip("packages cannot be downloaded: no package index is reached")
    assert done.returncode == 0, done.stderr
