"""Blocking work beside the event loop."""

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
    """Run blocking work in a thread, and stay until it has ended, come what may.

    A thread cannot be cancelled: whoever left it behind could close a file that it still writes
    to. A cancellation that comes meanwhile is raised when the work is over, unless the work
    itself raised: that error says more.
    """
    # A plain future: `asyncio.run` cancels every task at its end, and this must not be one.
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
