import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from collector.settings.addresses import parse_proxy, parse_proxy_option, parse_service_url

_GOOD = [
    "https://api.trust.lat",
    "https://api.trust.lat/",
    "https://api.trust.lat:8443/base/path",
    "https://atenea.trust.lat/oauth/token/",
    "https://10.0.0.1",
    "https://[2001:db8::1]:443",
    "HTTPS://API.trust.lat",
    "http://127.0.0.1",
    "http://127.0.0.1:8080",
    "http://127.9.9.9",
    "http://[::1]",
    "http://[::1]:8080/base",
    "http://localhost",
    "http://localhost:1",
    "http://LOCALHOST:65535",
    "HTTP://127.0.0.1:8080",
]


@pytest.mark.parametrize("text", _GOOD)
def test_an_address_of_a_service_is_returned(text: str) -> None:
    """With https to anywhere, with http to this machine; and the client reads it the same way."""
    assert parse_service_url(text) == text
    address = URL(f"{text.rstrip('/')}/x/1?a=b", encoded=True)
    assert address.raw_path.endswith("/x/1")
    assert address.raw_query_string == "a=b"


@pytest.mark.parametrize(
    "text",
    [
        "http://api.trust.lat",
        "HTTP://api.trust.lat",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://evil.com/localhost",
        "http://evil.com/127.0.0.1",
        "http://notlocalhost",
        "http://0x7f.1",
        "http://0x7f000001",
        "http://2130706433",
        "http://127.1",
        "http://0177.0.0.1",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "http://10.0.0.1",
        "http://[::]",
        "http://[::2]",
        "http://[::ffff:8.8.8.8]",
    ],
)
def test_plain_http_is_for_this_machine_only(text: str) -> None:
    """Whatever looks like it and is not, or could be read differently by another program."""
    with pytest.raises(ValueError, match="plain http would show the token"):
        parse_service_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user@api.trust.lat",
        "https://user:pass@api.trust.lat",
        "https://:pass@api.trust.lat",
        "https://@api.trust.lat",
        "http://127.0.0.1@evil.com",
        "http://localhost:80@evil.com",
    ],
)
def test_an_address_has_no_user_name(text: str) -> None:
    """It would be a secret on the command line; the text says where credentials come from."""
    with pytest.raises(ValueError, match=r"no user name or password; .*TRUST_CLIENT_ID") as caught:
        parse_service_url(text)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", ".b", "a..", "x" * 64, f"a.{'x' * 64}.b"])
def test_a_host_that_no_name_server_can_be_asked_for(host: str) -> None:
    """Python's resolver would raise an error that looks like a bug."""
    with pytest.raises(ValueError, match="1 to 63 characters between two dots"):
        parse_service_url(f"https://{host}:8443/x")
    with pytest.raises(ValueError, match="not the address of a proxy"):
        parse_proxy(f"http://{host}:8443")
    for good in ("a.b.", "x" * 63, "[::1]", "10.0.0.1"):
        assert parse_service_url(f"https://{good}/x")
        assert parse_proxy(f"http://{good}:1")


@pytest.mark.parametrize("tail", ["?", "?a=b", "/x?a=b", "#", "#top", "/?#", "?a#b"])
def test_an_address_ends_with_its_path(tail: str) -> None:
    """The path of a cell is put behind it: in a query or a fragment it would be lost."""
    with pytest.raises(ValueError, match=r"leave out everything from '\?' or '#' on"):
        parse_service_url(f"https://api.trust.lat{tail}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.trust.lat",
        "api.trust.lat:443",
        "//api.trust.lat",
        "https:",
        "https:/api.trust.lat",
        "https://",
        "https:///path",
        "https://:443",
        "ftp://api.trust.lat",
        "file:///etc/passwd",
        "https+unix://api.trust.lat",
        "https://api.trust.lat:",
        "https://api.trust.lat:port",
        "https://api.trust.lat:-1",
        "https://api.trust.lat:65536",
        "https://api.trust.lat:80:80",
        "https://api.trust.lat:٤٤٣",
        "https://[::1",
        "https://::1]",
        "https://[not-an-ip]",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The text shows what one looks like."""
    with pytest.raises(ValueError, match=r"https://api\.example\.com"):
        parse_service_url(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://api.trust.lat\n", id="line break at the end"),
        pytest.param(" https://api.trust.lat", id="space in front"),
        pytest.param("https://api.trust.lat ", id="space at the end"),
        pytest.param("https://api.tr\tust.lat", id="tab in the host"),
        pytest.param("https://api.tr\nust.lat", id="line break in the host"),
        pytest.param("ht\ntps://api.trust.lat", id="line break in the scheme"),
        pytest.param("https://api trust.lat", id="space in the host"),
        pytest.param("https://api.trust.lat/a b", id="space in the path"),
        pytest.param("https://api.trust.lat/a\rb", id="carriage return in the path"),
        pytest.param("https://api.trust.lat\x00.evil.com", id="NUL"),
        pytest.param("https://api.trust.lat/\x1b[31m", id="escape"),
        pytest.param("https://api.trust.lat\x7f", id="DEL"),
        pytest.param("https://api.trust.lat\u00a0", id="no-break space"),
        pytest.param("https://api.trust.lat\u2028", id="line separator"),
        pytest.param("https://api.trust.lat\\.evil.com", id="backslash in the host"),
        pytest.param("https://api.trust.lat\\@evil.com", id="backslash before a user name"),
        pytest.param("https://api.trust.lat/a\\b", id="backslash in the path"),
        pytest.param("https:\\\\api.trust.lat", id="backslashes for slashes"),
    ],
)
def test_an_address_holds_neither_white_space_nor_backslashes(text: str) -> None:
    """Some programs drop them, others do not: two of them would not see the same host."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_service_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://１２７.0.0.1",  # noqa: RUF001 - digits, but not the ASCII ones
        "http://127。0。0。1",
        "http://ⓛocalhost",
    ],
)
def test_letters_that_only_look_like_this_machine_are_refused(text: str) -> None:
    """Some programs take them for the ASCII ones, others ask the network for them."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_service_url(text)


@pytest.mark.parametrize(
    "text", ["http://[::1]evil.com", "http://[::1].evil.com", "http://[::1].evil.com:80/x"]
)
def test_nothing_follows_an_address_in_brackets(text: str) -> None:
    """It is not this machine because its name begins like it."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_service_url(text)


