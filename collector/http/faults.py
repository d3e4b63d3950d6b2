"""Causes of transport failures: aiohttp's exceptions, translated into our own words.

aiohttp's own texts quote what the server sent (status lines, headers, chunks), which may hold the
token. Here only the class of an exception, its error number and the code of a certificate check
decide, so that no byte of the server's reaches a message.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, NamedTuple, TypeVar

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

__all__ = ["MAX_HEADER_LINE_BYTES", "Fault", "Nature", "fault_of", "through_proxy"]

MAX_HEADER_LINE_BYTES: Final = 64 * 1024
"""Longest status or header line that is read."""

_LONGEST_CHAIN: Final = 8

_Kind = TypeVar("_Kind", bound=BaseException)


class Nature(Enum):
    """What a fault says about the next request."""

    TRANSIENT = auto()
    """The next request may succeed."""
    UNUSABLE = auto()
    """The service, or the way to it, is not usable as it is set up: the next request fails too."""
    LOCAL = auto()
    """This machine lacks something: the fault is neither the service's nor the request's."""
    SUSPENDED = auto()
    """The process was suspended while the request was in flight, which says nothing."""


class Fault(NamedTuple):
    """The cause of a transport failure.

    `text` is a phrase such as `connection refused`. It names the proxy if there is one; the host is
    named by the message that quotes it. It holds nothing that the server sent, and no secret.
    """

    text: str
    nature: Nature


def fault_of(error: BaseException, url: URL, proxy: URL | None = None) -> Fault:
    """Return the cause of a request's failure, from the exception that aiohttp raised.

    `url` is the address of the request, `proxy` that of the proxy on the way to it, if any.
    """
    chain = tuple(_chain(error))
    fault = _cause(chain)
    if proxy is None or fault.nature is Nature.LOCAL:
        return fault
    if _is_at_proxy(error, url, proxy):
        hint = (
            "; does it speak TLS? most proxies are http://" if _may_lack_tls(fault, proxy) else ""
        )
        text = f"proxy {proxy.origin()}: {fault.text}{hint} (see --proxy and https_proxy)"
        return Fault(text, fault.nature)
    return Fault(f"{fault.text}{through_proxy(proxy)}", fault.nature)


def _may_lack_tls(fault: Fault, proxy: URL) -> bool:
    return proxy.scheme == "https" and "certificate" not in fault.text and "HTTP" not in fault.text


def through_proxy(proxy: URL | None) -> str:
    """Return what a text about a server says of the proxy on the way to it; nothing without one."""
    return "" if proxy is None else f" (through proxy {proxy.origin()})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes; aiohttp wraps one up to three times."""
    link: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if link is None:
            return
        yield link
        link = link.os_error if isinstance(link, aiohttp.ClientConnectorError) else link.__cause__


def _find(chain: Sequence[BaseException], kind: type[_Kind]) -> _Kind | None:
    """Return the innermost exception of a kind: aiohttp's wrappers lack some of its attributes."""
    return next((link for link in reversed(chain) if isinstance(link, kind)), None)


def _is_at_proxy(error: BaseException, url: URL, proxy: URL) -> bool:
    """Return whether the connection to the proxy failed, or its answer to CONNECT."""
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return True
    if isinstance(error, aiohttp.ClientConnectorError):
        peer = (error.host, error.port)
        return peer == (proxy.host, proxy.port) != (url.host, url.port)
    if isinstance(error, aiohttp.ClientResponseError):
        return error.request_info.real_url.origin() == proxy.origin()
    return False


def _cause(chain: Sequence[BaseException]) -> Fault:
    """Return the cause, without the proxy."""
    for explain in (_shortage, _tls_fault, _resolver_fault, _answer_fault, _system_fault):
        fault = explain(chain)
        if fault is not None:
            return fault
    return Fault(f"request failed: {type(chain[0]).__name__}", Nature.TRANSIENT)


_SHORTAGES: Final = {
    errno.EMFILE: "too many open files in this process (see ulimit -n)",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOBUFS: "no network buffers left on this machine",
    errno.ENOMEM: "out of memory on this machine",
    errno.EADDRNOTAVAIL: "no free local address or port on this machine",
}


def _shortage(chain: Sequence[BaseException]) -> Fault | None:
    """Return what this machine lacks."""
    resolving = _find(chain, socket.gaierror)
    number = _errno(chain)
    if _find(chain, MemoryError) or (resolving and resolving.errno == socket.EAI_MEMORY):
        number = errno.ENOMEM
    return Fault(_SHORTAGES[number], Nature.LOCAL) if number in _SHORTAGES else None


_CERTIFICATE_TEXTS: Final = {
    9: "certificate not valid yet, or the clock of this machine is wrong",
    10: "certificate expired, or the clock of this machine is wrong",
    62: "certificate issued for another host",
    64: "certificate issued for another address",
}
"""By the codes of OpenSSL (X509_V_ERR_*). For other codes OpenSSL's own words are quoted."""


