"""How connections are made: through which proxy, and which certificates are trusted.

Proxies are read as curl reads them, once at the start: `--proxy`, or `https_proxy`, `http_proxy`
and `all_proxy` of the environment, and `no_proxy` for the hosts that are reached without one.
"""

import ipaddress
import os
import re
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from yarl import URL

from collector.core.errors import InputError
from collector.core.secrets import LONGEST_SECRET, Secret
from collector.core.text import is_in_quotes
from collector.http.certificates import context_of, read_authorities
from collector.settings import Service
from collector.settings.addresses import NO_PROXY, is_loopback, parse_proxy

__all__ = ["DIRECT", "Network", "Proxy", "is_excluded", "load_network"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    * `url`: its address, without user name and password.
    * `authorization`: the value of `Proxy-Authorization`; None without user name and password.
    """

    url: URL
    authorization: Secret | None = None

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.url.host_subcomponent}:{self.url.port}"

    def headers_for(self, url: URL) -> tuple[dict[str, str] | None, dict[str, str] | None]:
        """Return the headers of a request that the proxy needs, and those of its CONNECT.

        Over TLS the server of the address must not see them.
        """
        if self.authorization is None:
            return None, None
        headers = {"Proxy-Authorization": self.authorization.reveal()}
        return (None, headers) if url.scheme == "https" else (headers, None)

    def secrets(self) -> tuple[Secret, ...]:
        """Return what must not appear in any output: the password, as it is and as it is sent."""
        if self.authorization is None:
            return ()
        encoded = self.authorization.reveal().removeprefix(_BASIC)
        password = b64decode(encoded).decode(errors="replace").partition(":")[2]
        return Secret(encoded), Secret(password), Secret(quote(password, safe=""))


_BASIC: Final = "Basic "

_Origin = tuple[str, str | None, int | None]
"""Scheme, host and port of an address."""


@dataclass(frozen=True, slots=True)
class Network:
    """How the addresses of the service are reached. It can be sent to another process.

    * `routes`: the proxy of each address, by its origin; None for a direct connection, as for every
      address that is not among them.
    * `authorities`: certificates to trust, as PEM; None for those of the machine.
    """

    routes: Mapping[_Origin, Proxy | None] = field(default_factory=dict)
    authorities: str | None = None

    def proxy_for(self, url: URL) -> Proxy | None:
        """Return the proxy through which an address is reached."""
        return self.routes.get(_origin(url)) if self.routes else None

    def verification(self) -> ssl.SSLContext | bool:
        """Return what verifies certificates: True is the default of aiohttp.

        The default trusts the authorities of the machine, or those that `SSL_CERT_FILE` and
        `SSL_CERT_DIR` name.
        """
        return True if self.authorities is None else context_of(self.authorities)

    def secrets(self) -> tuple[Secret, ...]:
        """Return what must not appear in any output."""
        return tuple(secret for proxy in self._proxies() for secret in proxy.secrets())

    def described(self) -> dict[str, str]:
        """Return the address of the proxy for each host, or `none`; no passwords."""
        return {
            _host(origin): NO_PROXY if proxy is None else str(proxy)
            for origin, proxy in self.routes.items()
        }

    def _proxies(self) -> Iterable[Proxy]:
        return (proxy for proxy in self.routes.values() if proxy is not None)


DIRECT: Final = Network()
"""Connections without a proxy, to servers that the authorities of the machine have certified."""


def _origin(url: URL) -> _Origin:
    return url.scheme, url.raw_host, url.port


def _host(origin: _Origin) -> str:
    """Return the host of an origin, and its port unless the scheme implies it."""
    scheme, host, port = origin
    return URL.build(scheme=scheme, host=host or "", port=port).host_port_subcomponent or ""


def load_network(environ: Mapping[str, str], settings: Service, *more: str) -> Network:
    """Return how the addresses in the settings are reached, and `more` addresses.

    Only the variables that decide about these addresses are looked at. Raises `InputError` for a
    proxy that cannot be used, and for a `--ca-file` that cannot be read or has no certificate.
    """
    urls = map(URL, (settings.base_url, settings.token_url, *more))
    option = settings.proxy
    authorities = None if settings.ca_file is None else read_authorities(settings.ca_file)
    return Network({_origin(url): _proxy_for(url, environ, option) for url in urls}, authorities)


_VARIABLES: Final = {
    # HTTP_PROXY is not read: a web server sets it for a CGI program, from a header of the client.
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
"""Variables that name the proxy for a scheme; the first that is set and not empty counts."""


def _proxy_for(url: URL, environ: Mapping[str, str], option: str | None) -> Proxy | None:
    """Return the proxy through which an address is reached, from the option or the environment."""
    if option == NO_PROXY:
        return None
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if is_excluded(url.raw_host or "", excluded):
        return None
    if option is not None:
        proxy = Proxy(URL(option))
    else:
        name = next((name for name in _VARIABLES[url.scheme] if environ.get(name)), None)
        if name is None:
            return None
        proxy = _parse(name, environ[name])
    if url.scheme == "http" and not is_loopback(proxy.url.host or ""):
        # Plain http is for this machine only: the token must not leave it unencrypted.
        return None
    return proxy


def _parse(name: str, text: str) -> Proxy:
    """Parse the value of a variable, which may carry a user name and a password."""
    if len(text) > LONGEST_SECRET:
        raise InputError(
            f"{name} in the environment: has {len(text)} characters; at most {LONGEST_SECRET} are "
            "accepted"
        )
    scheme, given, rest = text.partition("://")
    if not given:
        scheme, rest = "", text
    userinfo, _, address = rest.rpartition("@")
    try:
        url = URL(parse_proxy(f"{scheme}{given}{address}"))
    except ValueError as error:
        hint = "; it begins and ends with a quote: remove both" if is_in_quotes(text) else ""
        raise InputError(f"{name} in the environment: {error}{hint}") from None
    return Proxy(url, _authorization(userinfo) if userinfo else None)


def _authorization(userinfo: str) -> Secret:
    """Return the value of `Proxy-Authorization` for `user:password`, percent-encoded as in curl."""
    # The bytes of the environment, which may not be UTF-8.
    user, _, password = os.fsencode(userinfo).partition(b":")
    credentials = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return Secret(_BASIC + b64encode(credentials).decode())


def is_excluded(host: str, excluded: str) -> bool:
    """Return whether a host is in a list as `no_proxy` has it, which curl reads so.

    Names and addresses are separated by commas or blanks. A name covers itself and the names below
    it, with or without a dot in front. An address is written without brackets, and may be a network
    (`10.0.0.0/8`). `*` alone covers all.
    """
    if excluded.strip() == "*":
        return True
    entries = filter(None, re.split(r"[,\s]+", excluded))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.removesuffix(".").lower()
        return any(_covers(entry.lower(), name) for entry in entries)
    return any(address in network for network in _networks(entries))


def _covers(entry: str, name: str) -> bool:
    domain = entry.removesuffix(".").removeprefix(".")
    return bool(domain) and (name == domain or name.endswith(f".{domain}"))


def _networks(entries: Iterable[str]) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for entry in entries:
        try:
            yield ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
