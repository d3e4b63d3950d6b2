from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.estimate import LimitEstimate
from collector.pace.types import Permit

START = 1000.0


class Server:
    """Tells an estimate which requests are sent, and which of them are throttled."""

    def __init__(self) -> None:
        self.estimate = LimitEstimate()
        self.now = START

    def send(self) -> Permit:
        """Send one request now."""
        return Permit(self.now, self.estimate.sent(self.now), 0, is_paced=True)

    def accepted(self, number: int, rate: float) -> None:
        """Send so many at a rate, and move to when the next one is due."""
        for _ in range(number):
            self.send()
            self.now += 1 / rate

    def refuse(self, *, more: int = 0) -> Permit:
        """Refuse the next one, and `more` that are on their way with it."""
        first = self.send()
        self.estimate.refused(first)
        self.estimate.circuit_opened(first)
        for _ in range(more):
            self.estimate.refused(self.send())
        return first

    def close_circuit(self, after: float, *, closed: float = 0.0) -> tuple[float, bool]:
        """Accept a probe; `closed` is for how long (seconds) no request was accepted before."""
        refused_until = self.now + closed
        self.now += after
        limit, is_quota = self.estimate.circuit_closed(self.send(), refused_until)
        return inf if limit is None else limit, is_quota


@pytest.mark.parametrize("rate", [1.0, 5.0, 10.0, 50.0, 333.0, 2000.0])
@pytest.mark.parametrize("more", [0, 7])
def test_a_steady_rate_is_what_was_accepted(rate: float, more: int) -> None:
    """Requests that are throttled with the first one do not count as accepted."""
    server = Server()
    server.accepted(int(rate * 10) + 30, rate)
    server.refuse(more=more)
    limit, is_quota = server.close_circuit(0.2)
    assert limit == pytest.approx(rate, rel=0.001)
    assert is_quota is False


@pytest.mark.parametrize(
    ("long_ago", "seconds", "seen"),
    [(200.0, 2.2, 50.0), (10.0, 2.2, 50.0), (200.0, 1.0, 125.0), (50.0, 0.0, 50.0)],
)
def test_what_was_accepted_is_counted_over_2_seconds(
    long_ago: float, seconds: float, seen: float
) -> None:
    """Not what was before them, at another rate."""
    server = Server()
    server.accepted(int(long_ago * 10), long_ago)
    server.accepted(int(seconds * 50), 50)
    server.refuse()
    assert server.close_circuit(0.2)[0] == pytest.approx(seen, rel=0.05)


def test_what_is_rare_is_counted_over_20_answers() -> None:
    """2 seconds hold 1, 2 or 3 of them, and tell nothing."""
    server = Server()
    server.accepted(15, 10)
    server.accepted(20, 2)
    server.accepted(3, 10)
    server.refuse()
    assert server.close_circuit(0.2)[0] == pytest.approx(20 / (17 / 2 + 3 / 10), rel=0.01)


@pytest.mark.parametrize("open_for", [0.2, 60.0])
@pytest.mark.parametrize(("accepted", "is_known"), [(0, False), (4, False), (5, True), (10, True)])
def test_so_few_that_were_accepted_say_nothing(
    accepted: int,
    is_known: bool,  # noqa: FBT001 - a table
    open_for: float,
) -> None:
    """Fewer than 5 from the start on; the limit is None then."""
    server = Server()
    server.accepted(accepted, 10)
    limit = server.estimate.circuit_closed(*probe_after(server, open_for))[0]
    assert (limit is not None) is is_known


def probe_after(server: Server, open_for: float) -> tuple[Permit, float]:
    """Throttle one, and send a probe some seconds later; return when one was throttled last."""
    first = server.refuse(more=3)
    server.now += open_for
    return server.send(), first.at


def test_few_that_left_together_are_no_high_rate() -> None:
    """There is nothing to divide by; they count as those of a tenth of a second."""
    server = Server()
    for _ in range(6):
        server.send()
    server.refuse()
    assert server.close_circuit(0.2)[0] == pytest.approx(60.0)


def bucket(server: Server, burst: int, apart: float) -> float:
    """Meet a bucket of 50 per second twice at 60, the burst used up only the first time.

    The bucket fills while the circuit is open; `apart` seconds of sending precede the second time.
    """
    server.accepted(6 * burst, 60)
    server.refuse()
    server.close_circuit(0.2)
    # The probe is one of those that flowed in.
    others = round(50 * (apart + 0.2)) - 1
    server.accepted(others, others / apart)
    server.refuse()
    return server.close_circuit(0.2)[0]


@pytest.mark.parametrize("apart", [0.6, 1.0, 2.0, 5.0, 9.5])
def test_between_two_close_refusals_the_inflow_is_exact(apart: float) -> None:
    """The bucket was empty both times: the requests accepted in between are its inflow."""
    assert bucket(Server(), 20, apart) == pytest.approx(50, rel=0.001)


def test_between_distant_refusals_the_last_2_seconds_count() -> None:
    """10 seconds after the circuit closed the bucket may be full again."""
    server = Server()
    server.accepted(300, 50)
    server.refuse()
    server.close_circuit(0.2)
    server.accepted(500, 50)
    server.accepted(150, 75)
    server.refuse()
    assert server.close_circuit(0.2)[0] == pytest.approx(75, rel=0.01)


