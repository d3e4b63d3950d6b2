"""A run through a real forward proxy: with CONNECT and TLS, and with a user name and a password."""

import socket
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.conftest import Command, Finished, OwnApi, StartOwnApi
from tests.end_to_end.proxies import PASSWORD, USER, ForwardProxy, forward_proxy
from tests.http.certificates import Certificate, Made, make_certificate

pytestmark = pytest.mark.slow

API = "api.collector.test"
"""A name that only the proxy can resolve (RFC 6761)."""

_SECRETS = (PASSWORD, b64encode(f"{USER}:{PASSWORD}".encode()).decode())


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    """Yield a proxy that speaks plain HTTP."""
    with forward_proxy(tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate of the API that no authority has signed."""
    return make_certificate(tmp_path_factory.mktemp("api"), Made(API))


def _port(api: OwnApi) -> int:
    return int(api.base_url.rpartition(":")[2])


def _unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _run(command: Command, *more: str, companies: int = 20) -> Finished:
    command.write("companies.txt", "".join(f"{number}\n" for number in range(companies)))
    return await command.run(
        *("run", "companies.txt", "--last", "1d", "--trust-dates", "--output", "night"),
        *("--rate", "200", *more),
    )


def _assert_no_secret(command: Command, finished: Finished) -> None:
    """Look for the password of the proxy in everything that was written."""
    texts = [finished.stdout, finished.stderr]
    files = [path for path in command.directory.rglob("*") if path.is_file()]
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in files]
    for secret in _SECRETS:
        assert not [text for text in texts if secret in text]


async def _ends_early(command: Command, *options: str) -> str:
    """Run until it ends with 4; return the message."""
    finished = await _run(command.without_debugging(), "--max-outage", "1s", *options, companies=5)
    assert finished.exit_code == 4, finished.stderr
    _assert_no_secret(command, finished)
    return finished.stderr


async def test_token_and_statistics_take_the_proxy(
    command: Command, serve: StartOwnApi, proxy: ForwardProxy, certificate: Certificate
) -> None:
    """Everything goes through tunnels, to a name that is not known here; the log says so."""
    api = await serve(lambda *_: 200, tls=certificate.server, host=API)
    through = api.point(command).with_environment(https_proxy=proxy.url())
    finished = await _run(through, "--ca-file", str(certificate.path))
    assert finished.exit_code == 0, finished.stderr
    assert len(command.lines("night/statistics.jsonl")) == 20
    # One for the token, which has a connection of its own.
    assert proxy.tunnels(_port(api), at_least=2) >= 2
    assert "Proxy-Authorization" not in api.headers
    assert "Authorization" in api.headers
    (started,) = [e for e in command.lines("night/log.jsonl") if e["event"] == "run_started"]
    assert started["proxy"] == {f"{API}:{_port(api)}": f"http://localhost:{proxy.port}"}
    _assert_no_secret(command, finished)


async def test_a_proxy_that_speaks_tls(
    command: Command,
    serve: StartOwnApi,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """TLS in TLS: the certificates of both are verified, and one file has the authorities."""
    directory = tmp_path_factory.mktemp("tls-proxy")
    own = make_certificate(directory, Made("localhost"))
    authorities = command.directory / "authorities.pem"
    authorities.write_bytes(own.path.read_bytes() + certificate.path.read_bytes())
    api = await serve(lambda *_: 200, tls=certificate.server, host=API)
    with forward_proxy(directory, own.path) as proxy:
        through = api.point(command).with_environment(all_proxy=proxy.url())
        error = await _ends_early(through, "--ca-file", str(certificate.path))
        assert f"proxy https://localhost:{proxy.port}: certificate not trusted" in error
        finished = await _run(through, "--ca-file", "authorities.pem", companies=5)
        assert finished.exit_code == 0, finished.stderr
        assert proxy.tunnels(_port(api), at_least=2) >= 2
    _assert_no_secret(command, finished)


async def test_plain_http_takes_a_proxy_of_this_machine(
    command: Command, serve: StartOwnApi, proxy: ForwardProxy
) -> None:
    """Without a tunnel; the server sees neither user name nor password of the proxy."""
    api = await serve(lambda *_: 200)
    through = api.point(command).with_environment(http_proxy=proxy.url())
    finished = await _run(through, companies=5)
    assert finished.exit_code == 0, finished.stderr
    assert proxy.requests(_port(api), at_least=1) >= 1
    assert "Authorization" in api.headers
    assert "Proxy-Authorization" not in api.headers
    _assert_no_secret(command, finished)


@pytest.mark.parametrize("variable", ["COLLECTOR_CA_FILE", "SSL_CERT_FILE"])
async def test_excluded_hosts_are_reached_without_it(
    command: Command, serve: StartOwnApi, tmp_path_factory: pytest.TempPathFactory, variable: str
) -> None:
    """With the option, too; and the log says that there is none.

    The certificate is trusted in either way.
    """
    own = make_certificate(tmp_path_factory.mktemp("here"), Made("localhost"))
    api = await serve(lambda *_: 200, tls=own.server, host="localhost")
    # aiohttp reads the variable of the machine when it is imported.
    fresh = api.point(command).from_the_start()
    around = fresh.with_environment(no_proxy="localhost", **{variable: str(own.path)})
    finished = await _run(around, "--proxy", f"http://localhost:{_unused_port()}", companies=5)
    assert finished.exit_code == 0, finished.stderr
    (started,) = [e for e in command.lines("night/log.jsonl") if e["event"] == "run_started"]
    assert started["proxy"] == {f"localhost:{_port(api)}": "none"}


async def test_shards_on_a_cluster_take_it_too(
    command: Command, serve: StartOwnApi, proxy: ForwardProxy, certificate: Certificate
) -> None:
    """With its password, which is in no file and no output; and with the certificates."""
    api = await serve(lambda *_: 200, tls=certificate.server, host=API)
    through = api.point(command).without_debugging().with_environment(https_proxy=proxy.url())
    options = ("--engine", "dask", "--workers", "1", "--ca-file", str(certificate.path))
    finished = await _run(through, *options)
    assert finished.exit_code == 0, finished.stderr
    lines = [
        line
        for path in (command.directory / "night").glob("statistics-*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) == 20
    assert proxy.tunnels(_port(api), at_least=3) >= 3
    _assert_no_secret(command, finished)


async def test_the_embedded_api_is_reached_without_a_proxy(command: Command) -> None:
    """Whatever the environment says: it is in the same process."""
    nowhere = f"http://127.0.0.1:{_unused_port()}"
    surrounded = command.with_environment(http_proxy=nowhere, all_proxy=nowhere, https_proxy="?")
    finished = await surrounded.run("demo", "--last", "1d", "--rate", "200", "--output", "night")
    assert finished.exit_code == 0, finished.stderr


async def test_a_wrong_password_ends_it(
    command: Command, serve: StartOwnApi, proxy: ForwardProxy, certificate: Certificate
) -> None:
    """With the proxy, the cause and the option; for TLS and for plain http."""
    apis = (
        await serve(lambda *_: 200, tls=certificate.server, host=API),
        await serve(lambda *_: 200),
    )
    wrong = proxy.url("wrong-hunter23")
    for api in apis:
        through = api.point(command).with_environment(https_proxy=wrong, http_proxy=wrong)
        error = await _ends_early(through, "--ca-file", str(certificate.path))
        assert (
            f"cannot be used as it is: proxy http://localhost:{proxy.port}: it requires a "
            "user name and a password, or others (HTTP 407) (see --proxy and https_proxy)"
        ) in error
        assert "hunter23" not in error
        assert not api.headers


async def test_a_certificate_that_is_not_trusted_ends_it(
    command: Command, serve: StartOwnApi, proxy: ForwardProxy, certificate: Certificate
) -> None:
    """The message names the API behind the proxy, the cause and the option."""
    api = await serve(lambda *_: 200, tls=certificate.server, host=API)
    error = await _ends_early(api.point(command).with_environment(https_proxy=proxy.url()))
    assert f"{api.base_url}/oauth/token/ cannot be used as it is: certificate not trusted" in error
    assert "(see --ca-file)" in error
    assert f"through proxy http://localhost:{proxy.port}" in error


async def test_a_proxy_that_is_down(command: Command, serve: StartOwnApi) -> None:
    """It is waited for as an API is; the message names the proxy."""
    api = await serve(lambda *_: 200)
    address = f"localhost:{_unused_port()}"
    down = api.point(command).with_environment(http_proxy=f"http://{USER}:{PASSWORD}@{address}")
    error = await _ends_early(down)
    assert f"proxy http://{address}: connection refused (see --proxy and https_proxy)" in error
    assert "cannot be used" not in error
