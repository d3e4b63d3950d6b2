"""The same answers by Granian, for machines without nginx; runs in the environment of the peers."""

import asyncio
import os
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.server.answers import NOTHING, TOKEN, statistics

__all__ = ["DELAY", "LOG", "TODAY", "application"]

DELAY: Final = "BENCH_DELAY"
LOG: Final = "BENCH_LOG"
TODAY: Final = "BENCH_TODAY"

_FLUSH: Final = 0.1
"""Seconds after which lines are written to the log."""

_HEADERS: Final = [("content-type", "application/json")]


class _Application:
    """RSGI application: Granian's own interface, which costs least."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Prepare the answers, once the worker has started."""
        self._loop = loop
        self._delay = float(os.environ[DELAY])
        today = date.fromisoformat(os.environ[TODAY])
        self._answers = {
            f"from_date={first}&until_date={last}": text.encode()
            for first, last, text in statistics(today)
        }
        self._nothing = NOTHING.encode()
        self._lines: list[str] = []

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:  # noqa: ANN401 - Granian's types
        """Answer a request and log it."""
        if scope.method == "POST":
            protocol.response_str(200, _HEADERS, TOKEN)
            return
        began = time.time()
        if self._delay:
            await asyncio.sleep(self._delay)
        answer = self._answers.get(scope.query_string, self._nothing)
        protocol.response_bytes(200, _HEADERS, answer)
        ended = time.time()
        if not self._lines:
            self._loop.call_later(_FLUSH, self._flush)
        address = f"{scope.path}?{scope.query_string}"
        self._lines.append(f"{ended:.6f} {ended - began:.6f} 200 {address}\n")

    def _flush(self) -> None:
        with Path(os.environ[LOG]).open("a") as stream:
            stream.writelines(self._lines)
        self._lines.clear()


application = _Application()
