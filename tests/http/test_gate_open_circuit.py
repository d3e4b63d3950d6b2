import asyncio
import time
from collections.abc import Callable
from math import inf

import pytest

from collector.core.errors import ExitCode, OutageError, StoppedError
from collector.core.outcome import Blame
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.rate_headers import RateAllowance
from collector.pace import Cause, PaceView, Permit, RateController
from tests.http.made_faults import FAULT

_READING = 0.001

Waiting = asyncio.Task[Permit]


class Clock:
    """Seconds that stand still until they are told to move; counts how often it is read."""

    now = 1000.0
    readings = 0

    def __call__(self) -> float:
        """Read the clock."""
        self.readings += 1
        return self.now


def gate_at(
    rate: float = 1e6,
    *,
    probe_seconds: float = 60.0,
    patience: float = inf,
    clock: Callable[[], float] = time.monotonic,
) -> Gate:
    """Make a gate."""
    control = RateController(rate, companies=3, probe_seconds=probe_seconds, patience=patience)
    return Gate(control, clock=clock)


async def turns(number: int) -> None:
    """Let the event loop go round, so that tasks which can run have run."""
    for _ in range(number):
        await asyncio.sleep(0)


def cause_of(gate: Gate) -> Cause | None:
    """Return why the gate is closed (mypy takes a property for a constant)."""
    return gate.control.open_cause


async def refused_gate(*, probe_seconds: float = 60.0, patience: float = inf) -> tuple[Gate, float]:
    """Make a gate that let many pass and then met a refusal; returns when that was."""
    gate = gate_at(probe_seconds=probe_seconds, patience=patience)
    permits = [await gate.acquire() for _ in range(200)]
    began = time.monotonic()
    assert gate.refused(permits[-1], fault=FAULT) is Blame.RATE
    return gate, began


def crowd(gate: Gate, number: int) -> list[asyncio.Task[Permit]]:
    """Let so many wait at the gate."""
    return [asyncio.create_task(gate.acquire()) for _ in range(number)]


async def permits_at(gate: Gate, clock: Clock, rate: float, number: int) -> list[Permit]:
    """Acquire so many permits, each as soon as the rate allows."""
    permits = list[Permit]()
    for _ in range(number):
        permits.append(await gate.acquire())
        clock.now += 1.01 / rate
    return permits


async def test_a_gate_says_how_it_stands() -> None:
    """Rate, ceiling, limit, state of the circuit and its seconds, as the controller has them."""
    clock = Clock()
    gate = gate_at(50.0, clock=clock)
    assert gate.view() == PaceView(50.0, 50.0)
    assert (gate.next_probe_in, gate.control.is_doubtful) == (0.0, False)
    first, *_, second, third, fourth = await permits_at(gate, clock, 50.0, 30)
    for company in ("1", "2"):
        gate.failed(first, company, is_evidence=True, was_accepted=True, fault=FAULT)
    assert gate.control.is_doubtful
    # What the rate makes wait for is no closure.
    clock.now -= 0.02
    assert gate.next_probe_in == 0.0
    gate.refused(second, pause=5.0, fault=FAULT)
    assert cause_of(gate) is Cause.REFUSED
    gate.refused(third, pause=1.0, fault=FAULT)
    assert gate.next_probe_in == pytest.approx(5.0)
    clock.now += 2.0
    assert gate.next_probe_in == pytest.approx(3.0)
    gate.refused(fourth, pause=4.0, fault=FAULT)
    assert gate.next_probe_in == pytest.approx(4.0)
    clock.now += 4.1
    assert gate.next_probe_in == 0.0
    gate.answered(await gate.acquire())
    assert cause_of(gate) is None
    assert gate.control.limit is not None
    assert 1.0 < gate.control.rate < gate.control.limit <= 50.0


async def test_what_headers_say_reaches_the_controller() -> None:
    """With an answer, or with the refusal itself: no request precedes the renewal of the quota."""
    for comes_with_the_refusal in (False, True):
        gate = gate_at(clock=Clock())
        permit = await gate.acquire()
        allowance = RateAllowance(0, 7.0, None)
        gate.answered(permit, allowance=None if comes_with_the_refusal else allowance)
        gate.refused(permit, allowance=allowance if comes_with_the_refusal else None, fault=FAULT)
        assert gate.next_probe_in == pytest.approx(7.0)


async def test_an_open_circuit_stops_all_requests_but_single_probes() -> None:
    """Those that wait already and those that come; each probe that fails doubles the time."""
    gate, began = await refused_gate()
    waiting = crowd(gate, 4)
    async with asyncio.timeout(5):
        first = await waiting[0]
        assert first.at - began >= 0.2 - _READING
        waiting += crowd(gate, 2)
        await turns(20)
        assert sum(task.done() for task in waiting) == 1
        assert gate.refused(first, fault=FAULT) is Blame.SERVICE
        failed_at = time.monotonic()
        second = await waiting[1]
    assert second.at - failed_at >= 0.4 - _READING
    await turns(20)
    assert [task.done() for task in waiting] == [True, True, False, False, False, False]
    gate.close()
    await asyncio.wait(waiting)


