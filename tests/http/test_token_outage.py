import asyncio
from math import inf

import pytest

from collector.core.errors import ExitCode, OutageError, StoppedError
from collector.http.gate import Gate
from collector.pace import RateController
from tests.http.made_faults import FAULT
from tests.http.mocked import TOKEN_URL, Answer, Sent, answer, row
from tests.http.token_bench import GRANTED, issuer_for, text_of


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("first", [60.0, 5.0])
async def test_the_first_token_is_waited_for_less_long(status: int, first: float) -> None:
    """A minute as a rule, for the address may be wrong; then exit code 4, and the last cause."""
    async with issuer_for(
        lambda _: answer(b"demo-secret", status), first=first, patience=3600.0
    ) as bench:
        with pytest.raises(OutageError) as caught:
            await bench.issue()
        assert len(bench.sent) == len(bench.pauses) + 1
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY
    assert sum(bench.pauses) == pytest.approx(first)
    *pauses, _last = bench.pauses
    for tries, pause in enumerate(pauses):
        bound = min(30.0, 0.5 * 2**tries)
        assert bound / 2 < pause <= bound
    text = f"no access token from {TOKEN_URL} for {first:.0f} s; last error: HTTP {status}"
    assert str(caught.value) == text
    assert [event["attempt"] for event in bench.events] == list(range(1, len(bench.sent) + 1))


async def test_the_first_good_answer_ends_the_wait() -> None:
    """A service that comes back is used at once; the log has both, and no secret."""
    async with issuer_for(row(*[answer(b"", 503)] * 2, then=answer(GRANTED))) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
        assert len(bench.sent) == 3
    events = [event["event"] for event in bench.events]
    assert events == ["token_not_issued", "token_not_issued", "token_issued"]
    assert not any(b"granted" in line or b"demo" in line for line in bench.lines)


async def test_after_the_first_token_patience_counts() -> None:
    """Far more tries than before it, with growing pauses, for as long as an outage may last."""
    async with issuer_for(row(answer(GRANTED), then=answer(b"", 503)), patience=600.0) as bench:
        await bench.issue()
        with pytest.raises(OutageError, match=r"for 10 min; last error: HTTP 503$"):
            await bench.issue()
        assert len(bench.sent) == len(bench.pauses) + 2
        *pauses, last = bench.pauses
        for tries, pause in enumerate(pauses):
            bound = min(30.0, 0.5 * 2**tries)
            assert bound / 2 < pause <= bound
        # The last try comes just when patience ends, and no sooner.
        assert 0.0 < last <= 30.0
        assert sum(bench.pauses) == pytest.approx(600.0)
        # It has been unavailable for too long already: the next request fails after one try.
        before = len(bench.sent)
        with pytest.raises(OutageError, match=r"last error: HTTP 503$"):
            await bench.issue()
        assert len(bench.sent) == before + 1


async def test_a_token_ends_the_count_of_patience() -> None:
    """Two outages of 500 seconds are not one of 1000."""
    is_up = {1, 60, 119}

    def respond(sent: Sent) -> Answer:
        return answer(GRANTED) if sent.number in is_up else answer(b"", 503, {"Retry-After": "30"})

    async with issuer_for(respond, patience=1800.0) as bench:
        for _ in range(3):
            await bench.issue()
        assert len(bench.sent) == 119
        assert sum(bench.pauses) == pytest.approx(2 * 58 * 30.0)


@pytest.mark.parametrize(
    ("value", "pause"),
    [("7", 7.0), ("1.5", 1.5), ("86400", 30.0), ("soon", None), ("0", None), ("-1", None)],
)
async def test_a_pause_is_as_long_as_the_service_asks_for(value: str, pause: float | None) -> None:
    """Retry-After is a floor, 30 s at most before the first token; nonsense is ignored."""
    async with issuer_for(lambda _: answer(b"", 503, {"Retry-After": value}), first=30.0) as bench:
        with pytest.raises(OutageError):
            await bench.issue()
    if pause is None:
        assert 0.25 < bench.pauses[0] <= 0.5
    else:
        assert bench.pauses[0] == pause


async def test_a_pause_by_date_goes_by_the_clock_of_the_service() -> None:
    """Ours may be wrong."""
    headers = {
        "Retry-After": "Sun, 06 Nov 1994 08:49:57 GMT",
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
    }
    async with issuer_for(lambda _: answer(b"", 503, headers), first=30.0) as bench:
        with pytest.raises(OutageError):
            await bench.issue()
    assert bench.pauses[0] == 20.0


async def test_a_pause_beyond_all_patience_is_not_begun() -> None:
    """Who is told to come back in an hour, and may wait ten minutes, need not wait at all."""
    long = {"Retry-After": "3600"}
    async with issuer_for(
        row(answer(GRANTED), then=answer(b"", 503, long)), patience=600.0
    ) as bench:
        await bench.issue()
        with pytest.raises(OutageError):
            await bench.issue()
        assert (len(bench.sent), bench.pauses) == (2, [])


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"<html>maintenance</html>", b'{"access_token":"granted', b"\xff"),
        b'{"access_token":"\\ud800"}',
    ],
    ids=["empty", "page", "cut", "not text", "half a character"],
)
async def test_a_200_that_is_no_json_is_an_outage(content: bytes) -> None:
    """A page about maintenance passes: it is waited out like a 503."""
    async with issuer_for(row(*[answer(content)] * 2, then=answer(GRANTED))) as bench:
        assert text_of(await bench.issue()) == "granted-5f2e"
    assert len(bench.pauses) == 2
    assert bench.events[0]["problem"].startswith("the answer is not JSON")


def real_gate() -> Gate:
    """Make a gate at which a sleep takes its time."""
    return Gate(RateController(1e6, companies=1, probe_seconds=60.0))


async def test_a_token_is_requested_while_the_circuit_is_open() -> None:
    """All others wait for it, so it does not wait for them; the probe comes after it."""
    gate = real_gate()
    gate.refused(await gate.acquire(), pause=3600.0, fault=FAULT)
    async with issuer_for(lambda _: answer(GRANTED), gate=gate) as bench:
        async with asyncio.timeout(5):
            await bench.issue()


@pytest.mark.parametrize("patience", [600.0, inf])
async def test_a_run_that_is_stopped_waits_no_longer(patience: float) -> None:
    """During the wait, and then at the gate: `StoppedError`, and nothing more is sent."""
    gate = real_gate()
    unavailable = answer(b"", 503, {"Retry-After": "300"})
    async with issuer_for(lambda _: unavailable, gate=gate, patience=patience) as bench:
        asking = asyncio.create_task(bench.issue())
        await bench.has_logged.wait()
        gate.close()
        async with asyncio.timeout(1):
            with pytest.raises(StoppedError):
                await asking
            with pytest.raises(StoppedError):
                await bench.issue()
        assert len(bench.sent) == 1
