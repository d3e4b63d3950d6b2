"""Named moments at which a crash hurts most, so that tests can crash a real process there."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

__all__ = ["FaultPoint", "arm", "reach"]


class FaultPoint(StrEnum):
    """A moment on the way of a line, or of the manifest, to the disk."""

    BEFORE_WRITE = "before write"
    """A line is about to be appended."""
    AFTER_PARTIAL_WRITE = "after partial write"
    """The system has taken a part of a line; the rest is about to follow."""
    BEFORE_SYNC = "before sync"
    """A group of lines is in the file, and about to be synced."""
    AFTER_SYNC = "after sync"
    """The group is on the disk, and not counted yet."""
    BEFORE_REPLACE = "before replace"
    """The new text of a file is on the disk, beside the old one that it is to replace."""


_hook: Callable[[FaultPoint, Path], None] | None = None


def arm(hook: Callable[[FaultPoint, Path], None]) -> None:
    """Let `hook` be called at every fault point with the file that is concerned; for tests."""
    global _hook  # noqa: PLW0603 - a process that is to crash has one hook, for all its files
    _hook = hook


def reach(point: FaultPoint, path: Path) -> None:
    """Pass a fault point: nothing happens unless a test has armed it."""
    if _hook is not None:
        _hook(point, path)
