import errno

import pytest
from aiohttp import ClientOSError, ClientPayloadError, ServerDisconnectedError

from collector.core.outcome import Blame
from collector.pace import Cause
from tests.http.client_bench import PAGE, bench_for
from tests.http.mocked import Respond, answer, hang, together

FAULTS: dict[str, Respond] = {
    "500": lambda _: answer(b"", 500),
    "no JSON": lambda _: answer(PAGE),
    "502": lambda _: answer(b"", 502),
    "hangs": hang,
    "resets": lambda _: ClientOSError(errno.ECONNRESET, "reset"),
    "disconnects": lambda _: ServerDisconnectedError(),
    "truncated": lambda _: ClientPayloadError("not all of it came"),
}


@pytest.mark.parametrize(
    ("fault", "is_retry", "is_outage"),
    [
        *(("500", False, True), ("no JSON", False, True), ("502", False, True)),
        *(("hangs", False, True), ("resets", False, True), ("disconnects", False, True)),
        *(("truncated", False, True), ("resets", True, True)),
        *(("500", True, False), ("no JSON", True, False), ("502", True, False)),
        ("hangs", True, False),
    ],
)
async def test_first_tries_and_connections_tell_of_an_outage(
    fault: str,
    is_retry: bool,  # noqa: FBT001 - a table
    is_outage: bool,  # noqa: FBT001 - a table
) -> None:
    """A retry that fails says nothing new, but for a connection that breaks.

    Seven failures in a row are charged to their cells; from the eighth on to the service.
    """
    timeout = 0.1 if fault == "hangs" else 10.0
    async with bench_for(together(10, FAULTS[fault]), timeout=timeout) as bench:
        failures = await bench.failures(10, is_retry=is_retry)
        blames = sorted(failure.blame.name for failure in failures)
        if is_outage:
            assert blames == ["CELL"] * 7 + ["SERVICE"] * 3
            assert bench.open_cause is Cause.FAILING
        else:
            assert blames == ["CELL"] * 10
            assert bench.open_cause is None


async def test_a_company_that_is_broken_is_no_outage() -> None:
    """However often it fails; unless the run has no others."""
    async with bench_for(together(30, FAULTS["500"])) as bench:
        failures = await bench.failures(30, companies=2)
        assert {failure.blame for failure in failures} == {Blame.CELL}
        assert bench.open_cause is None
    async with bench_for(FAULTS["500"], companies=1) as bench:
        await bench.failures(8, companies=1)
        assert bench.open_cause is Cause.FAILING


async def test_a_failing_probe_is_not_charged() -> None:
    """Nor is what was still on its way; the next probe waits twice as long."""
    async with bench_for(FAULTS["500"]) as bench:
        await bench.failures(8)
        bench.clock.skipped = bench.gate.next_probe_in
        failure = await bench.failure()
        assert failure.blame is Blame.SERVICE
        assert bench.open_cause is Cause.FAILING
        assert bench.gate.next_probe_in == pytest.approx(2.0, abs=0.2)
