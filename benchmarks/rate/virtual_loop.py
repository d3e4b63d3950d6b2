"""An event loop in virtual time: it waits for nothing, and puts its clock forward."""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from unittest.mock import patch

__all__ = ["run_in_virtual_time"]

_T = TypeVar("_T")

_LATE_TIMER: Final = 0.0015
"""Seconds by which a timer is late at most, as on a machine with other work."""


class _Selector(selectors.SelectSelector):
    """Finds no events, and counts the seconds that it would have waited for them."""

    def __init__(self, now: float, late: Callable[[], float]) -> None:
        super().__init__()
        self.now = now
        self._late = late

    def select(self, timeout: float | None = None) -> list[Any]:
        """Put the clock forward to the next timer, and a little further."""
        if timeout is None:
            raise RuntimeError("all tasks wait for each other, and none for a time")
        if timeout > 0.0:
            self.now += timeout + self._late() * _LATE_TIMER
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._virtual = selector
        # A timer that is due within a nanosecond would be called without the clock moving on.
        self._clock_resolution = 0.0

    def time(self) -> float:
        """Return the seconds of the virtual clock."""
        return self._virtual.now


def run_in_virtual_time(main: Coroutine[Any, Any, _T], seed: int, begin: float = 10_000.0) -> _T:
    """Run a coroutine on a loop whose clock shows `begin` (seconds) first, and return its result.

    It must open no connections, and compute times from the clock of the loop. Draws of the `random`
    module begin with `seed`.
    """
    random.seed(seed)
    late = random.Random(seed).random  # noqa: S311 - repeatable, no secret
    selector = _Selector(begin, late)
    with (
        asyncio.Runner(loop_factory=lambda: _Loop(selector), debug=False) as runner,
        _throttler_clock(lambda: selector.now),
    ):
        return runner.run(main)


@contextmanager
def _throttler_clock(clock: Callable[[], float]) -> Iterator[None]:
    """Let the throttler of the gate read another clock; it takes none."""
    with patch("asyncio_throttle.throttler.time", SimpleNamespace(monotonic=clock)):
        yield
