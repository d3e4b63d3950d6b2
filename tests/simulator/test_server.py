import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from datetime import UTC, date
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from yarl import URL

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.plan.date_params import DATE_FORMATS, DateFormat, DateQuery
from collector.simulator import RequestRecord, Simulator, SimulatorSettings, statistics_of
from tests.simulator.bench import client_of, url_of

SETTINGS = SimulatorSettings(port=0, today=date(2026, 11, 23), empty_share=0.0)
GRANT = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Serve on any free port."""
    async with Simulator(SETTINGS, record_requests=True) as sim:
        yield sim


@pytest.fixture
async def session(sim: Simulator) -> AsyncIterator[ClientSession]:
    """Open a client that holds a token."""
    async with client_of(sim) as session:
        yield session


async def test_a_token_opens_the_statistics(sim: Simulator) -> None:
    """Both endpoints, one after the other, as a collector uses them."""
    async with ClientSession() as session:
        async with session.post(sim.token_url, json=GRANT) as response:
            assert response.status == 200
            assert response.headers["Cache-Control"] == "no-store"
            token = (await response.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        query = "?from_date=2026-01-01&until_date=2026-01-07"
        async with session.get(url_of(sim, "7", query), headers=headers) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json"
            data = (await response.json())["data"]
    assert data == statistics_of(1, "7", date(2026, 1, 1), date(2026, 1, 7))


@pytest.mark.parametrize("date_format", DATE_FORMATS)
@pytest.mark.parametrize("sign", ["%20", "+"])
async def test_every_form_of_dates_comes_through_a_query(
    sim: Simulator, session: ClientSession, date_format: DateFormat, sign: str
) -> None:
    """Slashes, colons and spaces included, whichever way a space is encoded."""
    sim.reconfigure(dataclasses.replace(SETTINGS, date_format=date_format))
    days = Window(date(2026, 1, 5), date(2026, 1, 31))
    dates = DateQuery("from_date", "until_date", date_format, zone=UTC).parameters(days)
    query = f"?{urlencode(dates)}".replace("+", sign)
    async with session.get(url_of(sim, "1", query)) as response:
        assert response.status == 200
        data = (await response.json())["data"]
    assert data == statistics_of(1, "1", date(2026, 1, 5), date(2026, 1, 31))


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/"])
@pytest.mark.parametrize("form", ["json", "data"])
async def test_a_token_is_asked_for_in_any_of_four_ways(
    sim: Simulator, path: str, form: str
) -> None:
    """With and without a trailing slash, as JSON and as a form."""
    async with (
        ClientSession() as session,
        session.request("POST", sim.base_url + path, **{form: GRANT}) as response,  # type: ignore[arg-type]
    ):
        assert response.status == 200


async def test_a_revoked_token_is_refused(sim: Simulator, session: ClientSession) -> None:
    """Whether the client gives it back or the service takes it away."""
    token = session.headers["Authorization"].removeprefix("Bearer ")
    async with session.post(f"{sim.base_url}/oauth/revoke", json={**GRANT, "token": token}) as got:
        assert (got.status, await got.json()) == (200, {})
    async with session.get(url_of(sim)) as got:
        assert got.status == 401
        assert "was revoked" in got.headers["WWW-Authenticate"]
    headers = {"Authorization": f"Bearer {sim.issue_token()}"}
    sim.revoke_all()
    async with session.get(url_of(sim), headers=headers) as got:
        assert got.status == 401


@pytest.mark.parametrize(
    "company_id", ["-1", "a/b", "a%2Fb", "ñandú 東京", "..", "a?b#c", "a+b", "x/statistics", "%"]
)
async def test_ids_come_out_exactly(
    sim: Simulator, session: ClientSession, company_id: str
) -> None:
    """Whatever an id is made of, it arrives as it was."""
    async with session.get(url_of(sim, company_id)) as response:
        data = (await response.json())["data"]
    assert sim.requests == [RequestRecord(sim.requests[0].at, "statistics", company_id, status=200)]
    assert data == statistics_of(1, company_id, date(2026, 11, 17), date(2026, 11, 23))


async def test_a_wrong_parameter_name_gives_the_default_week(
    sim: Simulator, session: ClientSession
) -> None:
    """Unknown parameters are ignored, as real servers do; the names can be set."""
    query = "?since=2026-01-01&upto=2026-01-07"
    async with session.get(url_of(sim, "1", query)) as response:
        default = (await response.json())["data"]
    sim.reconfigure(dataclasses.replace(sim.settings, from_param="since", until_param="upto"))
    async with session.get(url_of(sim, "1", query)) as response:
        january = (await response.json())["data"]
    assert default == statistics_of(1, "1", date(2026, 11, 17), date(2026, 11, 23))
    assert january == statistics_of(1, "1", date(2026, 1, 1), date(2026, 1, 7))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/campaigns/api/v1/company//statistics", 404),
        ("GET", "/campaigns/api/v1/company/statistics", 404),
        ("GET", "/campaigns/api/v1/company/a/b/statistics", 404),
        ("POST", "/campaigns/api/v1/company/1/statistics", 405),
        ("GET", "/oauth/token/", 405),
    ],
)
async def test_nothing_else_is_there(
    sim: Simulator, session: ClientSession, method: str, path: str, status: int
) -> None:
    """Other paths and methods are answered in the vendor's form, and counted."""
    async with session.request(method, URL(sim.base_url + path, encoded=True)) as response:
        assert response.status == status
        assert (await response.json())["code"] == status
    assert sim.counts.kinds == {"other": 1}