@pytest.mark.parametrize("how", ["answered", "accepted"])
async def test_the_first_waiter_wakes_at_once_when_the_circuit_closes(how: str) -> None:
    """Without waiting for the timer that would let the next probe out a minute later."""
    gate, _ = await refused_gate()
    waiting = crowd(gate, 2)
    async with asyncio.timeout(5):
        probe = await waiting[0]
        await turns(20)
        assert not waiting[1].done()
        if how == "answered":
            gate.answered(probe)
        else:
            blame = gate.failed(probe, "1", is_evidence=True, was_accepted=True, fault=FAULT)
            assert blame is Blame.CELL
        assert cause_of(gate) is None
        await waiting[1]


async def test_a_probe_that_is_given_back_lets_the_next_one_go_at_once() -> None:
    """It was not sent after all, or its sender was cancelled."""
    gate, _ = await refused_gate()
    waiting = crowd(gate, 3)
    async with asyncio.timeout(5):
        probe = await waiting[0]
        await turns(20)
        assert not waiting[1].done()
        gate.release(probe)
        assert (await waiting[1]).at > probe.at
    await turns(20)
    assert cause_of(gate) is Cause.REFUSED
    assert not waiting[2].done()
    gate.close()
    await asyncio.wait(waiting)


async def test_what_was_no_probe_changes_nothing_when_it_is_given_back() -> None:
    """A request sent before the circuit opened is cancelled: the probe is still the only one."""
    gate = gate_at()
    early = await gate.acquire()
    gate.refused(await gate.acquire(), fault=FAULT)
    waiting = crowd(gate, 2)
    async with asyncio.timeout(5):
        await waiting[0]
        gate.release(early)
        gate.answered(early)
        await turns(20)
        assert cause_of(gate) is Cause.REFUSED
        assert not waiting[1].done()
    gate.close()
    await asyncio.wait(waiting)


async def test_a_probe_without_news_is_given_up_after_a_while() -> None:
    """After `probe_seconds` the next one is sent, so that a lost answer does not stop the run."""
    gate, _ = await refused_gate(probe_seconds=0.05)
    async with asyncio.timeout(5):
        lost = await gate.acquire()
        following = await gate.acquire()
    assert following.at - lost.at >= 0.05 - _READING
    assert cause_of(gate) is Cause.REFUSED


async def test_a_pause_can_be_extended_while_a_request_waits_for_its_end() -> None:
    """The waiter goes back to sleep; a shorter pause does not wake it earlier."""
    gate, began = await refused_gate()
    waiting = crowd(gate, 1)
    await turns(3)
    # Both were sent before it.
    old = Permit(began, 0, 0, is_paced=True)
    gate.refused(old, pause=0.35, fault=FAULT)
    gate.refused(old, pause=0.1, fault=FAULT)
    async with asyncio.timeout(5):
        assert (await waiting[0]).at - began >= 0.35 - _READING


async def test_one_plain_503_is_an_error_and_two_together_are_a_refusal() -> None:
    """As `Status503Classifier` reads them; what comes after belongs to the same refusal."""
    gate = gate_at()
    permits = [await gate.acquire() for _ in range(3)]
    assert gate.unavailable(permits[0], "1", is_evidence=True, fault=FAULT) is Blame.CELL
    assert cause_of(gate) is None
    assert gate.unavailable(permits[1], "2", is_evidence=True, fault=FAULT) is Blame.RATE
    assert cause_of(gate) is Cause.UNAVAILABLE
    assert gate.unavailable(permits[2], "3", is_evidence=True, fault=FAULT) is Blame.RATE


@pytest.mark.parametrize("is_evidence", [True, False])
async def test_failures_in_a_row_are_an_outage_if_they_are_evidence(*, is_evidence: bool) -> None:
    """Eight, of three companies; a retry's failure is none, for it may be the cell's own."""
    gate = gate_at(clock=Clock())
    permit = await gate.acquire()
    blames = [
        gate.failed(
            permit, f"{number % 3}", is_evidence=is_evidence, was_accepted=False, fault=FAULT
        )
        for number in range(8)
    ]
    if is_evidence:
        assert blames == [Blame.CELL] * 7 + [Blame.SERVICE]
        assert cause_of(gate) is Cause.FAILING
        assert gate.next_probe_in == pytest.approx(1.0)
    else:
        assert blames == [Blame.CELL] * 8
        assert cause_of(gate) is None


@pytest.mark.parametrize("is_evidence", [True, False])
async def test_a_503_that_is_an_error_may_be_evidence(*, is_evidence: bool) -> None:
    """Like any other failure: two in a row are doubtful, but a retry's does not count."""
    gate = gate_at()
    permit = await gate.acquire()
    gate.failed(permit, "1", is_evidence=True, was_accepted=True, fault=FAULT)
    gate.unavailable(permit, "2", is_evidence=is_evidence, fault=FAULT)
    assert gate.control.is_doubtful is is_evidence


