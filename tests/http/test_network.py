"""Which proxy an address has, as curl decides it."""

import pickle
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from collector.core.errors import InputError
from collector.core.secrets import Redactor
from collector.http.network import DIRECT, Network, is_excluded, load_network
from collector.settings import RunSettings
from tests.http.certificates import Made, make_certificate

API = URL("https://api.trust.lat/campaigns/api/v1/company/1/statistics?from_date=2026-01-01")
ISSUER = URL("https://atenea.trust.lat/oauth/token/")
LOCAL: dict[str, Any] = {
    "base_url": "http://127.0.0.1:8080",
    "token_url": "http://127.0.0.1:8080/oauth/token/",
}
LOCAL_API = URL("http://127.0.0.1:8080/x")


def _proxy(environ: dict[str, str], url: URL = API, **settings: Any) -> str:  # noqa: ANN401
    proxy = load_network(environ, RunSettings(**settings)).proxy_for(url)
    return "none" if proxy is None else str(proxy)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, "none"),
        ({"https_proxy": "http://a:1"}, "http://a:1"),
        ({"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http://a:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:2"}, "http://b:2"),
        ({"all_proxy": "a:1"}, "http://a:1"),
        ({"ALL_PROXY": "a:1"}, "http://a:1"),
        ({"all_proxy": "a:1", "ALL_PROXY": "b:2"}, "http://a:1"),
        ({"all_proxy": "a:1", "HTTPS_PROXY": "b:2"}, "http://b:2"),
        ({"http_proxy": "a:1", "HTTP_PROXY": "b:2"}, "none"),
        ({"https_proxy": "a"}, "http://a:1080"),
        ({"https_proxy": "https://a"}, "https://a:443"),
        ({"https_proxy": "http://[::1]:80/"}, "http://[::1]:80"),
        ({"https_proxy": "a:1", "no_proxy": "trust.lat"}, "none"),
        ({"https_proxy": "a:1", "NO_PROXY": "trust.lat"}, "none"),
        ({"https_proxy": "a:1", "no_proxy": "b", "NO_PROXY": "trust.lat"}, "http://a:1"),
        ({"https_proxy": "a:1", "no_proxy": "", "NO_PROXY": "trust.lat"}, "none"),
        ({"https_proxy": "a:1", "no_proxy": "atenea.trust.lat"}, "http://a:1"),
    ],
)
def test_the_proxy_for_https(environ: dict[str, str], proxy: str) -> None:
    """Lower case wins, and what is empty is not set."""
    assert _proxy(environ) == proxy


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({"http_proxy": "127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"HTTP_PROXY": "127.0.0.1:1"}, "none"),
        ({"HTTP_PROXY": "127.0.0.1:1", "all_proxy": "[::1]:2"}, "http://[::1]:2"),
        ({"ALL_PROXY": "localhost:1"}, "http://localhost:1"),
        ({"https_proxy": "127.0.0.1:1"}, "none"),
        ({"http_proxy": "127.0.0.1:1", "no_proxy": "127.0.0.0/8"}, "none"),
        ({"http_proxy": "proxy.example:1"}, "none"),
        ({"http_proxy": "https://proxy.example:1"}, "none"),
    ],
)
def test_the_proxy_for_plain_http(environ: dict[str, str], proxy: str) -> None:
    """As curl, but the token does not leave this machine unencrypted; HTTP_PROXY is a CGI header's.

    Plain http is for this machine only, so a proxy elsewhere is not used for it.
    """
    assert _proxy(environ, LOCAL_API, **LOCAL) == proxy


def test_the_option_goes_before_the_environment() -> None:
    """But the hosts in no_proxy are reached without it, as with curl --proxy."""
    environ = {"https_proxy": "http://a:1"}
    assert _proxy(environ, proxy="http://b:2") == "http://b:2"
    assert _proxy(environ, proxy="none") == "none"
    assert _proxy({"no_proxy": "*"}, proxy="http://b:2") == "none"
    assert _proxy({"no_proxy": "lat"}, proxy="http://b:2") == "none"
    assert _proxy({}, LOCAL_API, proxy="http://b.example:2", **LOCAL) == "none"


