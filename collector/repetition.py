"""Do the answers of a run look as if the dates were ignored? One company after the other is judged.

The proof before a run is about a few companies and one moment. A server may change its ways in the
middle of a night, so all answers are looked at as they come, too.
"""

from dataclasses import dataclass
from typing import Final

from collector.models import Counters
from collector.quoting import escaped

__all__ = ["RepetitionWatch"]

_ENOUGH: Final = 7
"""Windows of a company, all alike, that count against the server before the others have come."""

_IN_A_ROW: Final = 5
"""Companies, one after the other, that end a run."""

_LARGE: Final = 50
"""Sum of all counters. A company that sends one notification a day may be alike every day."""

_WATCHED: Final = 1024
"""Companies that are watched at a time: far more than are under way together."""

_LISTED: Final = 5


@dataclass(slots=True)
class _Seen:
    first: Counters
    windows: int = 1
    differs: bool = False


class RepetitionWatch:
    """Notes companies with the same counters, not all zero, in every window of this attempt.

    `windows` is how many windows the plan has, 2 or more. Takes memory for a thousand companies.
    """

    def __init__(self, windows: int) -> None:
        self.suspects = 0
        """Companies all of whose windows were alike."""
        self._windows = windows
        self._seen: dict[str, _Seen] = {}
        self._row: list[str] = []
        self._listed: list[str] = []

    def answered(self, company_id: str, counters: Counters) -> bool:
        """Take an answer; True when it is company after company that the run must not go on."""
        seen = self._seen.get(company_id)
        if seen is None:
            self._begin(company_id, counters)
            return False
        seen.windows += 1
        enough = min(_ENOUGH, self._windows)
        if not seen.differs and counters != seen.first:
            seen.differs = True
            if seen.windows > enough:
                self._row.clear()
        if seen.windows == enough:
            self._judge(company_id, seen)
        if seen.windows == self._windows:
            self._close(company_id)
        return len(self._row) >= _IN_A_ROW

    def close(self) -> None:
        """Take note that no more answers come."""
        for company_id in list(self._seen):
            self._close(company_id)

    @property
    def remark(self) -> str | None:
        """What a person should know; None if there is nothing odd."""
        if not self.suspects:
            return None
        who = "1 company has" if self.suspects == 1 else f"{self.suspects:,} companies have"
        more = ", ..." if self.suspects > len(self._listed) else ""
        return (
            f"{who} the same answer in all windows of this attempt, and not an empty one; does the "
            f"API ignore the dates? ({', '.join(self._listed)}{more})"
        )

    @property
    def row(self) -> str:
        """The companies, one after the other, that were alike in all windows."""
        return ", ".join(self._row)

    def _begin(self, company_id: str, counters: Counters) -> None:
        if len(self._seen) >= _WATCHED:
            # Not judged: it may come back, and would count twice.
            del self._seen[next(iter(self._seen))]
        self._seen[company_id] = _Seen(counters)

    def _judge(self, company_id: str, seen: _Seen) -> None:
        if seen.differs:
            self._row.clear()
        elif _size(seen.first) >= _LARGE:
            self._row.append(escaped(company_id))

    def _close(self, company_id: str) -> None:
        seen = self._seen.pop(company_id)
        if seen.differs or seen.windows == 1 or seen.first.is_empty:
            return
        self.suspects += 1
        if len(self._listed) < _LISTED:
            self._listed.append(escaped(company_id))


def _size(counters: Counters) -> int:
    numbers = (counters.total, counters.sended, counters.pending, counters.fails, counters.campaign)
    return sum(numbers) + sum(counters.actions.values())
