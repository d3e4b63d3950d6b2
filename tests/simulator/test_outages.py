import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date

import orjson
import pytest
from aiohttp import ClientConnectionError, ClientSession

from collector.simulator import Simulator, SimulatorSettings
from collector.simulator.records import RequestKind
from collector.simulator.service import EmbeddedService, StatisticsRequest
from tests.simulator.bench import client_of, url_of

GRANT = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Serve on any free port."""
    async with Simulator(SimulatorSettings(port=0)) as sim:
        yield sim


@pytest.fixture
async def session(sim: Simulator) -> AsyncIterator[ClientSession]:
    """Open a client that holds a token from before the outage."""
    async with client_of(sim) as session:
        yield session


def open_service(settings: SimulatorSettings) -> tuple[EmbeddedService, str]:
    """Make a service on a clock that stands still, and a token from before the outage."""
    service = EmbeddedService(
        SimulatorSettings(),
        clock=lambda: 1000.0,
        monotonic=lambda: 1000.0,
        today=lambda: date(2026, 11, 23),
        record_requests=False,
    )
    reply = service.oauth("token", orjson.dumps(GRANT), "application/json")
    service.configure(settings)
    return service, str(orjson.loads(reply.body)["access_token"])


def test_an_outage_comes_before_everything_else() -> None:
    """502 at once for any request; nothing is taken from the bucket, and no fault is drawn."""
    settings = SimulatorSettings(
        down=True, rate_limit=1.0, rate_headers=True, share_resets=1.0, latency=9.0
    )
    service, token = open_service(settings)
    for raw_id, header in (("1", f"Bearer {token}"), ("%FF", None), ("1", f"Bearer {token}")):
        reply, fault, delay, *_ = service.statistics(StatisticsRequest(raw_id, header, ["x"], ()))
        assert (reply.status, fault, delay) == (502, None, 0.0)
        assert reply.headers == {"Content-Type": "text/html; charset=utf-8"}
        assert b"<h1>502 Bad Gateway</h1>" in reply.body
    assert service.counts.kinds == {"token": 1, "statistics": 3}
    assert service.counts.statuses == {200: 1, 502: 3}


@pytest.mark.parametrize("kind", ["token", "revoke"])
def test_an_issuer_that_is_down_looks_at_nothing(kind: RequestKind) -> None:
    """503 and a page for whatever is sent, and a token issued before stays good."""
    service, token = open_service(SimulatorSettings(issuer_down=True, revoke_earlier=True))
    for body in (orjson.dumps({**GRANT, "token": token}), b"nonsense"):
        reply = service.oauth(kind, body, "application/json")
        assert (reply.status, reply.headers) == (503, {"Content-Type": "text/html; charset=utf-8"})
        assert reply.body.startswith(b"<!DOCTYPE html>")
    assert service.counts.kinds == Counter(["token", kind, kind])
    assert service.counts.statuses == {200: 1, 503: 2}
    request = StatisticsRequest("1", f"Bearer {token}", (), ())
    assert service.statistics(request).reply.status == 200


async def test_an_outage_is_switched_on_and_off(sim: Simulator, session: ClientSession) -> None:
    """While it lasts every statistics request gets a page and a 502; tokens are issued."""
    settings = sim.settings
    sim.reconfigure(dataclasses.replace(settings, down=True))
    async with session.get(url_of(sim)) as response:
        assert (response.status, response.content_type) == (502, "text/html")
    async with session.post(sim.token_url, json=GRANT) as response:
        assert response.status == 200
    sim.reconfigure(settings)
    async with session.get(url_of(sim)) as response:
        assert response.status == 200
    assert sim.counts.statuses == {502: 1, 200: 2}


async def test_an_issuer_goes_down_and_comes_back(sim: Simulator, session: ClientSession) -> None:
    """While it is down there is a page and a 503 for tokens; those issued before stay good."""
    settings = sim.settings
    sim.reconfigure(dataclasses.replace(settings, issuer_down=True))
    async with session.post(sim.token_url, json=GRANT) as response:
        assert (response.status, response.content_type) == (503, "text/html")
        assert (await response.text()).startswith("<!DOCTYPE html>")
    assert (sim.counts.kinds, sim.counts.statuses) == ({"token": 1}, {503: 1})
    async with session.get(url_of(sim)) as response:
        assert response.status == 200
    sim.reconfigure(settings)
    async with session.post(sim.token_url, json=GRANT) as response:
        assert response.status == 200


async def test_a_server_comes_back_where_it_was() -> None:
    """On the free port of its first start, with the same tokens, for clients that know it."""
    async with Simulator(SimulatorSettings(port=0)) as sim, ClientSession() as session:
        headers = {"Authorization": f"Bearer {sim.issue_token()}"}
        url, port = url_of(sim), sim.port
        for _ in range(3):
            async with session.get(url, headers=headers) as response:
                assert response.status == 200
            await sim.stop()
            with pytest.raises(ClientConnectionError):
                await session.get(url)
            await sim.start()
            assert sim.port == port
        async with session.get(url, headers=headers) as response:
            assert response.status == 200