def test_each_host_has_its_own_proxy() -> None:
    """What is told to people names both hosts, and no password."""
    environ = {"https_proxy": "http://me:hunter22@a:3128", "no_proxy": ".atenea.trust.lat"}
    network = load_network(environ, RunSettings())
    assert network.proxy_for(ISSUER) is None
    assert network.proxy_for(URL("https://other.example")) is None
    assert network.described() == {"api.trust.lat": "http://a:3128", "atenea.trust.lat": "none"}
    assert "hunter22" not in repr(network)
    settings = RunSettings(base_url="http://127.0.0.1:8080", token_url="https://[::1]:8443/token")  # noqa: S106 - an address
    assert load_network({}, settings).described() == {
        "127.0.0.1:8080": "none",
        "[::1]:8443": "none",
    }


def test_variables_that_do_not_count_are_not_looked_at() -> None:
    """A SOCKS proxy in all_proxy, which nothing would use, ends no run."""
    environ = {"all_proxy": "socks5://a:1", "http_proxy": "?", "https_proxy": "a:1"}
    assert _proxy(environ) == "http://a:1"
    assert _proxy({"all_proxy": "socks5://a:1"}, proxy="none") == "none"
    assert _proxy({"all_proxy": "socks5://a:1", "no_proxy": "*"}) == "none"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"all_proxy": "socks5h://me:hunter22@a:1"}, "all_proxy in the environment: a SOCKS proxy"),
        ({"HTTPS_PROXY": "ftp://a"}, "HTTPS_PROXY in the environment: not the address of a proxy"),
        ({"https_proxy": "http://me:hunter22@"}, "https_proxy in the environment: not the address"),
        ({"https_proxy": "http://me:hunter22@\udcff"}, "https_proxy in the environment: not the"),
        ({"https_proxy": "http://me:hunter22@a:99999"}, "https_proxy in the environment: port"),
        ({"https_proxy": '"http://me:hunter22@a:1"'}, "ends with a quote: remove both$"),
        ({"https_proxy": "'me:hunter22@a:1'"}, "ends with a quote: remove both$"),
        ({"https_proxy": f"http://me:hunter22{'x' * 16_384}@a"}, "has 16404 characters; at most"),
    ],
)
def test_a_proxy_that_is_none_is_refused(environ: dict[str, str], text: str) -> None:
    """The text names the variable, and does not repeat the password."""
    with pytest.raises(InputError, match=text) as caught:
        load_network(environ, RunSettings())
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("userinfo", "credentials"),
    [
        ("me:hunter22", b"me:hunter22"),
        ("me", b"me:"),
        ("me:", b"me:"),
        (":pass", b":pass"),
        ("me:p%40ss%3Aw%2Frd", b"me:p@ss:w/rd"),
        ("me:p@ss", b"me:p@ss"),
        ("me:p/ss", b"me:p/ss"),
        ("m%C3%A9:%FF", b"m\xc3\xa9:\xff"),
        ("mé:\udcff", b"m\xc3\xa9:\xff"),
        ("", None),
    ],
)
@pytest.mark.parametrize("scheme", ["http://", "https://"])
def test_user_name_and_password_are_for_the_proxy_alone(
    scheme: str, userinfo: str, credentials: bytes | None
) -> None:
    """Percent-encoded as in curl; over TLS only CONNECT carries them."""
    environ = {"https_proxy": f"{scheme}{userinfo}@a:1", "http_proxy": f"{userinfo}@127.0.0.1:1"}
    proxy = load_network(environ, RunSettings()).proxy_for(API)
    local = load_network(environ, RunSettings(**LOCAL)).proxy_for(LOCAL_API)
    assert proxy is not None
    assert local is not None
    assert (proxy.url.user, proxy.url.password) == (None, None)
    if credentials is None:
        assert proxy.headers_for(API) == local.headers_for(LOCAL_API) == (None, None)
        return
    header = {"Proxy-Authorization": f"Basic {b64encode(credentials).decode()}"}
    assert proxy.headers_for(API) == (None, header)
    assert local.headers_for(LOCAL_API) == (header, None)


