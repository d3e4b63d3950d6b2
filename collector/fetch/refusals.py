"""How long everyone waits after the server has refused a request because of the rate."""

import math
from typing import Final

__all__ = ["Refusals"]

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_PATIENCE: Final = 1800.0


class Refusals:
    """Turns refusals into pauses for all senders; time (seconds, monotonic) is passed in.

    Requests that were under way when a pause began say nothing new: only a refusal of a request
    that was sent after the last pause makes the next one longer. Pauses grow from 0.5 s, twice
    as long each time, to 60 s, and start anew once something is accepted.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._opened_at = float("-inf")
        self._paused_until = float("-inf")
        self._since: float | None = None

    def refused(self, *, sent_at: float, now: float, retry_after: float | None) -> float:
        """Return for how many seconds from now everyone has to wait."""
        if self._since is None:
            self._since = now
        if sent_at >= self._paused_until:
            self._in_a_row += 1
            # What was sent before the first pause was let in before the limit was met.
            self._opened_at = now if math.isinf(self._paused_until) else self._paused_until
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._in_a_row - 1, 16))
            self._paused_until = now + pause
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + retry_after)
        return max(0.0, self._paused_until - now)

    def accepted(self, *, sent_at: float) -> None:
        """Take note that a request was let in: the limit is not shut.

        Answers take longer than refusals, so one that was sent between the last two pauses
        counts as well, although the second of them has begun meanwhile.
        """
        if sent_at >= self._opened_at:
            self._in_a_row = 0
            self._since = None

    def hopeless(self, now: float) -> bool:
        """Say whether nothing but refusals has come for half an hour."""
        return self._since is not None and now - self._since > _PATIENCE
