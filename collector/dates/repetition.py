"""Watch for repeating answers, which suggest that the server ignores the dates.

The verification before a run covers a few companies at one moment. A server may change its
behaviour during a run, when each company in progress already has right answers; so the latest
answers of each company are compared. They only raise a suspicion, because some companies have the
same figures every day; a new verification decides.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from collector.core.outcome import FEWEST_ALIKE, Counters
from collector.core.text import counted, escaped

__all__ = ["RepetitionWatch"]

_IN_A_ROW: Final = 5
"""Suspicious companies in a row that raise a suspicion; twice as many after each false alarm."""

_TOLERANCE: Final = 0.05
"""Relative difference of figures that count as alike. A server that ignores the dates answers with
the last days, whose figures change a little in the meantime."""

_SLACK: Final = 2
"""Absolute difference that counts as alike, for small figures."""

_WATCHED: Final = 1024
"""Companies that are watched at a time: far more than are in progress together."""

_LAST: Final = 64
"""Companies whose last answers are checked at the end: as many as take turns, see `plan`."""

_SIGNIFICANT_TOTAL: Final = 40
"""Smallest total at which the tolerance, not the slack, decides whether answers are alike.

At the end two answers are enough, and those of small companies are alike on most nights.
"""

_LISTED: Final = 5


@dataclass(slots=True)
class _CompanyAnswers:
    """Answers of a company.

    `alike` counts the answers in a row that are like `like`, `since` the windows since the first of
    them, and `windows` all windows.
    """

    first: Counters
    like: Counters
    alike: int = 1
    since: int = 1
    windows: int = 1
    answers: int = 1
    differs: bool = False

    def answered(self, counters: Counters) -> bool:
        """Record an answer, and return whether it is like those before it."""
        self.windows += 1
        self.answers += 1
        if not self.differs:
            self.differs = counters != self.first
        if not _are_near(counters, self.like):
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
    def is_significant(self) -> bool:
        """Whether it is evidence that its last two answers are alike, or differ."""
        return self.answers > 1 and self.like.total >= _SIGNIFICANT_TOTAL


class RepetitionWatch:
    """Watches for companies with the same counters, not all zero, in consecutive windows.

    `windows` is how many windows the plan has, 2 or more. With fewer than 7, companies can become
    `suspicious`, but there is no `remark`. Takes memory for a thousand companies.
    """

    def __init__(self, windows: int) -> None:
        self.suspects = 0
        """Number of companies with 7 answers or more, all of them the same."""
        self._windows = windows
        self._windows_alike = min(FEWEST_ALIKE, windows)
        self._seen: dict[str, _CompanyAnswers] = {}
        self._in_a_row: dict[str, None] = {}
        self.suspicious: tuple[str, ...] = ()
        """Companies in a row whose answers repeat; empty if there are too few of them."""
        self._needed = _IN_A_ROW
        self._listed: list[str] = []
        self._finished: deque[tuple[str, _CompanyAnswers]] = deque(maxlen=_LAST)

    def answered(self, company_id: str, counters: Counters) -> None:
        """Record the answer for a window of a company."""
        seen = self._seen.get(company_id)
        if seen is None:
            self._begin(company_id, counters)
            return
        if seen.answered(counters):
            self._judge(company_id, seen)
        elif self._in_a_row:
            self._end_row()
        if seen.windows == self._windows:
            self._close(company_id)

    def failed(self, company_id: str) -> None:
        """Record that a window of a company has no answer."""
        seen = self._seen.get(company_id)
        if seen is not None:
            seen.windows += 1
            seen.since += 1
            self._judge(company_id, seen)
            if seen.windows == self._windows:
                self._close(company_id)

    @property
    def suspicious_in_the_end(self) -> tuple[str, ...]:
        """Companies whose last answers repeat, if most of the last companies' do; otherwise empty.

        It finds dates that are ignored only in the last windows, too few for `suspicious`.
        Companies whose last total is below 40 are left out.
        """
        under_way = islice(reversed(self._seen.items()), _LAST)
        last = [(name, seen) for name, seen in (*self._finished, *under_way) if seen.is_significant]
        repeating = tuple(name for name, seen in last if seen.repeats)
        return repeating if 2 * len(repeating) > len(last) else ()

    def false_alarm(self) -> None:
        """Record that the dates are honoured; the next suspicion needs twice as many companies."""
        self._end_row()
        self._needed *= 2

    def close(self) -> None:
        """Record that no more answers come."""
        for company_id in list(self._seen):
            self._close(company_id)

    @property
    def remark(self) -> str | None:
        """Remark for the user; None if no company is suspect."""
        if not self.suspects:
            return None
        who = counted(self.suspects, "company has", "companies have")
        more = ", ..." if self.suspects > len(self._listed) else ""
        return (
            f"{who} the same answer in all windows of this attempt, and not an empty one; does the "
            f"API ignore the dates? ({', '.join(self._listed)}{more})"
        )

    def _begin(self, company_id: str, counters: Counters) -> None:
        if len(self._seen) >= _WATCHED:
            # Dropped without judgement: it may come back, and would count twice.
            del self._seen[next(iter(self._seen))]
        self._seen[company_id] = _CompanyAnswers(counters, counters)

    def _judge(self, company_id: str, seen: _CompanyAnswers) -> None:
        # Added every so many windows: another company may have cleared the row since.
        if seen.since % self._windows_alike == 0 and seen.repeats:
            self._in_a_row[company_id] = None
            if len(self._in_a_row) >= self._needed:
                self.suspicious = tuple(self._in_a_row)

    def _end_row(self) -> None:
        self._in_a_row.clear()
        self.suspicious = ()

    def _close(self, company_id: str) -> None:
        seen = self._seen.pop(company_id)
        self._finished.append((company_id, seen))
        if seen.differs or seen.answers < FEWEST_ALIKE or seen.first.is_empty:
            return
        self.suspects += 1
        if len(self._listed) < _LISTED:
            self._listed.append(escaped(company_id))


def _are_near(one: Counters, other: Counters) -> bool:
    """Return whether two answers may be of the same days, requested at different moments.

    `campaign` is not compared, because it says little. Most answers of other days differ in their
    total, which is compared first, because this runs for every answer.
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
    difference = abs(one - other)
    return difference <= _SLACK or difference <= _TOLERANCE * max(one, other)
