from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import cycle, pairwise
from math import inf
from typing import Any

import pytest

from collector.models import Blame
from collector.pace import Cause, Departure, RateController

START = 1000.0
PROBE_SECONDS = 35.0
PATIENCE = 1800.0
RTT = 0.02


class Sender:
    """Sends as soon as it may, and moves the clock; keeps the news that it is told."""

    def __init__(self, ceiling: float = 50.0, *, companies: int = 10, **more: Any) -> None:  # noqa: ANN401
        self.now = START
        self.news: list[tuple[str, dict[str, Any]]] = []
        self.control = RateController(
            ceiling,
            companies=companies,
            probe_seconds=PROBE_SECONDS,
            notify=lambda event, **fields: self.news.append((event, fields)),
            **more,
        )
        self._names = cycle("abcde")

    def send(self) -> Departure:
        """Wait until one may leave, and let it."""
        self.now = max(self.now, self.control.leave_at())
        return self.control.depart(self.now)

    def sends(self, number: int) -> list[Departure]:
        """Let several leave one after the other."""
        return [self.send() for _ in range(number)]

    def run(
        self,
        seconds: float,
        latency: Callable[[], float] = lambda: RTT,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        """Send, and let every request be answered, for so many seconds or until something is so."""
        ends, pending = self.now + seconds, list[tuple[float, Departure]]()
        while not until():
            leaves = max(self.now, self.control.leave_at())
            if pending and pending[0][0] <= min(leaves, ends):
                self.now, departure = heappop(pending)
                self.control.answered(departure, self.now)
            elif leaves > ends:
                self.now = ends
                return
            else:
                departure = self.send()
                heappush(pending, (self.now + latency(), departure))

    def answer(self, departure: Departure | None = None) -> None:
        """Let a request, or the next one, be answered after a round trip."""
        departure = departure or self.send()
        self.now = max(self.now, departure.at + RTT)
        self.control.answered(departure, self.now)

    def refuse(self, departure: Departure | None = None, pause: float = 0.0) -> Blame:
        """Let a request, or the next one, be refused after a round trip."""
        departure = departure or self.send()
        self.now = max(self.now, departure.at + RTT)
        return self.control.refused(departure, self.now, pause=pause)

    def unavailable(self, departure: Departure | None = None, *, is_evidence: bool = True) -> Blame:
        """Let a request, or the next one, meet a 503."""
        departure = departure or self.send()
        self.now = max(self.now, departure.at + RTT)
        return self.control.unavailable(
            departure, self.now, next(self._names), is_evidence=is_evidence
        )

    def fail(
        self,
        departure: Departure | None = None,
        company: str | None = None,
        *,
        is_evidence: bool = True,
        was_let_in: bool = False,
    ) -> Blame:
        """Let a request, or the next one, fail."""
        departure = departure or self.send()
        self.now = max(self.now, departure.at + RTT)
        return self.control.failed(
            departure,
            self.now,
            company or next(self._names),
            is_evidence=is_evidence,
            was_let_in=was_let_in,
        )

    def go_down(self) -> None:
        """Let 8 requests fail, so that there is an outage."""
        for _ in range(8):
            self.fail()
        assert self.cause() is Cause.FAILING

    def meet_503s(self) -> None:
        """Let two requests in a row meet a 503, so that it is taken for a refusal."""
        self.unavailable()
        self.unavailable()
        assert self.cause() is Cause.UNAVAILABLE

    def cause(self) -> Cause | None:
        """Return why only probes may leave; a call, as it changes between two looks at it."""
        return self.control.blockade

    @property
    def waits(self) -> float:
        """Seconds until the next one may leave."""
        return self.control.leave_at() - self.now

    @property
    def events(self) -> list[str]:
        """The names of the news."""
        return [event for event, _ in self.news]


# Open


@pytest.mark.parametrize(
    ("ceiling", "rate"), [(inf, 10.0), (50.0, 50.0), (5.0, 5.0), (0.001, 0.001)]
)
def test_it_starts_at_the_ceiling_or_at_10_a_second(ceiling: float, rate: float) -> None:
    """A rate that is given is trusted until it is refused."""
    control = RateController(ceiling, companies=3, probe_seconds=35)
    assert (control.rate, control.ceiling, control.limit) == (rate, ceiling, None)
    assert control.blockade is None
    assert control.gives_up_at == inf
    assert not control.is_doubtful


def test_requests_leave_evenly_at_the_rate() -> None:
    """What is urgent is counted among them."""
    sender = Sender(50)
    first = sender.send()
    assert sender.control.leave_at() == pytest.approx(first.at + 0.02)
    sender.now = sender.control.leave_at()
    sender.control.depart(sender.now, is_urgent=True)
    assert sender.control.leave_at() == pytest.approx(first.at + 0.04)


def test_a_departure_says_what_its_outcome_is_worth() -> None:
    """When it left, how many before it, how many blockades before it, and whether it was paced."""
    sender = Sender(50)
    assert sender.send() == Departure(START, 0, 0, is_paced=False)
    assert sender.send() == Departure(START + 0.02, 1, 0, is_paced=True)
    sender.now += 1
    assert sender.send() == Departure(START + 1.02, 2, 0, is_paced=False)
    sender.refuse()
    assert sender.send().epoch == 1


def test_slow_start_is_half_as_fast_again_every_second() -> None:
    """With no ceiling, as long as nothing is refused."""
    sender = Sender(inf)
    rates = []
    for _ in range(6):
        sender.run(1)
        rates.append(sender.control.rate)
    growth = [later / sooner for sooner, later in pairwise(rates)]
    assert growth == pytest.approx([1.5] * 5, rel=0.04)


def test_answers_to_what_did_not_leave_in_time_raise_nothing() -> None:
    """Something else than the rate holds requests back: that is local idleness, or concurrency."""
    sender = Sender(inf)
    for _ in range(100):
        sender.now = sender.control.leave_at() + 1 if sender.control.leave_at() > 0 else START
        sender.answer()
    assert sender.control.rate == 10.0


def test_failures_raise_nothing() -> None:
    """Fast failures would make it faster and faster."""
    sender = Sender(inf)
    for _ in range(100):
        sender.fail(company="a", was_let_in=True)
        sender.control.given_back(sender.send())
    assert sender.control.rate == 10.0
    assert sender.cause() is None


# Refused


def test_the_first_refusal_begins_a_blockade() -> None:
    """Only a probe leaves, after 0.2 s; the rate is what it was until it is over."""
    sender = Sender(50)
    sender.run(5)
    assert sender.refuse() is Blame.RATE
    assert sender.cause() is Cause.REFUSED
    assert sender.control.rate == 50
    assert sender.waits == pytest.approx(0.2)
    assert sender.news == [("blocked", {"cause": "refused", "rate": 50})]


def test_refusals_of_what_was_sent_before_a_blockade_say_nothing_new() -> None:
    """Neither while it lasts nor when it is over."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(7)
    sender.refuse(first)
    leaves = sender.control.leave_at()
    for departure in others[:3]:
        assert sender.refuse(departure) is Blame.RATE
    assert sender.control.leave_at() == leaves
    sender.answer()
    rate = sender.control.rate
    for departure in others[3:]:
        assert sender.refuse(departure) is Blame.RATE
    assert sender.cause() is None
    assert sender.control.rate == rate
    assert sender.events == ["blocked", "reopened"]


def test_refusals_that_come_late_do_not_lower_the_rate_after_the_next_blockade() -> None:
    """They say nothing new then either."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(40)
    sender.refuse(first)
    sender.answer()
    for departure in others:
        sender.refuse(departure)
    sender.run(1)
    rate = sender.control.rate
    sender.refuse()
    sender.answer()
    assert sender.control.rate > 0.7 * rate


def test_a_refusal_of_what_was_sent_since_begins_another_blockade() -> None:
    """That is news."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    sender.answer()
    assert sender.refuse() is Blame.RATE
    assert sender.cause() is Cause.REFUSED


@pytest.mark.parametrize(
    ("cause", "waits"),
    [
        (Cause.REFUSED, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15]),
        (Cause.UNAVAILABLE, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15]),
        (Cause.FAILING, [1, 2, 4, 8, 16, 30, 30]),
    ],
)
def test_probes_go_singly_at_doubling_intervals(cause: Cause, waits: list[float]) -> None:
    """From one's failure to the next; meanwhile none leaves."""
    sender = Sender(50)
    sender.run(5)
    block(sender, cause)
    waited = []
    for _ in waits:
        waited.append(sender.waits)
        probe = sender.send()
        assert sender.control.leave_at() == probe.at + PROBE_SECONDS
        sender.now += 3
        if cause is Cause.REFUSED:
            assert sender.refuse(probe) is Blame.SERVICE
        elif cause is Cause.UNAVAILABLE:
            assert sender.unavailable(probe) is Blame.SERVICE
        else:
            assert sender.fail(probe) is Blame.SERVICE
    assert waited == pytest.approx(waits)
    assert sender.cause() is cause


def block(sender: Sender, cause: Cause) -> None:
    """Begin a blockade of a kind."""
    if cause is Cause.REFUSED:
        sender.refuse()
    elif cause is Cause.UNAVAILABLE:
        sender.meet_503s()
    else:
        sender.go_down()


CAUSES = pytest.mark.parametrize("cause", list(Cause))


@CAUSES
def test_a_lost_probe_makes_way_for_another(cause: Cause) -> None:
    """What comes of it later counts no more than of any other."""
    sender = Sender(50)
    sender.run(5)
    block(sender, cause)
    lost = sender.send()
    sender.now = lost.at + 1
    assert sender.waits == pytest.approx(PROBE_SECONDS - 1)
    probe = sender.send()
    assert probe.at == pytest.approx(lost.at + PROBE_SECONDS)
    sender.answer(lost)
    sender.refuse(lost)
    sender.fail(lost)
    assert sender.cause() is cause
    assert sender.control.leave_at() == probe.at + PROBE_SECONDS
    sender.answer(probe)
    assert sender.cause() is None


@CAUSES
def test_a_probe_that_was_given_back_makes_way_at_once(cause: Cause) -> None:
    """It has not been sent; another that was given back is no probe."""
    sender = Sender(50)
    other = sender.send()
    sender.run(5)
    block(sender, cause)
    probe = sender.send()
    sender.control.given_back(other)
    assert sender.waits == pytest.approx(PROBE_SECONDS)
    sender.control.given_back(probe)
    assert sender.waits < 0.05
    sender.answer()
    assert sender.cause() is None


@CAUSES
def test_answers_to_what_was_sent_before_do_not_end_a_blockade(cause: Cause) -> None:
    """A probe has to get through."""
    sender = Sender(50)
    others = sender.sends(5)
    sender.run(5)
    block(sender, cause)
    leaves = sender.control.leave_at()
    for departure in others:
        sender.answer(departure)
    assert sender.cause() is cause
    assert sender.control.leave_at() == leaves


@CAUSES
def test_what_is_urgent_passes_a_blockade(cause: Cause) -> None:
    """At the rate, and it is no probe."""
    sender = Sender(50)
    sender.run(5)
    block(sender, cause)
    sender.control.refused(sender.control.depart(sender.now), sender.now, pause=60)
    leaves = sender.control.leave_at(is_urgent=True)
    assert leaves < sender.now + 0.1
    probe_at = sender.control.leave_at()
    urgent = sender.control.depart(leaves, is_urgent=True)
    assert urgent == Departure(leaves, -1, -1, is_paced=False)
    assert sender.control.leave_at(is_urgent=True) == pytest.approx(leaves + 0.02, abs=0.03)
    assert sender.control.leave_at() == probe_at


@pytest.mark.parametrize("more", [0.0, 1.0, 30.0])
def test_retry_after_pauses_all_and_is_extended_but_never_shortened(more: float) -> None:
    """Those who were sent before the blockade, too, may ask for a longer pause."""
    sender = Sender(50)
    sender.run(5)
    first, second, third = sender.sends(3)
    sender.refuse(first, pause=20)
    assert sender.waits == pytest.approx(20)
    ends = sender.control.leave_at()
    sender.refuse(second, pause=5)
    assert sender.control.leave_at() == ends
    sender.refuse(third, pause=20 + more)
    assert sender.control.leave_at() == pytest.approx(sender.now + 20 + more)
    probe = sender.send()
    sender.refuse(probe, pause=7)
    assert sender.waits == pytest.approx(7)


def test_a_pause_shorter_than_the_interval_changes_nothing() -> None:
    """`Retry-After: 0` is no leave to hammer."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse(pause=0.001)
    assert sender.waits == pytest.approx(0.2)
    sender.refuse(pause=0.001)
    assert sender.waits == pytest.approx(0.4)


def test_retry_after_begins_a_blockade_whenever_the_request_was_sent() -> None:
    """Who asks for a pause gets it."""
    sender = Sender(50)
    sender.run(5)
    first, second = sender.sends(2)
    sender.refuse(first)
    sender.answer()
    assert sender.cause() is None
    assert sender.refuse(second, pause=9) is Blame.RATE
    assert sender.cause() is Cause.REFUSED
    assert sender.waits == pytest.approx(9)


def test_reopening_goes_just_below_what_was_let_in() -> None:
    """0.97 of it, and the limit is known; the news has both."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    sender.answer()
    assert sender.cause() is None
    assert sender.control.limit == pytest.approx(50, rel=0.01)
    assert sender.control.rate == pytest.approx(48.5, rel=0.01)
    assert sender.news[1] == (
        "reopened",
        {"blocked_for_seconds": 0.22, "rate": round(sender.control.rate, 2)},
    )
    assert sender.control.leave_at() == pytest.approx(sender.now - RTT + 1 / sender.control.rate)


def test_reopening_is_never_above_the_rate_that_was_refused() -> None:
    """Though more had been let in before, in a burst or at a higher rate."""
    sender = Sender(80)
    sender.run(5)
    sender.refuse()
    sender.answer()
    sender.run(1)
    for _ in range(3):
        refused_at = sender.control.rate
        sender.run(0.1)
        sender.refuse()
        sender.answer()
        assert sender.control.rate <= 0.97 * refused_at + 1e-9


def test_a_quota_is_what_was_let_in_in_its_time() -> None:
    """600 are used up in 12 s, then all are refused until the minute is over, and again.

    After the second such time growth comes late, and is slow.
    """
    sender = Sender(50)
    sender.run(12)
    while sender.now < START + 60:
        sender.refuse()
    closed_until = sender.now
    sender.answer()
    assert sender.control.limit == pytest.approx(600 / (closed_until - START), rel=0.01)
    sender.run(40)
    while sender.now < START + 180:
        sender.refuse()
    sender.answer()
    rate = sender.control.rate
    sender.run(119)
    assert sender.control.rate == rate
    sender.run(21)
    assert rate * 1.01 < sender.control.rate < rate * 1.03


def test_a_first_request_that_is_refused_tells_no_limit() -> None:
    """It begins again at a quarter of the rate, by slow start."""
    sender = Sender(50)
    sender.refuse()
    sender.answer()
    assert sender.control.limit is None
    assert sender.control.rate == 12.5
    sender.run(5)
    assert sender.control.rate == 50


def test_after_the_hold_growth_is_gentle_up_to_the_band_and_brisk_beyond() -> None:
    """10 s of hold, 1 % a second, and from 1.1 times the limit 10 % a second, up to the ceiling."""
    sender = Sender(100)
    sender.run(5)
    sender.refuse()
    sender.answer()
    rate = sender.control.rate
    sender.run(9.9)
    assert sender.control.rate == rate
    sender.run(2.1)
    assert sender.control.rate == pytest.approx(rate * 1.01**2, rel=0.001)
    sender.run(60)
    assert sender.control.rate == 100

    sender = Sender(inf)
    sender.run(5)
    sender.refuse()
    sender.answer()
    limit = sender.control.limit
    assert limit is not None
    sender.run(60, until=lambda: sender.control.rate > 1.11 * limit)
    rate = sender.control.rate
    sender.run(3)
    assert sender.control.rate == pytest.approx(rate * 1.1**3, rel=0.03)


# Queues


def rising(start: float, step: float) -> Callable[[], float]:
    """Return latencies that become longer and longer."""
    latencies = iter(range(10**9))
    return lambda: start + next(latencies) * step


def test_a_growing_queue_stops_growth_and_cuts() -> None:
    """Every answer later than the one before, at the same rate: the server is below the rate."""
    sender = Sender(20)
    sender.run(5, lambda: 0.1)
    sender.run(10, rising(0.1, 0.015), until=lambda: bool(sender.news))
    assert sender.events == ["server_queues"]
    assert sender.cause() is None
    assert 0.6 * 20 < sender.control.rate < 0.98 * 20
    rate = sender.control.rate
    assert sender.news[0][1] == {"rate": round(rate, 2)}
    first, second = sender.sends(2)
    assert second.at - first.at == pytest.approx(1 / rate)
    sender.run(3, lambda: 1.2)
    assert sender.events == ["server_queues"]
    assert sender.control.rate == rate


def test_a_queue_gets_5_seconds_before_it_is_taken_for_another_one() -> None:
    """It has to have the time to become shorter."""
    sender = Sender(50)
    sender.run(5, lambda: 0.1)
    met = list[float]()

    def is_met_again() -> bool:
        if len(met) < sender.events.count("server_queues"):
            met.append(sender.now)
        return len(met) == 2

    sender.run(60, rising(0.1, 0.006), until=is_met_again)
    assert 5.0 <= met[1] - met[0] < 7.0


def test_a_queue_that_becomes_shorter_only_stops_slow_start() -> None:
    """Until it is gone."""
    sender, rates = Sender(inf), list[tuple[float, float]]()

    def latency() -> float:
        since = sender.now - START - 3
        return 0.1 if since < 0 else max(0.1, 0.6 - 0.05 * since)

    def note() -> bool:
        rates.append((sender.now - START, sender.control.rate))
        return False

    sender.run(20, latency, until=note)
    assert len({rate for now, rate in rates if 5.5 < now < 9}) == 1
    assert sender.news == []
    assert rates[-1][1] > 3 * max(rate for now, rate in rates if now < 9)


def test_a_service_that_has_become_slower_is_no_queue_for_ever() -> None:
    """Two cuts have not helped, so it is not the rate; growth goes on after the hold."""
    sender = Sender(50)
    sender.run(5, lambda: 0.1)
    sender.run(20, lambda: 0.5)
    assert sender.events == ["server_queues"] * 2
    sender.run(40, lambda: 0.5)
    assert sender.events == ["server_queues"] * 2
    assert sender.control.rate == 50


@pytest.mark.parametrize("tenths", range(10, 31))
def test_a_blockade_does_not_make_the_server_look_slow(tenths: int) -> None:
    """Nobody is let in meanwhile, so the answers of those seconds are no measure of the server.

    nginx's `limit_req` with a burst delays first, and then refuses.
    """
    sender = Sender(50)
    sender.run(5, lambda: 0.05)
    sender.run(tenths / 10, rising(0.05, 0.006), until=lambda: bool(sender.news))
    sender.refuse(pause=1)
    sender.answer()
    sender.run(3, lambda: 0.6)
    assert sender.control.rate > 0.7 * 50


def test_after_an_outage_an_old_queue_is_forgotten() -> None:
    """At few requests a second too, the rate comes back when the server answers as fast as ever."""
    sender = Sender(8)
    sender.run(10, lambda: 0.1)
    sender.run(60, rising(0.1, 0.04), until=lambda: "server_queues" in sender.events)
    sender.go_down()
    sender.answer()
    assert sender.cause() is None
    sender.run(120, lambda: 0.1)
    assert sender.control.rate == 8


# Hints


def test_a_hint_that_nothing_is_left_stops_growth_until_the_reset() -> None:
    """And nothing else: neither the rate nor the next departure changes."""
    sender = Sender(inf)
    sender.run(2)
    rate, leaves = sender.control.rate, sender.control.leave_at()
    sender.control.hinted(sender.now, 0, 5)
    assert (sender.control.rate, sender.control.leave_at()) == (rate, leaves)
    sender.run(4.9)
    assert sender.control.rate == rate
    sender.run(1)
    assert sender.control.rate > rate


def test_a_hint_that_there_is_room_raises_nothing() -> None:
    """Growth goes on as before."""
    sender, other = Sender(inf), Sender(inf)
    for one in (sender, other):
        one.run(1)
    sender.control.hinted(sender.now, 10**9, 3600)
    assert sender.control.rate == other.control.rate
    for one in (sender, other):
        one.run(1)
    assert sender.control.rate == other.control.rate


def test_a_hint_tells_when_to_look_again_after_a_refusal() -> None:
    """The probe leaves when the allowance begins anew; for a minute at most it is believed."""
    sender = Sender(50)
    sender.run(5)
    sender.control.hinted(sender.now, 0, 8)
    expected = sender.now + 8
    sender.refuse()
    assert sender.control.leave_at() == pytest.approx(expected)
    probe = sender.send()
    sender.control.hinted(sender.now, 0, 86400)
    sender.refuse(probe)
    assert sender.waits == pytest.approx(60, abs=RTT + 1e-6)


def test_a_hint_does_not_shorten_a_pause() -> None:
    """The longer one counts."""
    sender = Sender(50)
    sender.run(5)
    sender.control.hinted(sender.now, 0, 8)
    sender.refuse(pause=30)
    assert sender.waits == pytest.approx(30)


def test_a_liar_is_disbelieved_after_20_contradictions() -> None:
    """It lets in what it says there is no room for; then the rate grows as if it said nothing."""
    sender = Sender(inf)
    sender.run(1)
    rate = sender.control.rate
    for number in range(21):
        sender.control.hinted(sender.now, 0, 60)
        if number < 20:
            sender.answer()
            assert sender.control.rate == rate
    sender.answer()
    assert sender.control.rate > rate


def test_refusals_show_that_the_hints_may_be_right() -> None:
    """What was let in too much before one does not add up with what is after it."""
    sender = Sender(50)
    for _ in range(4):
        for _ in range(9):
            sender.answer()
            sender.control.hinted(sender.now, 0, 60)
        departure = sender.send()
        sender.control.hinted(sender.now, 0, 60)
        sender.refuse(departure)
        assert sender.waits == pytest.approx(60 - RTT)
        sender.answer()


def test_a_liar_does_not_delay_a_probe() -> None:
    """A limit that it has besides what it says is found as any other."""
    sender = Sender(50)
    for _ in range(100):
        sender.answer()
        sender.control.hinted(sender.now, 0, 60)
    sender.refuse()
    assert sender.waits == pytest.approx(0.2)


# 503 without Retry-After


def test_a_single_503_is_an_error_and_a_pair_is_a_refusal() -> None:
    """A limiter answers so; the first one is the cell's, the second the rate's."""
    sender = Sender(50)
    sender.run(5)
    assert sender.unavailable() is Blame.CELL
    assert sender.cause() is None
    sender.run(0.5)
    assert sender.unavailable() is Blame.RATE
    assert sender.cause() is Cause.UNAVAILABLE
    assert sender.waits == pytest.approx(0.2)
    assert sender.news == [("blocked", {"cause": "unavailable", "rate": 50})]
    sender.answer()
    assert sender.control.rate == pytest.approx(48.5, rel=0.03)


def test_503s_that_are_far_apart_are_errors() -> None:
    """However many."""
    sender = Sender(50)
    for _ in range(20):
        sender.run(2.1)
        assert sender.unavailable() is Blame.CELL
    assert sender.news == []


def test_between_a_503_and_the_next_growth_waits() -> None:
    """It may be the first of the limit's."""
    sender = Sender(inf)
    sender.run(4)
    rate = sender.control.rate
    assert sender.unavailable() is Blame.CELL
    sender.run(1.9)
    assert sender.control.rate == rate
    sender.run(0.5)
    assert sender.control.rate > rate


def test_503s_of_what_was_sent_before_a_blockade_do_not_begin_another() -> None:
    """They say nothing new."""
    sender = Sender(50)
    sender.run(5)
    first, *others = sender.sends(6)
    sender.refuse(first)
    for departure in others[:2]:
        assert sender.unavailable(departure) is Blame.RATE
    sender.answer()
    for departure in others[2:]:
        sender.unavailable(departure)
    assert sender.cause() is None
    assert sender.unavailable() is Blame.CELL
    assert sender.events == ["blocked", "reopened"]


def alarm_falsely(sender: Sender) -> Iterator[Blame]:
    """Let pairs of 503s come every 3 seconds, 7 of them."""
    for _ in range(7):
        sender.unavailable()
        yield sender.unavailable()
        if sender.control.blockade is not None:
            sender.answer()
        sender.run(3)


def test_six_cuts_in_a_row_for_503s_are_a_false_alarm() -> None:
    """Whatever the rate, they keep coming: the rate before all of them is restored."""
    sender = Sender(inf)
    sender.run(4)
    rate = sender.control.rate
    blames = list(alarm_falsely(sender))
    assert blames == [Blame.RATE] * 6 + [Blame.CELL]
    assert sender.news[-1] == ("status_503_is_no_refusal", {"rate": round(rate, 2)})
    assert sender.control.limit is None
    assert sender.control.rate >= rate
    for _ in range(5):
        assert sender.unavailable() is Blame.CELL
        assert sender.unavailable() is Blame.CELL
        sender.run(10)
    assert sender.cause() is None
    sender.run(11)
    assert sender.unavailable() is Blame.CELL
    assert sender.unavailable() is Blame.RATE


def test_after_a_false_alarm_the_restored_rate_counts_at_once() -> None:
    """For the next departure, that is; and it is not above the ceiling."""
    sender = Sender(50)
    sender.run(4)
    for _ in range(6):
        sender.meet_503s()
        sender.answer()
        sender.run(3)
    sender.unavailable()
    departure = sender.send()
    left = sender.control.leave_at() - 1 / sender.control.rate
    assert sender.control.rate < 49
    sender.unavailable(departure)
    assert sender.control.rate == 50
    assert sender.control.leave_at() == pytest.approx(left + 1 / 50)


def test_503s_that_last_are_an_outage_rather_than_a_quota() -> None:
    """What was let in by such a long time would make a tiny rate: it begins again at a quarter."""
    sender = Sender(50)
    sender.run(5)
    sender.meet_503s()
    while sender.now < START + 300:
        assert sender.unavailable() is Blame.SERVICE
    sender.answer()
    assert sender.control.rate == pytest.approx(12.5)
    assert sender.control.limit is None
    sender.run(6)
    assert sender.control.rate == 50


def test_429s_that_last_are_a_quota() -> None:
    """The other way round: a quota of an hour is no outage."""
    sender = Sender(50)
    sender.run(10)
    sender.refuse()
    while sender.now < START + 300:
        assert sender.refuse() is Blame.SERVICE
    sender.answer()
    assert sender.control.rate == pytest.approx(0.97 * 500 / 290, rel=0.1)


def test_an_outage_that_is_met_while_refused_is_no_quota() -> None:
    """Probes that found nobody were not refused; afterwards work resumes within a minute."""
    sender = Sender(50)
    sender.run(60)
    sender.refuse()
    while sender.now < START + 1800:
        assert sender.fail() is Blame.SERVICE
    sender.answer()
    sender.run(60)
    assert sender.control.rate > 40


# Outages


def test_8_first_tries_in_a_row_of_3_companies_that_fail_are_an_outage() -> None:
    """Nobody may leave but a probe, after a second; the cells before were charged, this is not."""
    sender = Sender(50)
    sender.run(5)
    blames = [sender.fail(company=company) for company in "abcabcab"]
    assert blames == [Blame.CELL] * 7 + [Blame.SERVICE]
    assert sender.cause() is Cause.FAILING
    assert sender.waits == pytest.approx(1.0)
    assert sender.news == [("blocked", {"cause": "failing", "rate": 50})]


@pytest.mark.parametrize(
    ("companies", "failing", "is_outage"),
    [
        (10, "abababababab", False),
        (10, "aaaaaaaaaaaa", False),
        (2, "abababab", True),
        (1, "aaaaaaaa", True),
        (10, "abcabca", False),
    ],
)
def test_fewer_companies_than_3_or_all_are_no_outage(
    companies: int,
    failing: str,
    is_outage: bool,  # noqa: FBT001 - a table
) -> None:
    """They may be broken themselves."""
    sender = Sender(50, companies=companies)
    for company in failing:
        sender.fail(company=company)
    assert (sender.control.blockade is Cause.FAILING) is is_outage


def test_retries_are_no_evidence_of_an_outage() -> None:
    """At the end of a run only cells that are broken are left."""
    sender = Sender(50)
    for _ in range(50):
        assert sender.fail(is_evidence=False) is Blame.CELL
        assert sender.unavailable(is_evidence=False) is not Blame.SERVICE
        if sender.control.blockade is not None:
            sender.answer()
    assert "failing" not in [fields.get("cause") for _, fields in sender.news]


def test_single_503s_are_evidence_of_an_outage_like_other_failures() -> None:
    """When they are not taken for refusals."""
    sender = Sender(50)
    for _ in range(7):
        assert sender.fail() is Blame.CELL
    assert sender.unavailable() is Blame.SERVICE
    assert sender.cause() is Cause.FAILING


def test_an_answer_between_failures_shows_that_the_service_is_up() -> None:
    """Whenever it was asked for, and be it a late one."""
    sender = Sender(50)
    late = sender.send()
    for _ in range(7):
        sender.fail()
    doubts = [sender.control.is_doubtful]
    sender.now = late.at + 5
    sender.answer(late)
    doubts.append(sender.control.is_doubtful)
    assert sender.fail() is Blame.CELL
    doubts.append(sender.control.is_doubtful)
    assert doubts == [True, False, False]
    assert sender.cause() is None


def test_after_an_outage_it_comes_back_by_slow_start() -> None:
    """From a quarter of the rate up to what it was, and the limit found before is still known."""
    sender = Sender(100)
    sender.run(5)
    sender.refuse()
    sender.answer()
    rate, limit = sender.control.rate, sender.control.limit
    sender.go_down()
    sender.fail()
    sender.fail()
    sender.answer()
    assert sender.cause() is None
    assert sender.control.rate == pytest.approx(rate / 4)
    assert sender.control.limit == limit
    assert sender.control.leave_at() == pytest.approx(sender.now - RTT + 4 / rate)
    sender.run(2)
    assert sender.control.rate == pytest.approx(rate / 4 * 1.5**2, rel=0.06)
    sender.run(2)
    assert rate <= sender.control.rate < rate * 1.01


def test_an_outage_does_not_count_in_the_time_of_a_quota() -> None:
    """What comes after it is another cycle."""
    sender = Sender(50)
    sender.run(10)
    sender.go_down()
    while sender.now < START + 600:
        sender.fail()
    sender.answer()
    sender.run(20)
    rate = sender.control.rate
    blocked = sender.now
    while sender.now < blocked + 10:
        sender.refuse()
    sender.answer()
    assert sender.control.rate > rate / 3


def test_failures_of_what_was_sent_before_or_during_an_outage_are_the_services() -> None:
    """Also when it is over."""
    sender = Sender(50)
    sender.run(5)
    others = sender.sends(6)
    sender.go_down()
    assert sender.fail(others[0]) is Blame.SERVICE
    assert sender.unavailable(others[1]) is Blame.SERVICE
    lost = sender.send()
    sender.now += PROBE_SECONDS
    sender.answer()
    assert sender.cause() is None
    assert sender.fail(others[2]) is Blame.SERVICE
    assert sender.unavailable(others[3]) is Blame.SERVICE
    assert sender.refuse(others[4]) is Blame.RATE
    assert sender.fail(lost, was_let_in=True) in {Blame.CELL, Blame.SERVICE}
    assert sender.fail() is Blame.CELL


def test_what_flaps_goes_on_with_the_interval() -> None:
    """An outage within 30 s of the last one; one that comes later begins anew."""
    sender = Sender(50)
    sender.go_down()
    for _ in range(3):
        sender.fail()
    assert sender.waits == pytest.approx(8)
    sender.answer()
    sender.run(20)
    sender.go_down()
    assert sender.waits == pytest.approx(8)
    sender.fail()
    assert sender.waits == pytest.approx(16)
    sender.answer()
    sender.run(31)
    sender.go_down()
    assert sender.waits == pytest.approx(1)


def test_a_blockade_for_a_refusal_is_not_what_flaps() -> None:
    """Only outages are."""
    sender = Sender(50)
    sender.run(5)
    for _ in range(6):
        sender.refuse()
    sender.answer()
    sender.go_down()
    assert sender.waits == pytest.approx(1)


@CAUSES
def test_patience_counts_from_the_beginning_of_a_blockade(cause: Cause) -> None:
    """Probes that fail do not prolong it, pauses neither; an answer ends it."""
    sender = Sender(50, patience=PATIENCE)
    sender.run(5)
    assert sender.control.gives_up_at == inf
    block(sender, cause)
    began = sender.now
    assert sender.control.gives_up_at == pytest.approx(began + PATIENCE)
    for _ in range(5):
        sender.refuse(pause=60)
    assert sender.control.gives_up_at == pytest.approx(began + PATIENCE)
    sender.answer()
    assert sender.control.gives_up_at == inf
    block(sender, cause)
    assert sender.control.gives_up_at == pytest.approx(sender.now + PATIENCE)


# Blame

REFUSED, UNAVAILABLE, FAILED, LET_IN = "refused", "unavailable", "failed", "let in"

BLAMES = [
    (None, False, REFUSED, Blame.RATE, Cause.REFUSED),
    (None, False, UNAVAILABLE, Blame.CELL, None),
    (None, False, FAILED, Blame.CELL, None),
    (None, False, LET_IN, Blame.CELL, None),
    (Cause.REFUSED, False, REFUSED, Blame.RATE, Cause.REFUSED),
    (Cause.REFUSED, False, UNAVAILABLE, Blame.RATE, Cause.REFUSED),
    (Cause.REFUSED, False, FAILED, Blame.CELL, Cause.REFUSED),
    (Cause.REFUSED, False, LET_IN, Blame.CELL, Cause.REFUSED),
    (Cause.REFUSED, True, REFUSED, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, UNAVAILABLE, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, FAILED, Blame.SERVICE, Cause.REFUSED),
    (Cause.REFUSED, True, LET_IN, Blame.CELL, None),
    (Cause.UNAVAILABLE, False, REFUSED, Blame.RATE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, UNAVAILABLE, Blame.RATE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, FAILED, Blame.CELL, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, False, LET_IN, Blame.CELL, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, REFUSED, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, UNAVAILABLE, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, FAILED, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.UNAVAILABLE, True, LET_IN, Blame.SERVICE, Cause.UNAVAILABLE),
    (Cause.FAILING, False, REFUSED, Blame.RATE, Cause.FAILING),
    (Cause.FAILING, False, UNAVAILABLE, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, False, FAILED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, False, LET_IN, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, REFUSED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, UNAVAILABLE, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, FAILED, Blame.SERVICE, Cause.FAILING),
    (Cause.FAILING, True, LET_IN, Blame.SERVICE, Cause.FAILING),
]


@pytest.mark.parametrize(("cause", "is_probe", "what", "blame", "then"), BLAMES)
def test_to_whom_a_try_is_charged(
    cause: Cause | None,
    is_probe: bool,  # noqa: FBT001 - a table
    what: str,
    blame: Blame,
    then: Cause | None,
) -> None:
    """By what happened, whether it was the probe, and why there is a blockade; and what is then.

    A probe that fails is the service's, and goes on with the blockade. One that was let in and
    fails is over when it was a refusal that began it: then it is the cell's.
    """
    sender = Sender(50)
    other = sender.send()
    sender.run(5)
    if cause is not None:
        block(sender, cause)
    departure = sender.send() if is_probe else other
    leaves = sender.control.leave_at()
    charged = {
        REFUSED: lambda: sender.refuse(departure),
        UNAVAILABLE: lambda: sender.unavailable(departure),
        FAILED: lambda: sender.fail(departure),
        LET_IN: lambda: sender.fail(departure, was_let_in=True),
    }[what]()
    assert (charged, sender.control.blockade) == (blame, then)
    if cause is not None and not is_probe:
        assert sender.control.leave_at() == leaves


def test_a_probe_that_was_let_in_and_failed_tells_the_limit_as_an_answer_does() -> None:
    """It was not refused."""
    sender = Sender(50)
    sender.run(5)
    sender.refuse()
    assert sender.fail(was_let_in=True) is Blame.CELL
    assert sender.control.rate == pytest.approx(48.5, rel=0.01)
    assert sender.events == ["blocked", "reopened"]


def test_without_anyone_to_notify_it_works_as_well() -> None:
    """News are optional."""
    control = RateController(50, companies=3, probe_seconds=35)
    control.refused(control.depart(START), START)
    control.answered(control.depart(START + 1), START + 1)
    assert control.blockade is None
    assert control.gives_up_at == inf
