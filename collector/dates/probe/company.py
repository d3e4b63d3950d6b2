"""Verification of the dates with one company: days must add up to windows.

Three kinds of windows of one span are compared: the whole, a left part up to and including a day,
and a right part that begins on that day or on the day after it.

* Left and right from the day after add up to the whole: `until` is included.
* Left and right from the day itself add up to the whole: `until` is left out.
* Both: that day has no data, so a day with data is searched by halving.
* A part as large as the whole although the other part is not empty: dates are ignored.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from collector.core.cell import Window
from collector.core.outcome import Counters, Failure
from collector.dates.probe.questions import (
    DAY,
    Finding,
    NoAnswerError,
    Probe,
    Question,
    SpentError,
    SplitRange,
    Until,
    Verdict,
    ask,
)
from collector.dates.probe.sums import (
    add_up,
    alike,
    campaigns_add_up,
    is_quiet,
    lies_between,
    outgrow,
    same,
    shown,
)
from collector.plan.date_params import DateQuery

__all__ = ["verify_company"]

_WEEK: Final = timedelta(days=7)
_SHORT: Final = 6
"""Days that every server accepts in one window."""


def verify_company(
    company_id: str,
    query: DateQuery,
    span: SplitRange,
    *,
    is_moving: bool = False,
    asks_ahead: bool = False,
) -> Probe[Finding | None]:
    """Determine from the answers for one company what dates mean; None if it has no data there.

    Takes 4 questions when the company has data on most days, up to 22 when it has few, and one more
    each if the spelling is ambiguous and if figures may change (`is_moving`). If it
    `asks_ahead`, three of the 4 are asked at the same time; it may take one more. Raises
    `NoAnswerError` and `SpentError`.
    """
    verification = _CompanyVerification(company_id, query, is_moving, asks_ahead)
    return (yield from verification.run(span))


@dataclass(slots=True)
class _CompanyVerification:
    company_id: str
    query: DateQuery
    is_moving: bool
    """Whether the figures of these days may change during the verification."""
    asks_ahead: bool
    """Whether it asks at the same time for what most companies are asked for in turn."""
    _known: dict[Window, Counters] = field(default_factory=dict)

    def run(self, span: SplitRange) -> Probe[Finding | None]:
        """Halve the span until there is data on both sides of the split."""
        first, split, last = span
        if is_quiet((yield from self._ask(first, last))):
            return None
        honoured: Finding | None = None
        try:
            if self.asks_ahead:
                sides = Window(first, split), Window(split + DAY, last)
                yield from self._ask_all(*sides, also=(Window(split, last),))
            while (last - first).days > 1:
                finding = yield from self._check_split(first, split, last)
                if finding is not None and not finding.leaves_until_open:
                    return finding if finding.is_conclusive else honoured or finding
                honoured = honoured or finding
                if self.query.mistakes_day_for_month:
                    # Further splits have only days up to the 12th on both sides, or none.
                    return honoured or _too_few_data(self.company_id, span)
                left = yield from self._ask(first, split)
                first, last = (split + DAY, last) if is_quiet(left) else (first, split)
                split = first + (last - first) // 2
            finding = yield from self._check_last_days(first, last)
        except (SpentError, NoAnswerError):
            if honoured is None:
                raise
            return honoured
        return finding or honoured or _too_few_data(self.company_id, span)

    def _check_split(self, first: date, split: date, last: date) -> Probe[Finding | None]:
        """Evaluate one split; None when all data are on one side of it."""
        whole = yield from self._ask(first, last)
        left, right = yield from self._ask_all(Window(first, split), Window(split + DAY, last))
        if ignored := self._find_ignored(first, split, last):
            if (last - first).days >= _SHORT:
                ignored = yield from self._check_short_windows(ignored, first)
            if ignored.dates is not Verdict.IGNORED:
                return ignored
            return (yield from self._confirmed(ignored, first, split, last))
        if not add_up((left, right), whole):
            return (yield from self._check_overlap(first, split, last))
        if is_quiet(left) or is_quiet(right):
            return None
        if self.query.mistakes_day_for_month and not (yield from self._reads_days(right, last)):
            return None
        overlap = yield from self._ask(split, last)
        until = Until.INCONCLUSIVE if alike(right, overlap) else Until.INCLUDED
        honoured = self._honoured(until, Window(first, split), Window(split + DAY, last))
        return (yield from self._confirmed(honoured, first, split, last))

    def _check_short_windows(self, ignored: Finding, first: date) -> Probe[Finding]:
        """Check a few days: a server may shorten windows that are too long for it."""
        short = SplitRange(first, first + 2 * DAY, first + (_SHORT - 1) * DAY)
        closer = _CompanyVerification(
            self.company_id, self.query, self.is_moving, asks_ahead=False, _known=self._known
        )
        finding = yield from closer.run(short)
        if finding is None or finding.dates is not Verdict.HONOURED:
            return ignored
        text = f"windows of few days add up, but long ones seem to be cut: {ignored.evidence[0]}"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,), is_final=True)

    def _reads_days(self, right: Counters, last: date) -> Probe[bool]:
        """Return whether the server reads days after the 12th; it may ignore an invalid month."""
        later = yield from self._ask(last - _WEEK, last)
        return not alike(later, right) and not outgrow((later,), right)

    def _confirmed(self, finding: Finding, first: date, split: date, last: date) -> Probe[Finding]:
        """Return the finding, or an inconclusive one if recent figures have changed meanwhile."""
        if not self.is_moving:
            return finding
        window = Window(first, last)
        now = yield from ask(self.company_id, self.query.parameters(window))
        parts = (self._known[Window(first, split)], self._known[Window(split + DAY, last)])
        if finding.dates is Verdict.IGNORED:
            holds = outgrow(parts, now)
        else:
            holds = alike(now, self._known[window])
        if holds:
            return finding
        text = f"the figures changed meanwhile: {self._shown(window, Window(first, split))}"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))

    def _find_ignored(self, first: date, split: date, last: date) -> Finding | None:
        """Return the finding that dates are ignored if windows cannot be of different days."""
        whole = self._known[Window(first, last)]
        left = self._known[Window(first, split)]
        right = self._known[Window(split + DAY, last)]
        if alike(left, whole) and alike(right, whole):
            what = "the dates have no effect"
        elif alike(left, whole) and not is_quiet(right):
            what = f"{self.query.until_param} has no effect"
        elif alike(right, whole) and not is_quiet(left):
            what = f"{self.query.from_param} has no effect"
        else:
            return None
        windows = (Window(first, last), Window(first, split), Window(split + DAY, last))
        return Finding(
            Verdict.IGNORED,
            Until.INCONCLUSIVE,
            (f"{what}: {self._shown(*windows)}",),
        )

    def _check_overlap(self, first: date, split: date, last: date) -> Probe[Finding]:
        """Evaluate a split whose parts do not add up; the right part may begin a day earlier."""
        whole = yield from self._ask(first, last)
        left = yield from self._ask(first, split)
        right = yield from self._ask(split + DAY, last)
        overlap = yield from self._ask(split, last)
        is_larger = not alike(right, overlap) and not outgrow((right,), overlap)
        if add_up((left, overlap), whole) and is_larger:
            if self.query.mistakes_day_for_month and (
                is_quiet(right) or not (yield from self._reads_days(right, last))
            ):
                return _too_few_data(self.company_id, SplitRange(first, split, last))
            honoured = self._honoured(Until.EXCLUDED, Window(first, split), Window(split, last))
            return (yield from self._confirmed(honoured, first, split, last))
        parts = self._shown(Window(first, last), Window(first, split), Window(split + DAY, last))
        now = yield from ask(self.company_id, self.query.parameters(Window(first, last)))
        if (
            not same(now, whole)
            and all(lies_between(part, whole, now) for part in (left, right))
            and outgrow((left, right), now)
        ):
            what = "the dates have no effect, the figures are those of days that still move"
            return Finding(Verdict.IGNORED, Until.INCONCLUSIVE, (f"{what}: {parts}",))
        return Finding(
            Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (f"the parts do not add up: {parts}",)
        )

    def _check_last_days(self, first: date, last: date) -> Probe[Finding | None]:
        """Check each of the one or two days that are left, with a week on either side."""
        for day in (first, last) if first != last else (first,):
            finding = yield from self._check_day(day - _WEEK, day, day + _WEEK)
            if finding is not None:
                return finding
        return None

    def _check_day(self, first: date, day: date, last: date) -> Probe[Finding | None]:
        """Evaluate a day that may be the only one with data; None if it has none."""
        whole = yield from self._ask(first, last)
        left = yield from self._ask(first, day)
        right = yield from self._ask(day + DAY, last)
        overlap = yield from self._ask(day, last)
        if alike(right, overlap):
            return None
        if not add_up((left, right), whole):
            return (yield from self._check_overlap(first, day, last))
        before = yield from self._ask(first, day - DAY)
        if same(before, left):
            what = f"{self.query.until_param} has no effect"
            windows = (Window(first, day), Window(first, day - DAY), Window(day, last))
            evidence = f"{what}: {self._shown(*windows)}"
            ignored = Finding(Verdict.IGNORED, Until.INCONCLUSIVE, (evidence,))
            return (yield from self._confirmed(ignored, first, day, last))
        honoured = self._honoured(Until.INCLUDED, Window(first, day), Window(day + DAY, last))
        return (yield from self._confirmed(honoured, first, day, last))

    def _honoured(self, until: Until, left: Window, right: Window) -> Finding:
        whole = Window(left.from_date, right.until_date)
        sides = f"{self._shown(left)} and {self._shown(right, named=False)}"
        evidence = [f"{sides} add up to {self._shown(whole, named=False)}"]
        parts = (self._known[left], self._known[right])
        if not campaigns_add_up(parts, self._known[whole]):
            evidence.append(
                "campaign does not add up: a campaign that runs over several windows seems to be "
                "counted in each of them"
            )
        return Finding(Verdict.HONOURED, until, tuple(evidence))

    def _shown(self, *windows: Window, named: bool = True) -> str:
        texts = ", ".join(f"{window} ({shown(self._known[window])})" for window in windows)
        return f"company {self.company_id}: {texts}" if named else texts

    def _ask(self, first: date, last: date) -> Probe[Counters]:
        """Ask for a window, or return its known answer."""
        (counters,) = yield from self._ask_all(Window(first, last))
        return counters

    def _ask_all(self, *windows: Window, also: tuple[Window, ...] = ()) -> Probe[list[Counters]]:
        """Ask for windows at the same time, and return their answers; known ones are not asked for.

        The answers to `also` will be known as well, except for failures.
        """
        unknown = [window for window in (*windows, *also) if window not in self._known]
        if unknown:
            parameters = map(self.query.parameters, unknown)
            replies = yield [Question(self.company_id, each) for each in parameters]
            for window, reply in zip(unknown, replies, strict=True):
                if not isinstance(reply, Failure):
                    self._known[window] = reply
                elif window in windows:
                    raise NoAnswerError(reply)
        return [self._known[window] for window in windows]


def _too_few_data(company_id: str, span: SplitRange) -> Finding:
    text = f"company {company_id}: has too few data in {span.window} to tell"
    return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))