@pytest.mark.parametrize("apart", [0.05, 0.3])
def test_a_refusal_right_after_the_circuit_closed_does_not_restart_the_count(apart: float) -> None:
    """So few say nothing; the next refusal still counts from when the bucket was empty."""
    server = Server()
    server.accepted(300, 50)
    server.refuse()
    server.close_circuit(0.2)
    number = int(apart * 40)
    server.accepted(number, 40)
    server.refuse()
    server.close_circuit(0.3)
    server.accepted(120 - number - 1, 40)
    server.refuse()
    # The two probes, too, and twice half a second of open circuit without other requests.
    took = (120 - 1) / 40 + 0.3 + 0.2
    assert server.close_circuit(0.2)[0] == pytest.approx(121 / took, rel=0.02)


def test_refusals_that_come_late_do_not_lower_the_next_estimate() -> None:
    """They were sent before the circuit opened, so they are none of those sent since."""
    server = Server()
    server.accepted(300, 50)
    server.refuse()
    others = [server.send() for _ in range(30)]
    server.close_circuit(0.2)
    for permit in others:
        server.estimate.refused(permit)
    server.accepted(50, 50)
    server.refuse()
    assert server.close_circuit(0.2)[0] == pytest.approx(51 / 1.2, rel=0.04)


@pytest.mark.parametrize(("open_for", "is_quota"), [(2.9, False), (3.1, True)])
def test_a_circuit_open_for_more_than_3_seconds_is_a_quota(
    open_for: float,
    is_quota: bool,  # noqa: FBT001 - a table
) -> None:
    """A bucket fills again in less. The first long one is not called so: others may have used it.

    But what was accepted is divided by the whole time already.
    """
    server = Server()
    server.accepted(500, 50)
    server.refuse()
    limit, is_called_so = server.close_circuit(open_for, closed=open_for)
    assert is_called_so is False
    assert limit == pytest.approx(500 / (10 + open_for) if is_quota else 50, rel=0.01)
    for _ in range(2):
        server.accepted(600, 50)
        server.refuse()
        assert server.close_circuit(open_for)[1] is is_quota


def test_a_quota_is_what_was_accepted_by_the_time_until_it_began_anew() -> None:
    """600 per minute, met at 20 per second, probed until 55 s: too many rather than too few.

    The second time is counted from when the circuit first closed.
    """
    server = Server()
    server.accepted(600, 20)
    server.refuse(more=3)
    limit, _ = server.close_circuit(30, closed=25)
    assert limit == pytest.approx(600 / 55, rel=0.005)
    server.accepted(599, 11)
    server.refuse()
    limit, is_quota = server.close_circuit(5, closed=4)
    assert is_quota
    assert limit == pytest.approx(600 / 58.5, rel=0.02)


def test_short_open_circuits_between_are_part_of_a_quota() -> None:
    """They do not begin its time anew."""
    server = Server()
    server.accepted(300, 20)
    server.refuse()
    server.close_circuit(0.2)
    server.accepted(299, 20)
    server.refuse()
    assert server.close_circuit(29.8, closed=28)[0] == pytest.approx(600 / 58.2, rel=0.01)


def test_a_quota_that_is_gone_at_once_is_counted_over_2_seconds() -> None:
    """There is nothing else to divide by."""
    server = Server()
    server.accepted(10, 100)
    server.refuse()
    assert server.close_circuit(10)[0] == pytest.approx(5.0)


def test_a_quota_whose_end_the_server_tells_is_soon_known() -> None:
    """60 per minute, met at 10 per second, and a `Retry-After` instead of probes that are refused.

    An estimate that is too high is corrected within a quota or two.
    """
    server = Server()
    rate, began = 10.0, START
    for _ in range(3):
        server.accepted(60, rate)
        if server.now < began + 60:
            server.refuse()
            pause = began + 60 - server.now
            limit, _ = server.close_circuit(pause, closed=pause)
            rate = min(rate, 0.97 * limit)
        began += 60
    assert rate == pytest.approx(1.0, rel=0.1)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from(["send", "send", "refuse", "late", "reopen"])),
        max_size=60,
    )
)
def test_an_estimate_is_a_number_and_never_negative(steps: list[tuple[float, str]]) -> None:
    """Whatever is sent and throttled, in any order, and late."""
    server, refused_until = Server(), START
    others = list[Permit]()
    for later, what in steps:
        server.now += later
        permit = server.send()
        if what == "refuse":
            server.estimate.refused(permit)
            server.estimate.circuit_opened(permit)
            refused_until = server.now
        elif what == "late" and others:
            server.estimate.refused(others.pop())
        elif what == "reopen":
            limit, _ = server.estimate.circuit_closed(permit, refused_until)
            assert limit is None or 0 <= limit < 1e6
        else:
            others.append(permit)


def test_memory_is_bounded() -> None:
    """A mark in 100 ms, and 256 of them."""
    server = Server()
    server.accepted(1000, 2)
    server.accepted(1000, 1000)
    marks = server.estimate._marks  # noqa: SLF001 - memory has no other face
    assert len(marks) == 256