async def test_an_urgent_request_passes_an_open_circuit_and_sleeping_waiters() -> None:
    """The first waiter gives way, and is the front again afterwards."""
    gate, order = gate_at(), list[str]()

    async def take(name: str) -> None:
        await gate.acquire(is_urgent=name == "token")
        order.append(name)

    first = await gate.acquire()
    gate.refused(first, pause=3600.0, fault=FAULT)
    usual = [asyncio.create_task(take(name)) for name in ("front", "second")]
    for _ in range(5):
        await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await take("token")
    assert order == ["token"]
    assert not any(task.done() for task in usual)
    gate.close()
    async with asyncio.timeout(1):
        ended = await asyncio.gather(*usual, return_exceptions=True)
    assert [type(error) for error in ended] == [StoppedError] * 2


async def test_an_urgent_request_passes_an_open_circuit() -> None:
    """Again and again, at once, and it is no probe: nothing that becomes of it changes anything."""
    gate = gate_at()
    gate.refused(await gate.acquire(), pause=3600.0, fault=FAULT)
    for _ in range(3):
        with pytest.raises(StopIteration) as passed:
            gate.acquire(is_urgent=True).send(None)
        gate.answered(passed.value.value)
        gate.release(passed.value.value)
    assert cause_of(gate) is Cause.REFUSED
    assert gate.next_probe_in > 3000.0


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause.REFUSED, "the API rate-limited every request for 1 s; last error: HTTP 502"),
        (Cause.FAILING, "no answer from the API for 1 s; last error: HTTP 502"),
    ],
)
async def test_patience_has_an_end(cause: Cause, text: str) -> None:
    """Exit code 4 for everyone who waits or comes, and the message names service and cause."""
    gate = gate_at(patience=0.1)
    permit = await gate.acquire()
    began = time.monotonic()
    if cause is Cause.REFUSED:
        gate.refused(permit, pause=3600.0, fault=FAULT)
    fault = Fault("HTTP 502", Nature.TRANSIENT)
    for number in range(8):
        gate.failed(permit, f"{number}", is_evidence=True, was_accepted=False, fault=fault)
    assert cause_of(gate) is cause
    assert gate.view().last_error == "the API: HTTP 502"
    async with asyncio.timeout(5):
        ends = await asyncio.gather(*crowd(gate, 5), return_exceptions=True)
        assert time.monotonic() - began >= 0.1 - _READING
        with pytest.raises(OutageError, match=f"^{text}$") as told:
            await gate.acquire()
    assert [type(end) for end in ends] == [OutageError] * 5
    assert told.value.exit_code is ExitCode.STOPPED_EARLY


async def waiting_for_a_probe(*, probe_seconds: float) -> tuple[Gate, Permit, list[Waiting]]:
    """Make a gate whose patience has ended with a probe in flight, and three that wait."""
    gate, began = await refused_gate(patience=0.3, probe_seconds=probe_seconds)
    first, *others = crowd(gate, 4)
    probe = await first
    await asyncio.sleep(began + 0.4 - time.monotonic())
    assert not any(task.done() for task in others)
    return gate, probe, others


async def test_the_answer_to_the_last_probe_is_waited_for() -> None:
    """It may come a moment after patience has ended: the service is back."""
    async with asyncio.timeout(5):
        gate, probe, others = await waiting_for_a_probe(probe_seconds=60.0)
        gate.answered(probe)
        await asyncio.gather(*others)


async def test_the_failure_of_the_last_probe_is_the_end() -> None:
    """At once, although the next probe would be due much later."""
    async with asyncio.timeout(40):
        gate, probe, others = await waiting_for_a_probe(probe_seconds=60.0)
        gate.refused(probe, fault=FAULT)
        ends = await asyncio.gather(*others, return_exceptions=True)
    assert [type(end) for end in ends] == [OutageError] * 3


async def test_a_last_probe_without_a_result_is_waited_for_until_it_counts_as_lost() -> None:
    """Not for ever."""
    async with asyncio.timeout(5):
        _, probe, others = await waiting_for_a_probe(probe_seconds=0.4)
        ends = await asyncio.gather(*others, return_exceptions=True)
    assert [type(end) for end in ends] == [OutageError] * 3
    assert time.monotonic() - probe.at >= 0.4 - _READING


async def test_the_urgent_is_not_given_up_and_waits_for_the_rate_asleep() -> None:
    """When patience has ended, the token that is asked for may still come, at the rate.

    Otherwise a low rate would keep a core busy until it is the token's turn.
    """
    clock = Clock()
    gate = gate_at(0.01, patience=10.0, clock=clock)
    gate.refused(await gate.acquire(), fault=FAULT)
    clock.now += 20.0
    token = asyncio.create_task(gate.acquire(is_urgent=True))
    await turns(3)
    before = clock.readings
    await turns(100)
    assert clock.readings - before <= 1
    assert not token.done()
    gate.close()
    await asyncio.wait([token])
