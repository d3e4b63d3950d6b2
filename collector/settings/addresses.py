"""Parsers of the addresses of services and proxies: to a value, or an error that teaches.

Parsers raise `ValueError`; the command line library puts the option in front of the message.
"""

import ipaddress
import re
from typing import Final

from collector.core.secrets import Secret

__all__ = [
    "NO_PROXY",
    "is_loopback",
    "parse_ping_url",
    "parse_proxy",
    "parse_proxy_option",
    "parse_service_url",
]

_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@]+)(:[0-9]+)?")
"""A host name or an address, and perhaps a port; nothing else after a closing bracket."""


def parse_service_url(text: str) -> str:
    """Check an address that the token will be sent to, and return it.

    Only `https` is accepted, or `http` to this machine (loopback). User names, passwords,
    queries and fragments are refused, and so is any text that two programs could read differently.
    Raises `ValueError` with a message that teaches; it never repeats a password.
    """
    if not _is_plain(text):
        message = (
            "an address has letters, digits and -._~:/[]%@ only; write other characters of a "
            "path as %XX and names in other scripts as xn--..., like https://api.example.com"
        )
        raise ValueError(message)
    if "?" in text or "#" in text:
        message = "an address ends with its path: leave out everything from '?' or '#' on"
        raise ValueError(message)
    authority = text.partition("://")[2].partition("/")[0]
    if "@" in authority:
        message = (
            "an address carries no user name or password; "
            "credentials come from TRUST_CLIENT_ID and TRUST_CLIENT_SECRET"
        )
        raise ValueError(message)
    from yarl import URL  # noqa: PLC0415 - most commands are given no address to read

    try:
        # The parser of the HTTP client is the one that counts.
        url = URL(text)
        host, _ = url.host, url.port
    except ValueError as error:
        message = f"not an address: {error}; write it like https://api.example.com"
        raise ValueError(message) from None
    if url.scheme not in {"http", "https"} or not host or not _AUTHORITY.fullmatch(authority):
        message = "an address starts with https:// and names a host, like https://api.example.com"
        raise ValueError(message)
    if not _has_short_labels(host):
        message = f"a host name has 1 to {_LONGEST_LABEL} characters between two dots"
        raise ValueError(message)
    if url.scheme == "http" and not is_loopback(host):
        message = (
            f'plain http would show the token to everyone on the way to "{host}"; '
            "use https:// (http:// is for this machine only, such as http://127.0.0.1:8080)"
        )
        raise ValueError(message)
    return text


def parse_ping_url(text: str) -> Secret:
    """Check an address that is told of a run, as `parse_service_url` does, and return it.

    Raises `ValueError` with a message that teaches; it never repeats the address.
    """
    try:
        return Secret(parse_service_url(text).removesuffix("/"))
    except ValueError:
        message = (
            "not an address that can be pinged: write https:// (http:// is for this machine "
            "only), a host and a path, without a query, like https://hc-ping.com/UUID"
        )
        raise ValueError(message) from None


_LONGEST_LABEL: Final = 63
"""Characters between the dots of a host name (RFC 1035, 2.3.4); Python looks up no longer one."""


def _has_short_labels(host: str) -> bool:
    return all(0 < len(label) <= _LONGEST_LABEL for label in host.removesuffix(".").split("."))


NO_PROXY: Final = "none"
"""The value of `--proxy` that overrides the proxies of the environment."""

_PROXY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
"""Host and port of a proxy."""

_MOST_PORTS: Final = 65535

_PROXY_PORTS: Final = {"http": 1080, "https": 443}
"""Ports of proxies that name none, as in curl."""


def parse_proxy_option(text: str) -> str:
    """Parse the value of `--proxy`, and return it as `parse_proxy` does, or `none`.

    Raises `ValueError` with a message that teaches; it never repeats a password.
    """
    if "@" in text:
        message = (
            "an option carries no user name or password, because options are recorded in "
            "run.json; put them into the environment, like "
            "https_proxy=http://USER:PASSWORD@proxy.example.com:3128"
        )
        raise ValueError(message)
    return NO_PROXY if text == NO_PROXY else parse_proxy(text)


def parse_proxy(text: str) -> str:
    """Return the address of a proxy, without user name and password, as `scheme://host:port`.

    As in curl, one without a scheme speaks plain HTTP, and one without a port has 1080, or 443 if
    it speaks TLS. Raises `ValueError` with a message that teaches; it never repeats the text.
    """
    scheme, given, rest = text.partition("://")
    if not given:
        scheme, rest = "http", text
    scheme, authority = scheme.lower(), rest.removesuffix("/")
    if scheme.startswith("socks"):
        message = (
            "a SOCKS proxy cannot be used; name an HTTP proxy, like http://proxy.example.com:3128"
        )
        raise ValueError(message)
    found = _PROXY.fullmatch(authority)
    if scheme not in _PROXY_PORTS or found is None or not _is_host(found[1]):
        message = (
            "not the address of a proxy: write scheme (http or https), host and port, and nothing "
            "after it, like http://proxy.example.com:3128"
        )
        raise ValueError(message)
    port = int(found[2]) if found[2] else _PROXY_PORTS[scheme]
    if not 0 < port <= _MOST_PORTS:
        message = f"port {port} of the proxy is not from 1 to {_MOST_PORTS}"
        raise ValueError(message)
    return f"{scheme}://{found[1].lower()}:{port}"


def _is_host(text: str) -> bool:
    if not text.startswith("["):
        return _has_short_labels(text)
    try:
        ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        return False
    return True


def _is_plain(text: str) -> bool:
    return all("!" <= char <= "~" and char not in '\\"<>^`{|}' for char in text)


def is_loopback(host: str) -> bool:
    """Return whether a host, spelled without brackets, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