def test_a_password_is_masked_in_every_spelling() -> None:
    """As it is, as it is written in the variable, and as it is sent."""
    network = load_network({"https_proxy": "http://me:p%40ss%3Aw%C3%A9@a"}, RunSettings())
    redact = Redactor()
    redact.learn(*network.secrets())
    sent = b64encode("me:p@ss:wé".encode()).decode()
    for text in ("p@ss:wé", "p%40ss%3Aw%C3%A9", sent):
        assert redact(f"<{text}>") == "<[secret]>"
    assert DIRECT.secrets() == ()


def test_it_can_be_sent_to_a_worker(tmp_path: Path) -> None:
    """With the password and the certificates, which may not be on its machine."""
    path = make_certificate(tmp_path, Made("localhost")).path
    settings = RunSettings(ca_file=path)
    network = load_network({"https_proxy": "http://me:hunter22@a:3128"}, settings)
    path.unlink()
    sent: Network = pickle.loads(pickle.dumps(network))  # noqa: S301 - made here
    assert sent == network
    assert sent.secrets() == network.secrets()
    assert isinstance(sent.verification(), ssl.SSLContext)
    assert DIRECT.verification() is True


@pytest.mark.parametrize(
    ("host", "excluded"),
    [
        ("api.trust.lat", "api.trust.lat"),
        ("api.trust.lat", "trust.lat"),
        ("api.trust.lat", ".trust.lat"),
        ("api.trust.lat", "TRUST.LAT"),
        ("api.trust.lat", "trust.lat."),
        ("api.trust.lat.", "trust.lat"),
        ("api.trust.lat", "lat"),
        ("api.trust.lat", "a.example,trust.lat"),
        ("api.trust.lat", "a.example, trust.lat ,b.example"),
        ("api.trust.lat", "a.example trust.lat"),
        ("api.trust.lat", ",,trust.lat"),
        ("api.trust.lat", "*"),
        ("127.0.0.1", "*"),
        ("localhost", "localhost,127.0.0.1"),
        ("127.0.0.1", "localhost,127.0.0.1"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.9.9.9/8"),
        ("192.168.1.255", "192.168.1.128/25"),
        ("::1", "::1"),
        ("2001:db8::7", "2001:db8::/32"),
        ("2001:db8::7", "2001:DB8:0:0:0:0:0:7"),
    ],
)
def test_hosts_that_are_excluded(host: str, excluded: str) -> None:
    """A name and all below it, with or without a dot in front; addresses and networks."""
    assert is_excluded(host, excluded)


@pytest.mark.parametrize(
    ("host", "excluded"),
    [
        ("api.trust.lat", ""),
        ("api.trust.lat", " , "),
        ("api.trust.lat", "."),
        ("api.trust.lat", "ust.lat"),
        ("api.trust.lat", "api.trust.lat.example"),
        ("api.trust.lat", "www.api.trust.lat"),
        ("api.trust.lat", "*.trust.lat"),
        ("api.trust.lat", "*,localhost"),
        ("api.trust.lat", "api.trust.lat:443"),
        ("api.trust.lat", "0.0.0.0/0"),
        ("127.0.0.1", "0.0.1"),
        ("127.0.0.1", "localhost"),
        ("11.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.0.0.0/33"),
        ("10.1.2.3", "10.0.0.0/x"),
        ("10.1.2.3", "::/0"),
        ("::1", "[::1]"),
        ("2001:db9::7", "2001:db8::/32"),
    ],
)
def test_hosts_that_are_not_excluded(host: str, excluded: str) -> None:
    """Neither parts of names, nor what curl does not understand."""
    assert not is_excluded(host, excluded)


@given(st.text("abc.,* /0123456789:", max_size=20), st.text("abc.:0123", min_size=1, max_size=9))
def test_a_list_of_exclusions_is_never_an_error(excluded: str, host: str) -> None:
    """Whatever it contains, curl continues, too."""
    assert is_excluded(host, excluded) in {True, False}
