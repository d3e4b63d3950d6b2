"""Notices answers that look as if the dates were ignored: one company after the other is judged.

The proof before a run is about a few companies and one moment. A server may change its ways in the
middle of a night, when each company under way has right answers already; so the latest answers of
each are compared. They only raise a suspicion, for there are companies that look alike every day; a
new proof decides.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from collector.core.outcome import Counters
from collector.core.text import escaped

__all__ = ["RepetitionWatch"]

_ENOUGH: Final = 7
"""Windows of a company, one after the other and all alike, that count against the server.

With fewer answers a company is not named to a person either: two or three windows of a small
company are the same by chance, and a remark that comes every night is read by nobody.
"""

_IN_A_ROW: Final = 5
"""Companies, one after the other, that are suspicious; twice as many after each false alarm."""

_TOLERANCE: Final = 0.05
"""What is ignored is answered with the last days, and their figures move a little meanwhile."""

_SLACK: Final = 2
"""The same for small figures."""

_WATCHED: Final = 1024
"""Companies that are watched at a time: far more than are under way together."""

_LAST: Final = 64
"""Companies whose last answers are looked at in the end: as many as take turns, see `plan`."""

_TELLING: Final = 40
"""A total from which on it is the tolerance that makes answers alike, and not the slack.

In the end two answers are enough, and those of small companies are alike on most nights.
"""

_LISTED: Final = 5


@dataclass(slots=True)
class _Seen:
    """What came of a company; `alike` and `since` are answers and windows like `like`, in a row."""

    first: Counters
    like: Counters
    alike: int = 1
    since: int = 1
    windows: int = 1
    answers: int = 1
    differs: bool = False

    def answered(self, counters: Counters) -> bool:
        """Take an answer, and say whether it is like those before it."""
        self.windows += 1
        self.answers += 1
        self.differs = self.differs or counters != self.first
        if not _nearly(counters, self.like):
            self.like, self.alike, self.since = counters, 1, 1
            return False
        self.alike += 1
        self.since += 1
        return True

    @property
    def repeats(self) -> bool:
        """Whether its last answers are alike, and not empty."""
        return self.alike > 1 and not self.like.is_empty

    @property
    def has_a_say(self) -> bool:
        """Whether it shows something that its last two answers are alike, or are not."""
        return self.answers > 1 and self.like.total >= _TELLING


class RepetitionWatch:
    """Notes companies with the same counters, not all zero, in one window after the other.

    `windows` is how many windows the plan has, 2 or more. With less than 7 of them companies make a
    row that is `suspicious`, and no `remark`. Takes memory for a thousand companies.
    """

    def __init__(self, windows: int) -> None:
        self.suspects = 0
        """Companies with 7 answers or more, all of them the same."""
        self._windows = windows
        self._enough = min(_ENOUGH, windows)
        self._seen: dict[str, _Seen] = {}
        self._row: dict[str, None] = {}
        self._needed = _IN_A_ROW
        self._listed: list[str] = []
        self._over: deque[tuple[str, _Seen]] = deque(maxlen=_LAST)

    def answered(self, company_id: str, counters: Counters) -> None:
        """Take the answer for a window of a company."""
        seen = self._seen.get(company_id)
        if seen is None:
            self._begin(company_id, counters)
            return
        if not seen.answered(counters):
            self._row.clear()
        self._look_at(company_id, seen)

    def failed(self, company_id: str) -> None:
        """Take note that a window of a company has no answer."""
        seen = self._seen.get(company_id)
        if seen is not None:
            seen.windows += 1
            seen.since += 1
            self._look_at(company_id, seen)

    @property
    def suspicious(self) -> tuple[str, ...]:
        """Companies, one after the other, that look as if the dates were ignored; often none."""
        return tuple(self._row) if len(self._row) >= self._needed else ()

    @property
    def suspicious_in_the_end(self) -> tuple[str, ...]:
        """Companies whose last answers look so, if most of those that came last do.

        For dates that are ignored in the last windows only, too few for a row. Companies whose last
        total is below 40 are left aside.
        """
        under_way = islice(reversed(self._seen.items()), _LAST)
        last = [(name, seen) for name, seen in (*self._over, *under_way) if seen.has_a_say]
        repeating = tuple(name for name, seen in last if seen.repeats)
        return repeating if 2 * len(repeating) > len(last) else ()

    def false_alarm(self) -> None:
        """Take note that the dates are honoured all the same; the next row must be longer."""
        self._row.clear()
        self._needed *= 2

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

    def _begin(self, company_id: str, counters: Counters) -> None:
        if len(self._seen) >= _WATCHED:
            # Not judged: it may come back, and would count twice.
            del self._seen[next(iter(self._seen))]
        self._seen[company_id] = _Seen(counters, counters)

    def _look_at(self, company_id: str, seen: _Seen) -> None:
        # Again and again: the row of that time may have been ended by another company.
        if seen.since % self._enough == 0 and seen.repeats:
            self._row[company_id] = None
        if seen.windows == self._windows:
            self._close(company_id)

    def _close(self, company_id: str) -> None:
        seen = self._seen.pop(company_id)
        self._over.append((company_id, seen))
        if seen.differs or seen.answers < _ENOUGH or seen.first.is_empty:
            return
        self.suspects += 1
        if len(self._listed) < _LISTED:
            self._listed.append(escaped(company_id))


def _nearly(one: Counters, other: Counters) -> bool:
    """Say whether two answers may be of the same days, asked for at different moments.

    `campaign` is left aside, for it says little. Most answers of other days differ in their total,
    which is all that is looked at then: this is asked of every answer.
    """
    return (
        _is_near(one.total, other.total)
        and _is_near(one.sended, other.sended)
        and _is_near(one.pending, other.pending)
        and _is_near(one.fails, other.fails)
        and all(
            _is_near(one.actions.get(name, 0), other.actions.get(name, 0))
            for name in one.actions.keys() | other.actions.keys()
        )
    )


def _is_near(one: int, other: int) -> bool:
    return abs(one - other) <= max(_SLACK, _TOLERANCE * max(one, other))
