import asyncio
import socket
from threading import Event

import pytest

from collector.http.resolver import Resolver


async def test_a_name_gives_its_addresses() -> None:
    """As numbers that need no further lookup, with the port that was asked for."""
    found = await Resolver().resolve("localhost", 8080)
    assert {(each["hostname"], each["host"], each["port"]) for each in found} == {
        ("localhost", "127.0.0.1", 8080)
    }
    assert {each["family"] for each in found} == {socket.AF_INET}
    assert all(each["flags"] & socket.AI_NUMERICHOST for each in found)


async def test_a_link_local_address_keeps_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing can be connected to."""
    (index, name), *_ = socket.if_nameindex()
    address = ("fe80::1", 443, 0, index)
    answer = [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    (found,) = await Resolver().resolve("router.test", 443, socket.AF_INET6)
    assert found["host"] == f"fe80::1%{name}"


async def test_a_name_that_is_not_known_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's error, from which the message of the run is made."""

    def look_up(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(socket.gaierror, match="not known"):
        await Resolver().resolve("api.test", 443)


async def test_a_lookup_that_is_given_up_disturbs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result comes later, and is dropped; the next lookup does not wait for it."""
    began, may_end, ended = Event(), Event(), Event()
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: object, **more: object) -> object:
        if host == "api.test":
            began.set()
            may_end.wait()
            ended.set()
            return []
        return real(host, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolver = Resolver()
    hanging = asyncio.ensure_future(resolver.resolve("api.test", 443))
    assert await asyncio.to_thread(began.wait, 10)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await resolver.resolve("localhost", 443)
    may_end.set()
    assert await asyncio.to_thread(ended.wait, 10)