_PARTS = st.sampled_from(
    [
        *("http://", "https://", "HTTP://", "localhost", "127.0.0.1", "[::1]", "evil.com", "api"),
        *(":80", ":", "/", "//", "@", "\\", "\t", "\n", " ", "?", "#", ".", "%", "x", "[", "]"),
    ]
)


@given(st.lists(_PARTS, max_size=5))
def test_what_is_accepted_is_an_address_for_the_client_too(parts: list[str]) -> None:
    """It can be built, goes to a host, keeps the path that is put behind it, and is safe."""
    text = "https://" + "".join(parts)
    for candidate in (text, text.replace("https", "http", 1), "".join(parts)):
        try:
            accepted = parse_service_url(candidate)
        except ValueError:
            continue
        address = URL(f"{accepted.rstrip('/')}/company/1?a=b", encoded=True)
        assert address.raw_path.endswith("/company/1")
        assert address.raw_query_string == "a=b"
        assert address.user is None
        assert address.scheme == "https" or address.host in {"localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("http://proxy.example.com:3128/", "http://proxy.example.com:3128"),
        ("proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("proxy", "http://proxy:1080"),
        ("http://proxy", "http://proxy:1080"),
        ("https://proxy", "https://proxy:443"),
        ("HTTPS://Proxy.Example.com:8443", "https://proxy.example.com:8443"),
        ("10.0.0.1:80", "http://10.0.0.1:80"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("http://[2001:DB8::1]", "http://[2001:db8::1]:1080"),
        ("my_proxy:1", "http://my_proxy:1"),
    ],
)
def test_a_proxy_is_read_as_curl_reads_it(text: str, address: str) -> None:
    """Without a scheme it speaks HTTP; without a port it has the one that curl assumes."""
    assert parse_proxy(text) == parse_proxy_option(text) == address
    assert URL(address).port == int(address.rpartition(":")[2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "://proxy",
        "ftp://proxy",
        "proxy:",
        "proxy:port",
        "proxy:123456",
        "proxy:80:80",
        "http://proxy/path",
        "http://wpad/proxy.pac",
        "http://proxy?x",
        "http://proxy#x",
        "pro xy",
        "proxy\n",
        "[::1",
        "[proxy]",
        "[:::]",
        "pröxy",
    ],
)
def test_what_is_no_proxy_is_refused(text: str) -> None:
    """The text shows what one looks like."""
    with pytest.raises(ValueError, match="not the address of a proxy: write scheme"):
        parse_proxy(text)


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_the_port_of_a_proxy_exists(port: str) -> None:
    """As TCP counts them."""
    with pytest.raises(ValueError, match=f"port {port} of the proxy is not from 1 to 65535"):
        parse_proxy(f"http://proxy:{port}")


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks4a", "socks5", "socks5h", "SOCKS5"])
def test_a_socks_proxy_is_refused_in_words(scheme: str) -> None:
    """Common in all_proxy; the text says what can be used."""
    with pytest.raises(ValueError, match="a SOCKS proxy cannot be used; name an HTTP proxy"):
        parse_proxy(f"{scheme}://proxy:1080")


@pytest.mark.parametrize("text", ["http://me:hunter22@proxy", "me@proxy", "@proxy", "me:hunter22@"])
def test_the_option_carries_no_password(text: str) -> None:
    """Options are recorded; the text names the variable, and does not repeat the password."""
    with pytest.raises(ValueError, match="https_proxy=http://USER:PASSWORD@") as caught:
        parse_proxy_option(text)
    assert "hunter22" not in str(caught.value)


def test_the_option_can_override_the_environment() -> None:
    """With the same word as other options."""
    assert parse_proxy_option("none") == "none"
    assert parse_proxy("none") == "http://none:1080"
