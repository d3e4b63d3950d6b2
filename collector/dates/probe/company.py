"""Does one company show that dates are honoured? Days must add up to windows.

Three kinds of windows of one span are compared: the whole, a left part up to and including a day,
and a right part that begins on that day or on the day after it.

* Left and right from the day after add up to the whole: `until` is included.
* Left and right from the day itself add up to the whole: `until` is left out.
* Both: that day has no data, so another one is looked for, by halving.
* Parts that are as large as the whole although the others are not empty: dates are ignored.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from collector.core.cell import Window
from collector.core.outcome import Counters
from collector.dates.probe.questions import (
    DAY,
    Finding,
    NoAnswerError,
    Probe,
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
"""Days that any server may be asked for at once."""


def verify_company(
    company_id: str, query: DateQuery, span: SplitRange, *, is_moving: bool = False
) -> Probe[Finding | None]:
    """Find out from the answers for one company what dates mean; None if it has no data there.

    Takes 4 questions when the company has data on most days, up to 22 when it has few, and one more
    each if the spelling can be mistaken, and if figures may move (`is_moving`). Raises
    `NoAnswerError` and `SpentError`.
    """
    return (yield from _Examination(company_id, query, is_moving).of(span))


@dataclass(slots=True)
class _Examination:
    company_id: str
    query: DateQuery
    is_moving: bool
    """Whether figures of these days may change while it lasts."""
    _known: dict[Window, Counters] = field(default_factory=dict)

    def of(self, span: SplitRange) -> Probe[Finding | None]:
        """Halve the span until a day with data stands at a cut."""
        first, split, last = span
        if is_quiet((yield from self._ask(first, last))):
            return None
        honoured: Finding | None = None
        try:
            while (last - first).days > 1:
                finding = yield from self._cut(first, split, last)
                if finding is not None and not finding.leaves_until_open:
                    return finding if finding.is_conclusive else honoured or finding
                honoured = honoured or finding
                if self.query.mistakes_day_for_month:
                    # Further cuts have only days up to the 12th on both sides, or none.
                    return honoured or _one_sided(self.company_id, span)
                left = yield from self._ask(first, split)
                first, last = (split + DAY, last) if is_quiet(left) else (first, split)
                split = first + (last - first) // 2
            finding = yield from self._pivots(first, last)
        except (SpentError, NoAnswerError):
            if honoured is None:
                raise
            return honoured
        return finding or honoured or _one_sided(self.company_id, span)

    def _cut(self, first: date, split: date, last: date) -> Probe[Finding | None]:
        """Judge one cut; None when all data are on one side of it."""
        whole = yield from self._ask(first, last)
        left = yield from self._ask(first, split)
        right = yield from self._ask(split + DAY, last)
        if ignored := self._ignored(first, split, last):
            if (last - first).days >= _SHORT:
                ignored = yield from self._closely(ignored, first)
            if ignored.dates is not Verdict.IGNORED:
                return ignored
            return (yield from self._confirmed(ignored, first, split, last))
        if not add_up((left, right), whole):
            return (yield from self._overlapping(first, split, last))
        if is_quiet(left) or is_quiet(right):
            return None
        if self.query.mistakes_day_for_month and not (yield from self._reads_days(right, last)):
            return None
        overlap = yield from self._ask(split, last)
        until = Until.INCONCLUSIVE if alike(right, overlap) else Until.INCLUDED
        honoured = self._honoured(until, Window(first, split), Window(split + DAY, last))
        return (yield from self._confirmed(honoured, first, split, last))

    def _closely(self, ignored: Finding, first: date) -> Probe[Finding]:
        """Look at a few days: a server may cut windows that are too long for it."""
        short = SplitRange(first, first + 2 * DAY, first + (_SHORT - 1) * DAY)
        closer = _Examination(self.company_id, self.query, self.is_moving, self._known)
        finding = yield from closer.of(short)
        if finding is None or finding.dates is not Verdict.HONOURED:
            return ignored
        text = f"windows of few days add up, but long ones seem to be cut: {ignored.evidence[0]}"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,), is_final=True)

    def _reads_days(self, right: Counters, last: date) -> Probe[bool]:
        """Say whether days after the 12th are read; a server may pass over what is no month."""
        later = yield from self._ask(last - _WEEK, last)
        return not alike(later, right) and not outgrow((later,), right)

    def _confirmed(self, finding: Finding, first: date, split: date, last: date) -> Probe[Finding]:
        """Look whether figures of young days have moved meanwhile, which may look like anything."""
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
        text = f"the figures moved meanwhile: {self._shown(window, Window(first, split))}"
        return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))

    def _ignored(self, first: date, split: date, last: date) -> Finding | None:
        """Find windows that cannot be of different days."""
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

    def _overlapping(self, first: date, split: date, last: date) -> Probe[Finding]:
        """Judge a cut whose parts do not add up as they are."""
        whole = yield from self._ask(first, last)
        left = yield from self._ask(first, split)
        right = yield from self._ask(split + DAY, last)
        overlap = yield from self._ask(split, last)
        is_larger = not alike(right, overlap) and not outgrow((right,), overlap)
        if add_up((left, overlap), whole) and is_larger:
            if self.query.mistakes_day_for_month and (
                is_quiet(right) or not (yield from self._reads_days(right, last))
            ):
                return _one_sided(self.company_id, SplitRange(first, split, last))
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

    def _pivots(self, first: date, last: date) -> Probe[Finding | None]:
        """Look at each of the one or two days that are left, a week around it."""
        for day in (first, last) if first != last else (first,):
            finding = yield from self._pivot(day - _WEEK, day, day + _WEEK)
            if finding is not None:
                return finding
        return None

    def _pivot(self, first: date, day: date, last: date) -> Probe[Finding | None]:
        """Judge by a day that may be the only one with data; None if it has none."""
        whole = yield from self._ask(first, last)
        left = yield from self._ask(first, day)
        right = yield from self._ask(day + DAY, last)
        overlap = yield from self._ask(day, last)
        if alike(right, overlap):
            return None
        if not add_up((left, right), whole):
            return (yield from self._overlapping(first, day, last))
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
        """Ask for a window; one that was asked for before is remembered."""
        window = Window(first, last)
        if window not in self._known:
            self._known[window] = yield from ask(self.company_id, self.query.parameters(window))
        return self._known[window]


def _one_sided(company_id: str, span: SplitRange) -> Finding:
    text = f"company {company_id}: has too few data in {span.window} to tell"
    return Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, (text,))
