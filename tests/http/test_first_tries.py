import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from math import inf

import pytest

from collector.core.errors import ExitCode, ImplausibleError
from collector.core.outcome import Failure, FailureKind, Meaning
from collector.http.first_tries import FirstTries
from collector.http.gate import Gate
from collector.http.in_flight import InFlight
from collector.pace import LocalLimit, RateController
from tests.end_to_end.steps import until


def _failure(kind: FailureKind = FailureKind.HTTP, status: int | None = 404) -> Failure:
    return Failure(kind, status, f"HTTP {status}", None, datetime(2026, 1, 1, tzinfo=UTC), 1)


class _Bench:
    def __init__(self, ceiling: float = inf) -> None:
        self.limit = LocalLimit(60.0)
        self.limit.ceiling = ceiling
        self.in_flight = InFlight(
            self.limit, Gate(RateController(10.0, companies=5, probe_seconds=60.0))
        )
        self.errors: list[ImplausibleError] = []
        self.tries = FirstTries()
        self.tries.begin(self.in_flight, self.errors.append)

    def fail(self, times: int, companies: int = 5, failure: Failure | None = None) -> None:
        for number in range(times):
            self.tries.failed(f"{number % companies}", failure or _failure())


def test_the_fiftieth_try_of_five_companies_ends_the_run_once() -> None:
    """Whatever comes after it."""
    bench = _Bench()
    bench.fail(49)
    assert not bench.errors
    bench.fail(20)
    (error,) = bench.errors
    assert error.exit_code is ExitCode.IMPLAUSIBLE
    assert "first 50 requests that count, for 5 companies" in str(error)
    assert "HTTP 404; check --base-url" in str(error)


def test_a_few_companies_end_nothing() -> None:
    """However often they are tried."""
    bench = _Bench()
    bench.fail(500, companies=4)
    assert not bench.errors
    assert bench.tries.is_over


@pytest.mark.parametrize(
    "other",
    [_failure(status=400), _failure(FailureKind.SCHEMA, None), _failure(FailureKind.API_CODE)],
    ids=["status", "kind", "code"],
)
def test_another_reason_ends_the_watch(other: Failure) -> None:
    """Not all fail alike, so that it is not one reason for all."""
    bench = _Bench()
    bench.fail(30)
    bench.fail(1, failure=other)
    bench.fail(100)
    assert not bench.errors
    assert bench.tries.error() is None


def test_redirects_are_alike_whatever_their_status() -> None:
    """For good or for now, to one place or to several: no request reaches the API."""
    bench = _Bench()
    for number in range(50):
        status = (301, 302, 303, 307, 308)[number % 5]
        bench.tries.failed(f"{number % 7}", _failure(FailureKind.REDIRECT, status))
    (error,) = bench.errors
    assert "check --base-url; if the API is being maintained" in str(error)


def test_an_answer_ends_the_watch() -> None:
    """And the limit of requests in flight, which is that of the machine again."""
    bench = _Bench(ceiling=20.0)
    assert bench.limit.ceiling == 4.0
    bench.fail(49)
    bench.tries.over()
    bench.fail(10)
    assert not bench.errors
    assert bench.limit.ceiling == 20.0


def test_a_machine_that_can_do_less_keeps_its_limit() -> None:
    """One request at a time stays one."""
    assert _Bench(ceiling=1.0).limit.ceiling == 1.0


def test_a_run_with_fewer_cells_has_the_error_at_its_end() -> None:
    """If it had five companies."""
    bench = _Bench()
    bench.fail(4)
    assert bench.tries.error() is None
    bench.fail(5)
    error = bench.tries.error()
    assert error is not None
    assert "first 9 requests that count, for 5 companies" in str(error)


def test_a_small_run_with_failures_that_may_pass_is_not_judged() -> None:
    """Not all of its cells failed alike; fifty definitive failures are enough all the same."""
    bench = _Bench()
    bench.fail(8)
    bench.fail(1, failure=replace(_failure(status=500), meaning=Meaning.TRANSIENT))
    assert bench.tries.error() is None
    bench.fail(42)
    assert len(bench.errors) == 1


def test_nothing_is_decided_before_the_beginning() -> None:
    """As in a check, and when a run is resumed."""
    tries = FirstTries()
    for number in range(100):
        tries.failed(f"{number}", _failure())
    assert tries.is_over
    assert tries.error() is None


async def test_requests_that_wait_for_the_first_answer_leave_after_it() -> None:
    """All of them, although the answered one had left before the limit was lifted."""
    bench = _Bench()
    entered: list[int] = []

    async def enter(number: int) -> None:
        await bench.in_flight.enter()
        entered.append(number)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(enter(number))
        await until(lambda: len(entered) == 4)
        bench.in_flight.leave()
        await until(lambda: len(entered) == 5)
        bench.tries.over()
    assert entered == list(range(20))
    assert not bench.limit.is_limited
