"""An API for the tests of probes: pure, over days that a test makes up, as odd as a test wants it.

It reads dates in its own way, apart from how the collector writes them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Final, Literal, TypeVar

from collector.core.outcome import Counters, Failure, FailureKind
from collector.dates.probe import Probe, Question, QuestionReply, SpentError
from collector.http.meaning import meaning_of
from collector.plan.date_params import DateFormat, DateQuery
from collector.simulator.dates import DAY, NOON, is_moment, read_date

QUERY: Final = DateQuery("from_date", "until_date")

_BEGINNING: Final = date(1970, 1, 1).toordinal()
_END: Final = date(9999, 12, 31).toordinal()

_T = TypeVar("_T")

Data = Mapping[int, Counters]
"""The counters of days, which are ordinals."""


def counters(total: int, campaign: int = 1, **actions: int) -> Counters:
    """Make counters of notifications that were all sent."""
    return Counters(
        total=total, sended=total, pending=0, fails=0, campaign=campaign, actions=actions
    )


def empty() -> Counters:
    """Make counters of nothing."""
    return counters(0, 0)


def summed(parts: Iterable[Counters], *, distinct: bool = False) -> Counters:
    """Add days up; with `distinct` a day's campaigns continue those of the previous day."""
    whole = empty()
    for part in parts:
        whole.total += part.total
        whole.sended += part.sended
        whole.pending += part.pending
        whole.fails += part.fails
        whole.campaign = (
            max(whole.campaign, part.campaign) if distinct else whole.campaign + part.campaign
        )
        for name, number in part.actions.items():
            whole.actions[name] = whole.actions.get(name, 0) + number
    return whole


