from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import Blame
from collector.pace import Permit, RateController

START = 1000.0
PROBE_SECONDS = 35.0
FALSE_ALARMS = {"status_503_is_no_refusal", "company_refused_for_itself"}
"""What gives back the rate before it was cut for something else."""

What = Literal[
    "send", "answered", "refused", "unavailable", "failed", "given_back", "hinted", "urgent", "idle"
]
Step = tuple[What, int, float, bool]

_whats: st.SearchStrategy[What] = st.sampled_from(
    [
        *("send", "send", "send", "send", "answered", "answered", "answered"),
        *("refused", "unavailable", "failed", "given_back", "hinted", "urgent", "idle"),
    ]
)
_seconds = st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 3), st.floats(0, 100))
_steps = st.lists(
    st.tuples(_whats, st.integers(0, 50), _seconds, st.booleans()), min_size=40, max_size=150
)
_ceilings = st.sampled_from([inf, 50.0, 5.0, 1.0, 0.05, 0.001])


@dataclass
class Bench:
    """Lets happen what a list of steps says, and checks what must always hold."""

    ceiling: float
    now: float = START
    under_way: list[Permit] = field(default_factory=list)
    left: list[tuple[float, float]] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    probe: Permit | None = None
    paused_until: float = -inf

    def __post_init__(self) -> None:
        """Make the controller."""
        self.control = RateController(
            self.ceiling,
            companies=4,
            probe_seconds=PROBE_SECONDS,
            patience=1800,
            notify=self._hear,
        )

    def _hear(self, event: str, **_fields: Any) -> None:  # noqa: ANN401 - values of any type
        self.news.append(event)

    def step(self, step: Step) -> None:
        """Let one thing happen."""
        what, number, seconds, flag = step
        rate, was_blocked, heard = self.control.rate, self.control.open_cause, len(self.news)
        is_paced = False
        if what in {"send", "urgent"}:
            self._send(seconds if flag else 0.0, is_urgent=what == "urgent")
        elif what == "hinted":
            self.control.hinted(self.now, number % 5, seconds)
        elif what == "idle":
            self.now += seconds
        elif self.under_way:
            self.now += seconds
            permit = self.under_way.pop(number % len(self.under_way))
            is_paced = permit.is_paced
            self._outcome(what, permit, number, seconds, flag=flag)
        may_rise = what == "answered" and was_blocked is None and is_paced
        assert self.control.rate <= rate or may_rise or FALSE_ALARMS & set(self.news[heard:])
        self._check()

    def _send(self, late: float, *, is_urgent: bool) -> None:
        control = self.control
        self.now = max(self.now, control.next_at(is_urgent=is_urgent)) + late
        if control.open_cause is not None and not is_urgent:
            assert self.now >= self.paused_until
            # The previous one came back, or is lost.
            assert self.probe is None or self.now >= self.probe.at + PROBE_SECONDS
        permit = control.issue_permit(self.now, is_urgent=is_urgent)
        self.left.append((self.now, control.rate))
        if not is_urgent:
            self.under_way.append(permit)
            if control.open_cause is not None:
                self.probe = permit

    def _outcome(
        self, what: What, permit: Permit, number: int, seconds: float, *, flag: bool
    ) -> None:
        control, company = self.control, "abcd"[number % 4]
        was_blocked = control.open_cause
        blame = None
        if what == "answered":
            control.answered(permit, self.now)
        elif what == "refused":
            pause = seconds if flag else 0.0
            blame = control.refused(permit, self.now, pause=pause)
            assert blame is not Blame.CELL
            if pause:
                assert control.open_cause is not None
                self.paused_until = max(self.paused_until, self.now + pause)
        elif what == "unavailable":
            blame = control.unavailable(permit, self.now, company, is_evidence=flag)
        elif what == "failed":
            blame = control.failed(
                permit, self.now, company, is_evidence=flag, was_accepted=number % 2 == 0
            )
            assert blame is not Blame.RATE
        else:
            control.released(permit)
        if permit is self.probe:
            self.probe = None
        if control.open_cause is None:
            self.probe = None
            self.paused_until = -inf
        elif was_blocked is None:
            assert blame in {Blame.RATE, Blame.SERVICE}

    def _check(self) -> None:
        control = self.control
        assert 0 < control.rate <= control.ceiling == self.ceiling
        assert control.limit is None or control.limit >= 0
        assert control.next_at() < inf
        assert control.next_at(is_urgent=True) <= control.next_at()
        assert (control.gives_up_at == inf) is (control.open_cause is None)
        if self.left:
            # As the schedule promises: an interval after the last one, but for the credit.
            assert control.next_at() >= self.left[-1][0] - 0.03 + 1 / control.rate - 1e-6

    def check_windows(self) -> None:
        """See that no window held more than the schedule promises at the highest rate in it."""
        for first, (began, _) in enumerate(self.left):
            highest = 0.0
            for number, (ended, rate) in enumerate(self.left[first + 1 :], start=2):
                highest = max(highest, rate)
                assert number <= 1 + highest * (ended - began + 0.03) + 1e-6


@given(_ceilings, _steps)
def test_whatever_happens_the_promises_hold(ceiling: float, steps: list[Step]) -> None:
    """Random news in any order, late and lost ones included.

    The rate is above 0 and never above the ceiling; only an answer to what left in time raises it,
    or the end of a false alarm. Probes go singly, no pause is cut short, permits are spaced, and
    there is always a time at which the next one may leave.
    """
    bench = Bench(ceiling)
    for step in steps:
        bench.step(step)
    bench.check_windows()


@pytest.mark.slow
@given(st.sampled_from([20.0, 4.0]), _steps)
def test_whatever_happened_it_comes_back_when_all_is_well(
    ceiling: float, steps: list[Step]
) -> None:
    """The controller never gets stuck: in 20 minutes of answers the ceiling is reached."""
    bench = Bench(ceiling)
    for step in steps:
        bench.step(step)
    control, now = bench.control, bench.now
    until = now + 1200
    while control.rate < ceiling or control.open_cause is not None:
        now = max(now, control.next_at())
        assert now < until
        control.answered(control.issue_permit(now), now + 0.01)


@given(st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 86400)), max_size=40))
def test_hints_alone_change_neither_the_rate_nor_the_permits(
    hints: list[tuple[int, float]],
) -> None:
    """Whatever a server claims while it lets requests in at the ceiling."""
    told, untold = (RateController(50, companies=3, probe_seconds=35) for _ in range(2))
    now = START
    for remaining, reset in hints:
        now = max(now, told.next_at())
        for control in (told, untold):
            control.answered(control.issue_permit(now), now + 0.01)
        told.hinted(now + 0.01, remaining, reset)
        assert told.rate == untold.rate == 50
        assert told.next_at() == untold.next_at()
