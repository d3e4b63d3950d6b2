"""Lookup of host names that does not hold up the end of the process."""

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["Resolver"]

_IS_NUMBER: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_AS_NUMBER: Final = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


class Resolver(AbstractResolver):
    """Looks up each name with the resolver of the system, in a daemon thread of its own.

    A lookup cannot be cancelled, and takes half a minute or more while no name server answers.
    Python waits for the threads of asyncio's executor before it ends, and not for a daemon thread.
    aiohttp makes one lookup at a time for each host, so there are few threads.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises `OSError` if there are none."""
        found: Future[list[ResolveResult]] = Future()
        # From now on it cannot be cancelled, so the thread can always deliver its result.
        found.set_running_or_notify_cancel()

        def look_up() -> None:
            try:
                addresses = _addresses(host, port, family)
            except BaseException as error:  # noqa: BLE001 - raised in the caller
                found.set_exception(error)
            else:
                found.set_result(addresses)

        Thread(target=look_up, name="resolver", daemon=True).start()
        return await asyncio.wrap_future(found)

    async def close(self) -> None:
        """Do nothing: a lookup in progress ends by itself, and its result is dropped."""


def _addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [
        ResolveResult(
            hostname=host,
            # As text with the interface of a link-local address. This looks nothing up.
            host=socket.getnameinfo(address, _AS_NUMBER)[0],
            port=port,
            family=its_family,
            proto=protocol,
            flags=_IS_NUMBER,
        )
        for its_family, _, protocol, _, address in found
    ]
