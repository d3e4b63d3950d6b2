"""Fault points: named moments at which a test can crash a real process."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

__all__ = ["FaultPoint", "arm", "reach"]


class FaultPoint(StrEnum):
    """A moment in writing a line, or the manifest, to the disk."""

    BEFORE_WRITE = "before write"
    """A line is about to be appended."""
    AFTER_PARTIAL_WRITE = "after partial write"
    """The system has written a part of a line; the rest follows."""
    BEFORE_SYNC = "before sync"
    """A group of lines is in the file, and about to be synced."""
    AFTER_SYNC = "after sync"
    """The group is on the disk, and not counted yet."""
    BEFORE_REPLACE = "before replace"
    """The new content of a file is on the disk, beside the old file that it replaces."""


_hook: Callable[[FaultPoint, Path], None] | None = None


def arm(hook: Callable[[FaultPoint, Path], None]) -> None:
    """Call `hook` at every fault point, with the file that is written; for tests."""
    global _hook  # noqa: PLW0603 - a process that is to crash has one hook, for all its files
    _hook = hook


def reach(point: FaultPoint, path: Path) -> None:
    """Call the hook, if a test has armed one."""
    if _hook is not None:
        _hook(point, path)