def failure(status: int | None, kind: FailureKind = FailureKind.HTTP) -> Failure:
    """Make a failure with a status, or of another kind without one."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = f"HTTP {status}" if status else kind.value
    return Failure(kind, status, text, None, at, 1, meaning=meaning_of(kind, status))


def dense(today: date, days: int = 400, size: int = 40) -> dict[int, Counters]:
    """Make data for each of the last days, today included, no two windows alike."""
    end = today.toordinal()
    return {
        day: counters(size + day % 7 + day % 31, 1 + day % 3, PRESSED=day % 5)
        for day in range(end - days + 1, end + 1)
    }


@dataclass
class FakeApi:
    """Answers questions; `today` is its own, and `data` is of companies."""

    data: Mapping[str, Data]
    today: date
    names: tuple[str, str] = ("from_date", "until_date")
    spelling: DateFormat = "YYYY-MM-DD"
    until_excluded: bool = False
    ignores: frozenset[str] = frozenset()
    """Names that have no effect, although they are in `names`."""
    alone: Literal["range", "refuse", "default"] = "range"
    """What it does if one of the two dates is there alone."""
    without_from: Literal["beginning", "week"] = "beginning"
    """Where a range with an end only begins: with all that there is, or 6 days before it."""
    without_until: Literal["end", "today", "week"] = "today"
    unreadable: Literal["refuse", "zeros", "missing"] = "refuse"
    """What it does with a date that it cannot read; `missing` takes it for none."""
    lenient: bool = False
    """Takes the day for the month if it can, like dateutil, and else does not."""
    strict: bool = False
    """Refuses parameters that it does not know."""
    refuses: Callable[[set[str]], bool] = lambda _: False
    """Whether it refuses parameters of these names."""
    days_back: int | None = None
    """Refuses ranges that begin longer ago."""
    longest: int | None = None
    """Refuses ranges of more days."""
    cut_to: int | None = None
    """Answers longer ranges as if they were of so many days."""
    cut_from: Literal["first", "last"] = "first"
    """Which of their days are left when ranges are cut."""
    future: Literal["answer", "refuse", "zeros"] = "answer"
    """What it does when a range ends after today."""
    default_days: int = 7
    """Days of the default window."""
    default_ends: int = 0
    """Days from today to the end of the default window: 0 or -1."""
    distinct: bool = False
    """Counts a campaign that runs over several days once."""
    failing: Mapping[str, Failure] = field(default_factory=dict)
    moves: Callable[[int], Counters] = lambda _: empty()
    """What has come today, for every company with data, before the given number of requests."""
    asked: list[Question] = field(default_factory=list)

    def reply_to(self, company_id: str, parameters: Mapping[str, str]) -> Counters:
        """Answer a question that is not refused."""
        reply = self.reply(Question(company_id, parameters))
        assert isinstance(reply, Counters)
        return reply

    def reply(self, question: Question) -> QuestionReply:
        """Answer, or refuse."""
        self.asked.append(question)
        company = question.company_id
        if company in self.failing:
            return self.failing[company]
        days = self.days_of(question.parameters)
        if isinstance(days, HTTPStatus):
            return failure(days.value)
        found = [counts for day, counts in self.data.get(company, {}).items() if day in days]
        if self.data.get(company) and self.today.toordinal() in days:
            found.append(summed(self.moves(number) for number in range(len(self.asked))))
        return summed(found, distinct=self.distinct)

    def days_of(self, parameters: Mapping[str, str]) -> range | HTTPStatus:
        """Give the days that a query is about."""
        unknown = self.strict and not parameters.keys() <= set(self.names)
        if unknown or self.refuses(set(parameters)):
            return HTTPStatus.BAD_REQUEST
        ends: list[int | None] = []
        for name in self.names:
            text = None if name in self.ignores else parameters.get(name)
            moment = None if text is None else self.read(text)
            if text is not None and moment is None and self.unreadable != "missing":
                return HTTPStatus.BAD_REQUEST if self.unreadable == "refuse" else range(0)
            ends.append(moment)
        begin, end = ends
        is_alone = (begin is None) != (end is None)
        if is_alone and self.alone == "refuse":
            return HTTPStatus.BAD_REQUEST
        if (begin is None and end is None) or (is_alone and self.alone == "default"):
            last = self.today.toordinal() + self.default_ends
            return range(last - self.default_days + 1, last + 1)
        return self._checked(self._cut(self._range(begin, end)))

    def _cut(self, days: range) -> range:
        if self.cut_to is None:
            return days
        return days[: self.cut_to] if self.cut_from == "first" else days[-self.cut_to :]

    def _range(self, begin: int | None, end: int | None) -> range:
        if is_moment(self.spelling):
            first = None if begin is None else -((NOON - begin) // DAY)
            stop = None if end is None else -((NOON - end - 1) // DAY)
        else:
            first = None if begin is None else begin // DAY
            stop = None if end is None else end // DAY + (not self.until_excluded)
        if stop is None:
            assert first is not None
            ends = {"end": _END, "today": self.today.toordinal() + 1, "week": first + 7}
            stop = ends[self.without_until]
        if first is None:
            first = _BEGINNING if self.without_from == "beginning" else stop - 7
        return range(first, stop)

    def _checked(self, days: range) -> range | HTTPStatus:
        today = self.today.toordinal()
        if self.days_back is not None and days.start < today - self.days_back:
            return HTTPStatus.BAD_REQUEST
        if self.longest is not None and len(days) > self.longest:
            return HTTPStatus.UNPROCESSABLE_ENTITY
        if days.stop - 1 > today and self.future != "answer":
            return HTTPStatus.BAD_REQUEST if self.future == "refuse" else range(0)
        return days

    def read(self, text: str) -> int | None:
        """Read a date as milliseconds of the calendar; None if it is none."""
        if not self.lenient:
            return read_date(text, self.spelling)
        separator = "-" if self.spelling == "DD-MM-YYYY" else "/"
        day_first: DateFormat = "DD-MM-YYYY" if separator == "-" else "DD/MM/YYYY"
        parts = text.split(separator)
        if self.spelling == "MM/DD/YYYY":
            # Its reader wants the day first.
            return read_date(text, day_first) or read_date(text, "MM/DD/YYYY")
        swapped = separator.join([parts[1], parts[0], *parts[2:]]) if len(parts) == 3 else text
        return read_date(swapped, day_first) or read_date(text, day_first)


def asking(probe: Probe[_T], answer: Callable[[Question], QuestionReply], most: int = 1000) -> _T:
    """Run a probe; every question after so many is answered with `SpentError`."""
    asked = 0
    try:
        questions = next(probe)
        while True:
            asked += len(questions)
            if asked > most:
                questions = probe.throw(SpentError())
                continue
            questions = probe.send([answer(question) for question in questions])
    except StopIteration as end:
        found: _T = end.value
        return found


def run(probe: Probe[_T], api: FakeApi, most: int = 1000) -> _T:
    """Run a probe against an API; what was asked is in `api.asked`."""
    return asking(probe, api.reply, most)
