"""Blocking work in threads."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

__all__ = ["in_thread"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


async def in_thread(
    work: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> _Result:
    """Run blocking work in a thread, and wait until it has ended even when cancelled.

    A thread cannot be cancelled: a caller that did not wait could close a file to which the thread
    still writes. A cancellation is raised when the work has ended, unless the work itself raises:
    that error says more.
    """
    # A plain future, not a task: `asyncio.run` cancels every task at its end.
    loop = asyncio.get_running_loop()
    working = loop.run_in_executor(None, partial(work, *args, **kwargs))
    was_cancelled = False
    while not working.done():
        try:
            await asyncio.wait([working])
        except asyncio.CancelledError:
            was_cancelled = True
    result = working.result()
    if was_cancelled:
        raise asyncio.CancelledError
    return result
