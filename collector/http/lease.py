"""The connection of a request: its lease, and the request that says how it is used."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count
from math import inf
from typing import Final

from aiohttp import ClientRequest
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict
from yarl import URL

from collector import __version__
from collector.core.confirmation import Confirmation

__all__ = ["Lease", "PooledRequest"]

_numbers: Final = count()


class Lease:
    """One connection: the requests sent on it, and whether its answers are confirmed.

    * `protocol`: the connection.
    * `confirmation`: shared by all answers of the connection.
    * `sent`: requests sent on it.
    * `held`: answers that wait for the confirmation; `held_bytes`: their bytes; `held_until`: the
      time until which the first of them may be held back, `inf` if there is none.
    * `is_last`: the server was asked to close the connection after the last request sent.
    * `is_busy`: a request is outstanding on it.
    * `is_closed`: it was closed while it was busy.
    * `is_given_up`: its outstanding request was cancelled or failed; the answer may still come.
    * `is_lingering`: the only answer has come, and the connection is watched for more.
    * `judge`: called with it when it is closed, and no request is outstanding.
    """

    __slots__ = (
        *("confirmation", "held", "held_bytes", "held_until", "is_busy", "is_closed"),
        *("is_given_up", "is_last", "is_lingering", "judge", "protocol", "sent"),
    )

    def __init__(self, protocol: ResponseHandler, judge: Callable[["Lease"], None]) -> None:
        self.judge = judge
        self.is_busy = False
        self.is_closed = False
        self.is_given_up = False
        self.protocol = protocol
        self.confirmation = Confirmation()
        self.sent = 0
        self.held = self.held_bytes = 0
        self.held_until = inf
        self.is_last = False
        self.is_lingering = False

    def failed(self) -> None:
        """Record that the outstanding request gets no answer."""
        self.is_busy = False
        self.is_given_up = True
        if self.is_closed:
            self.judge(self)


class PooledRequest(ClientRequest):
    """Request that says how its connection is used. `aiohttp` makes one for each attempt."""

    is_last = False
    """Whether the connection serves no request after this one."""

    sent_at = 0.0
    """When its permit was issued, in seconds of the gate's clock."""

    lease: Lease | None = None
    """The connection, once there is one."""

    _alone = ""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Set the headers that every request has; those given go before them.

        aiohttp calls this for each attempt. Nearly always the headers are the same, and a copy is
        made in a fraction of the time.
        """
        self.headers = _common_headers(self.url.scheme, self.url.raw_authority).copy()
        if headers:
            self.headers.update(headers)

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Do nothing: `update_headers` has set them."""

    def alone(self) -> None:
        """Use a connection of its own, which serves no other request."""
        self.is_last = True
        self._alone = f"alone-{next(_numbers)}"

    @property
    def connection_key(self) -> ConnectionKey:
        """Key of the connections in the pool that this request may use."""
        key = super().connection_key
        if key.proxy is not None:
            # aiohttp adds a header to those for the proxy as it connects; then the key would be
            # another one. They are the same for all requests through a proxy.
            key = key._replace(proxy_headers_hash=None)
        return key._replace(server_hostname=self._alone) if self._alone else key


@lru_cache(16)
def _common_headers(scheme: str, authority: str) -> CIMultiDict[str]:
    origin = URL.build(scheme=scheme, authority=authority, encoded=True)
    headers = CIMultiDict[str](ClientRequest.DEFAULT_HEADERS)
    headers.update(
        {
            "Host": origin.host_port_subcomponent or "",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"collector/{__version__}",
        }
    )
    return headers