async def test_a_limit_put_in_force_at_run_time(sim: Simulator, session: ClientSession) -> None:
    """The refusal reaches the client with its status and header; host and port are fixed."""
    sim.reconfigure(dataclasses.replace(sim.settings, rate_limit=0.001, retry_after=True))
    async with session.get(url_of(sim)) as response:
        assert response.status == 200
    async with session.get(url_of(sim)) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 900
    with pytest.raises(ValueError, match="host and port"):
        sim.reconfigure(dataclasses.replace(sim.settings, port=1))


async def test_a_taken_port_is_an_input_error(sim: Simulator) -> None:
    """The text names the address and the way out, and nothing stays behind."""
    second = Simulator(SimulatorSettings(port=sim.port))
    with pytest.raises(InputError, match=rf"127.0.0.1 port {sim.port}.*--port 0"):
        await second.start()
    await second.stop()


async def test_a_foreign_address_is_an_input_error() -> None:
    """An address that is not this machine's cannot be listened on."""
    with pytest.raises(InputError, match="--host"):
        await Simulator(SimulatorSettings(host="192.0.2.1", port=0)).start()


async def test_everywhere_is_reached_through_loopback() -> None:
    """The URL of a server that listens on every address is one that can be asked."""
    settings = SimulatorSettings(host="0.0.0.0", port=0)  # noqa: S104 - what is tested
    async with Simulator(settings) as sim:
        assert sim.base_url == f"http://127.0.0.1:{sim.port}"


async def test_an_ipv6_address_is_put_in_brackets() -> None:
    """As URLs want it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with Simulator(SimulatorSettings(host="::1", port=0)) as sim:
        assert sim.base_url == f"http://[::1]:{sim.port}"


async def test_start_and_stop() -> None:
    """No address before, no second start; stopping twice is fine, and it can start again."""
    sim = Simulator(SETTINGS)
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = sim.base_url
    await sim.start()
    with pytest.raises(RuntimeError, match="already running"):
        await sim.start()
    await sim.stop()
    await sim.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", sim.port)
    async with sim, ClientSession() as session, session.post(sim.token_url, json=GRANT) as response:
        assert response.status == 200


async def test_records_are_kept_only_if_asked_for() -> None:
    """Counting is always on, and bounded."""
    async with Simulator(SETTINGS) as sim, ClientSession() as session:
        async with session.get(url_of(sim)) as response:
            assert response.status == 401
        assert sim.requests == []
        assert sim.counts.statuses == {401: 1}
