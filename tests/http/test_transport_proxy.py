"""What a proxy sees of a request, and what becomes of its refusal."""

from base64 import b64encode

import pytest
from yarl import URL

from collector.core.outcome import FailureKind
from collector.core.secrets import Secret
from collector.http.faults import Nature
from collector.http.gate import Gate
from collector.http.limits import BurstLimit
from collector.http.network import DIRECT, Network, load_network
from collector.http.reuse import ReusePolicy
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.pace import RateController
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats
from tests.http.raw_server import RawServer, always, hang, ok

TOKEN = "static-77aa-1c9e"  # noqa: S105 - made up
PROXY_AUTHORIZATION = f"Proxy-Authorization: Basic {b64encode(b'night:hunter22').decode()}"
REFUSED = always(ok(b"", status="407 static-77aa-1c9e"))


def _network(proxy: RawServer, base_url: str) -> Network:
    address = f"night:hunter22@{proxy.url.authority}"
    environ = {"http_proxy": address, "https_proxy": address}
    return load_network(environ, RunSettings(base_url=base_url))


async def _get(
    url: str, network: Network, times: int = 1, limit: float = 10.0
) -> list[Response | TransportFailure]:
    """Send GETs with a token, one after the other."""
    gate = Gate(RateController(1000.0, companies=1, probe_seconds=60.0))
    tokens = TokenSource(None, Token.of(Secret(TOKEN)))
    async with Transport(
        gate, RunStats(1), concurrency=1, timeout=limit, network=network
    ) as transport:
        return [await transport.get(URL(url), tokens) for _ in range(times)]


def _lines(head: bytes) -> list[str]:
    return head.decode().split("\r\n")


async def test_a_tunnel_is_asked_for_without_the_token() -> None:
    """The proxy gets its own credentials, and nothing that is for the API."""
    async with RawServer(REFUSED) as proxy:
        base_url = "https://api.collector.test"
        (failure,) = await _get(f"{base_url}/x?a=b", _network(proxy, base_url))
    assert isinstance(failure, TransportFailure)
    assert failure.nature is Nature.UNUSABLE
    assert failure.message.startswith(
        f"proxy {proxy.url.origin()}: it requires a user name and a password, or others"
    )
    (head,) = proxy.heads
    assert _lines(head)[0] == "CONNECT api.collector.test:443 HTTP/1.1"
    assert PROXY_AUTHORIZATION in _lines(head)
    assert TOKEN not in head.decode()
    assert TOKEN not in failure.message


@pytest.mark.parametrize(
    ("status", "nature"),
    [
        (403, Nature.UNUSABLE),
        (405, Nature.UNUSABLE),
        (501, Nature.UNUSABLE),
        (502, Nature.TRANSIENT),
        (503, Nature.TRANSIENT),
        (504, Nature.TRANSIENT),
        (429, Nature.TRANSIENT),
        (302, Nature.TRANSIENT),
    ],
)
async def test_a_proxy_that_gives_no_tunnel(status: int, nature: Nature) -> None:
    """What its rules forbid does not pass; that it reaches the server does, perhaps."""
    async with RawServer(always(ok(b"", status=f"{status} {TOKEN}"))) as proxy:
        base_url = "https://api.collector.test"
        (failure,) = await _get(f"{base_url}/x", _network(proxy, base_url))
    assert isinstance(failure, TransportFailure)
    assert failure.nature is nature
    text = f"proxy {proxy.url.origin()}: it refused the connection (HTTP {status})"
    assert failure.message == f"{text} (see --proxy and https_proxy)"


async def test_a_proxy_that_is_silent() -> None:
    """It cannot be told from a silent server; the message names both ways."""
    async with RawServer(hang) as proxy:
        base_url = "https://api.collector.test"
        (failure,) = await _get(f"{base_url}/x", _network(proxy, base_url), limit=0.1)
    assert isinstance(failure, TransportFailure)
    text = f"no connection within 100 ms (through proxy {proxy.url.origin()})"
    assert (failure.message, failure.kind) == (text, FailureKind.TIMEOUT)


async def test_a_proxy_that_refuses_plain_http() -> None:
    """There is no tunnel, and the failure is the same: no server answers 407 for itself."""
    async with RawServer(REFUSED) as proxy:
        base_url = "http://127.0.0.1:9"
        (failure,) = await _get(f"{base_url}/x", _network(proxy, base_url))
    assert isinstance(failure, TransportFailure)
    assert failure.nature is Nature.UNUSABLE
    assert failure.message.startswith(
        f"proxy {proxy.url.origin()}: it requires a user name and a password, or others"
    )
    assert TOKEN not in failure.message


async def test_plain_http_has_a_connection_for_each_request() -> None:
    """Some proxies pass the credentials on to the server after the first request on one."""
    async with RawServer(always(ok())) as proxy:
        base_url = "http://127.0.0.1:9"
        replies = await _get(f"{base_url}/x", _network(proxy, base_url), times=3)
    assert [reply.status for reply in replies if isinstance(reply, Response)] == [200] * 3
    assert proxy.connections == len(proxy.heads) == 3
    for head in proxy.heads:
        assert _lines(head)[0] == "GET http://127.0.0.1:9/x HTTP/1.1"
        assert _lines(head).count(PROXY_AUTHORIZATION) == 1


class _Patient(BurstLimit):
    """A burst limit that lets every request wait."""

    def take_now(self) -> bool:
        return False


async def test_requests_that_wait_for_the_burst_limit_use_the_connection_that_is_open() -> None:
    """One that opened another after its wait would leave later than it was counted."""
    base_url = "http://127.0.0.1:9"
    gate = Gate(RateController(1000.0, companies=1, probe_seconds=60.0))
    gate.burst = _Patient(gate.control)
    async with RawServer(always(ok())) as proxy:
        address = {"http_proxy": proxy.url.authority}
        network = load_network(address, RunSettings(base_url=base_url))
        tokens, reuse = TokenSource(None, Token.of(Secret(TOKEN))), ReusePolicy(0.0, limit=100)
        async with Transport(
            gate, RunStats(1), concurrency=1, timeout=10.0, network=network, reuse=reuse
        ) as transport:
            for _ in range(3):
                assert isinstance(await transport.get(URL(f"{base_url}/x"), tokens), Response)
        assert (proxy.connections, len(proxy.heads)) == (1, 3)


async def test_a_407_of_the_api_itself_is_its_answer() -> None:
    """Without a proxy there is nothing else that it could be."""
    async with RawServer(REFUSED) as api:
        (reply,) = await _get(str(api.url), DIRECT)
    assert isinstance(reply, Response)
    assert reply.status == 407
    assert "Proxy-Authorization" not in api.heads[0].decode()
