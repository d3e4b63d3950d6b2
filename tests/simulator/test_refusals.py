"""How limits reject requests: in which words, at once, and for how long."""

import asyncio
import dataclasses

import orjson
import pytest
from aiohttp import ClientSession

from collector.simulator import Simulator, SimulatorSettings
from tests.simulator.bench import Bench, client_of, url_of


def refusing(**more: object) -> Bench:
    """Return a service that rejects the next request."""
    bench = Bench(SimulatorSettings(rate_limit=0.5, **more))  # type: ignore[arg-type]
    assert bench.ask() == 200
    assert not bench.decision.is_refused
    return bench


@pytest.mark.parametrize("status", [403, 420, 429, 503, 509, 529])
def test_a_rejection_has_the_status_of_the_settings(status: int) -> None:
    """In the header, in the envelope, and in the record, which knows it from a denial."""
    bench = refusing(limit_status=status, retry_after=True)
    assert bench.ask() == status
    envelope = orjson.loads(bench.decision.reply.body)
    assert envelope["code"] == status
    assert envelope["message"]
    assert bench.decision.reply.headers["Retry-After"] == "2"
    assert [record.is_refused for record in bench.service.requests] == [False, False, True]


def test_a_rejection_may_be_the_text_of_a_gateway() -> None:
    """It is no JSON; headers stay, and an envelope in a 200 it cannot be."""
    bench = refusing(limit_status=403, limit_page=True, retry_after=True, envelope_errors=True)
    assert bench.ask() == 403
    reply = bench.decision.reply
    assert reply.body == b"error code: 1015"
    assert reply.headers == {"Content-Type": "text/plain", "Retry-After": "2"}


def test_a_rejection_may_be_a_code_in_a_200() -> None:
    """So may every other error in an envelope; data, and pages, stay as they are."""
    bench = refusing(envelope_errors=True, rate_headers=True, share_not_json=1.0)
    data = bench.decision.reply
    assert data.headers["Content-Type"] == "text/html; charset=utf-8"
    assert bench.ask() == 200
    assert orjson.loads(bench.decision.reply.body)["code"] == 429
    assert bench.announced()["Remaining"] == "0"
    assert bench.service.requests[-1].is_refused
    bench.monotonic.now += 2.0
    assert bench.ask(access=False) == 200
    assert orjson.loads(bench.decision.reply.body)["code"] == 401
    assert "WWW-Authenticate" in bench.decision.reply.headers
    bench.service.configure(SimulatorSettings(down=True, envelope_errors=True))
    assert bench.ask() == 502


def test_a_ban_lasts_from_the_first_rejection() -> None:
    """What comes in it is rejected too, and does not prolong it; the bucket fills meanwhile."""
    bench = refusing(ban=20.0, limit_status=403, retry_after=True, rate_headers=True)
    assert bench.ask() == 403
    assert bench.decision.reply.headers["Retry-After"] == "20"
    bench.monotonic.now += 19.5
    assert bench.ask() == 403
    assert bench.decision.reply.headers["Retry-After"] == "1"
    assert bench.announced() == {"Limit": "1", "Remaining": "0", "Reset": "1"}
    bench.monotonic.now += 0.5
    assert [bench.ask(), bench.ask()] == [200, 403]
    assert bench.decision.reply.headers["Retry-After"] == "20"


def test_requests_at_once_are_those_that_have_not_ended() -> None:
    """However they end; what was rejected takes no place, and nothing from the bucket."""
    bench = Bench(SimulatorSettings(concurrency_limit=2, rate_limit=1.0, burst=3, retry_after=True))
    assert [bench.ask(), bench.ask(access=False)] == [200, 401]
    second = bench.decision
    assert [bench.ask(), bench.ask()] == [429, 429]
    assert bench.decision.reply.headers["Retry-After"] == "1"
    bench.decision.ended()
    assert bench.ask() == 429
    second.ended()
    assert [bench.ask(), bench.ask()] == [200, 429]


def test_a_new_configuration_forgets_what_is_processed() -> None:
    """Its requests end elsewhere, and leave no place too many."""
    bench = Bench(SimulatorSettings(concurrency_limit=1))
    assert [bench.ask()] == [200]
    before = bench.decision
    bench.service.configure(dataclasses.replace(bench.service.settings, seed=2))
    before.ended()
    assert [bench.ask(), bench.ask()] == [200, 429]


@pytest.mark.parametrize("fault", ["share_hangs", "share_truncated", "share_resets", "share_500"])
async def test_a_server_frees_the_place_of_whatever_ends(fault: str) -> None:
    """Answered, broken off by the server, or given up by the client."""
    settings = SimulatorSettings(port=0, concurrency_limit=1, **{fault: 1.0})  # type: ignore[arg-type]
    async with Simulator(settings) as sim, client_of(sim) as session:
        for _ in range(3):
            await _ask_and_leave(session, sim)
        assert 429 not in sim.counts.statuses


async def _ask_and_leave(session: ClientSession, sim: Simulator) -> None:
    before = sim.counts.total
    asking = asyncio.create_task(session.get(url_of(sim)))
    async with asyncio.timeout(5):
        while sim.counts.total == before:  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0)
    await asyncio.wait([asking], timeout=0.2)
    asking.cancel()
    await asyncio.wait([asking])
    # The server hears of a client that is gone in the next iterations of the loop.
    await asyncio.sleep(0.05)
