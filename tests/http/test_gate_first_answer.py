"""The gate before the first answer: it gives up sooner, and says why."""

import asyncio
import time

import pytest

from collector.core.errors import OutageError, UnusableError
from collector.http.faults import Fault, Nature
from collector.http.gate import Gate
from collector.http.silence import Service, Silence
from collector.pace import RateController

API = Service("https://api.example", "--base-url")
TRANSIENT = Fault("HTTP 502", Nature.TRANSIENT)
UNUSABLE = Fault("malformed answer head", Nature.UNUSABLE)


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Read the clock."""
        return time.monotonic() + self.ahead


def gate_with(clock: Clock, *, rate: float = 1e6, companies: int = 3) -> Gate:
    """Return a gate of a run whose first answer is waited for a minute, an outage for an hour."""
    control = RateController(rate, companies=companies, probe_seconds=35.0, patience=3600.0)
    return Gate(control, silence=Silence(API, 60.0, 3600.0), clock=clock)


async def fail(gate: Gate, fault: Fault, times: int = 1, company: str = "1") -> None:
    """Let requests fail."""
    for _ in range(times):
        permit = await gate.acquire()
        gate.failed(permit, company, is_evidence=False, was_accepted=True, fault=fault)


async def test_it_gives_up_while_the_circuit_is_closed() -> None:
    """As in a verification, where one request at a time may hang: eight would take minutes.

    After that, each caller gets the same error. A request for a token is not held up.
    """
    clock = Clock()
    gate = gate_with(clock)
    await fail(gate, TRANSIENT, 2)
    clock.ahead += 50.0
    await fail(gate, TRANSIENT)
    clock.ahead += 10.0
    assert gate.control.open_cause is None
    for _ in range(2):
        with pytest.raises(
            OutageError, match=r"^no answer from https://api.example for 60 s; last"
        ):
            await gate.acquire()
    await gate.acquire(is_urgent=True)


async def test_it_gives_up_sooner_if_nothing_is_usable() -> None:
    """Ten seconds after the first request."""
    clock = Clock()
    gate = gate_with(clock)
    await fail(gate, UNUSABLE, 2)
    clock.ahead += 10.0
    with pytest.raises(UnusableError, match="malformed answer head; check --base-url"):
        await gate.acquire()


async def test_an_answer_ends_that() -> None:
    """From then on only the circuit breaker decides."""
    clock = Clock()
    gate = gate_with(clock)
    await fail(gate, UNUSABLE, 2)
    gate.answered(await gate.acquire())
    await fail(gate, UNUSABLE, 5)
    clock.ahead += 600.0
    await gate.acquire()


async def test_a_pause_that_the_api_asks_for_is_not_given_up() -> None:
    """Two minutes, and then a minute more."""
    clock = Clock()
    gate = gate_with(clock)
    for _ in range(2):
        gate.refused(await gate.acquire(), pause=120.0, fault=Fault("HTTP 429", Nature.TRANSIENT))
        clock.ahead += 120.0
    assert gate.silence.first_ends_at == pytest.approx(clock() + 60.0, abs=5.0)
    gate.refused(await gate.acquire(), fault=Fault("HTTP 429", Nature.TRANSIENT))
    # The last probe that is due is sent.
    clock.ahead += 60.0
    gate.refused(await gate.acquire(), fault=Fault("HTTP 429", Nature.TRANSIENT))
    with pytest.raises(
        OutageError, match=r"rate-limited every request for 5 min; last error: HTTP 429"
    ):
        await gate.acquire()


async def test_a_task_that_waits_is_told_at_once() -> None:
    """At a low rate, the next permit may be minutes away."""
    clock = Clock()
    gate = gate_with(clock, rate=0.01)
    first = await gate.acquire()
    gate.failed(first, "1", is_evidence=False, was_accepted=True, fault=TRANSIENT)
    clock.ahead += 101.0
    second = await gate.acquire()
    waiting = asyncio.create_task(gate.acquire())
    for _ in range(5):
        await asyncio.sleep(0)
    gate.failed(second, "1", is_evidence=False, was_accepted=True, fault=TRANSIENT)
    async with asyncio.timeout(5):
        with pytest.raises(OutageError, match=r"for 101 s; last error: HTTP 502$"):
            await waiting