_NO_TLS: Final = {"wrong version number", "http request", "packet length too long"}
"""What OpenSSL says of an answer that is not TLS."""


def _tls_fault(chain: Sequence[BaseException]) -> Fault | None:
    certificate = _find(chain, ssl.SSLCertVerificationError)
    if certificate is not None:
        # An error that a test or another library made has no code.
        text = _CERTIFICATE_TEXTS.get(getattr(certificate, "verify_code", 0))
        if text is None:
            reason = getattr(certificate, "verify_message", "")
            text = f"certificate not trusted: {reason}".removesuffix(": ") + " (see --ca-file)"
        return Fault(text, Nature.UNUSABLE)
    tls = _find(chain, ssl.SSLError)
    if tls is None:
        return None
    # OpenSSL's name of the error, such as WRONG_VERSION_NUMBER.
    reason = (getattr(tls, "reason", None) or "").replace("_", " ").lower()
    if reason in _NO_TLS:
        return Fault(f"this port does not speak TLS ({reason})", Nature.UNUSABLE)
    return Fault(f"TLS handshake failed: {reason}".removesuffix(": "), Nature.TRANSIENT)


def _resolver_fault(chain: Sequence[BaseException]) -> Fault | None:
    error = _find(chain, socket.gaierror) or _find(chain, aiohttp.ClientConnectorDNSError)
    if error is None:
        return None
    if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
        return Fault("name not known", Nature.TRANSIENT)
    if error.errno == socket.EAI_AGAIN:
        return Fault("name not resolved: no answer from a name server", Nature.TRANSIENT)
    return Fault("name not resolved", Nature.TRANSIENT)


_ANSWER_FAULTS: Final = (
    (
        http_exceptions.ContentEncodingError,
        Fault("content encoding that cannot be decoded", Nature.UNUSABLE),
    ),
    (
        http_exceptions.LineTooLong,
        Fault(f"header line longer than {MAX_HEADER_LINE_BYTES // 1024} KiB", Nature.UNUSABLE),
    ),
    (
        aiohttp.ClientPayloadError,
        Fault("connection closed before the whole answer came", Nature.TRANSIENT),
    ),
    (
        http_exceptions.BadStatusLine,
        Fault("malformed answer head: not an HTTP status line", Nature.UNUSABLE),
    ),
    (
        http_exceptions.TransferEncodingError,
        Fault("malformed chunks in the answer", Nature.UNUSABLE),
    ),
    (
        http_exceptions.HttpProcessingError,
        Fault("malformed answer head", Nature.UNUSABLE),
    ),
    (
        aiohttp.ClientResponseError,
        Fault("malformed answer head", Nature.UNUSABLE),
    ),
    (
        aiohttp.ServerDisconnectedError,
        Fault("connection closed without an answer", Nature.TRANSIENT),
    ),
)
"""What is wrong with an answer or its end, by the class; the first that applies counts."""


_RULED_OUT: Final = {
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
}
"""What a proxy answers to a CONNECT that it never allows."""


def _answer_fault(chain: Sequence[BaseException]) -> Fault | None:
    to_connect = _find(chain, aiohttp.ClientHttpProxyError)
    if to_connect is not None:
        if to_connect.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Fault(
                "it requires a user name and a password, or others (HTTP 407)", Nature.UNUSABLE
            )
        # Its rules do not allow the host or the port; other codes may pass, like that of an outage.
        is_ruled_out = to_connect.status in _RULED_OUT
        nature = Nature.UNUSABLE if is_ruled_out else Nature.TRANSIENT
        return Fault(f"it refused the connection (HTTP {to_connect.status})", nature)
    return next((fault for kind, fault in _ANSWER_FAULTS if _find(chain, kind)), None)


_SYSTEM_TEXTS: Final = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection closed"),
    (ConnectionAbortedError, "connection aborted"),
    (TimeoutError, "connection timed out"),
)
"""By the class, which an exception without an error number has too."""


def _system_fault(chain: Sequence[BaseException]) -> Fault | None:
    """Return the cause by the system's error number, or by the class if there is none."""
    number = _errno(chain)
    # Python finds the class for a number.
    links = (*chain, OSError(number, ""))
    for kind, text in _SYSTEM_TEXTS:
        if _find(links, kind):
            return Fault(text, Nature.TRANSIENT)
    if number:
        return Fault(os.strerror(number).lower(), Nature.TRANSIENT)
    if _find(chain, OSError) or _find(chain, aiohttp.ClientConnectionError):
        return Fault("connection failed", Nature.TRANSIENT)
    return None


def _errno(chain: Sequence[BaseException]) -> int:
    """Return the innermost error number of the system, 0 if there is none.

    Those of TLS and of the resolver are others.
    """
    for link in reversed(chain):
        is_other = isinstance(link, ssl.SSLError | socket.gaierror)
        if isinstance(link, OSError) and link.errno and not is_other:
            return link.errno
    return 0
