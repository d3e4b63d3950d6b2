import asyncio
import gc
import gzip
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from collector import __version__
from collector.core.outcome import FailureKind
from collector.core.secrets import Secret
from collector.http.body import MAX_ANSWER_BYTES
from collector.http.gate import Gate
from collector.http.reuse import ReusePolicy
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.pace import Permit, RateController
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.stats import RunStats
from tests.http.made_faults import FAULT
from tests.http.raw_server import Answer, RawServer, always, hang, ok, reset

SECRET = "token-77aa"  # noqa: S105 - made up
TOKEN = Token.of(Secret(SECRET))


class CountingGate(Gate):
    """A gate that counts who has passed."""

    passed = 0

    def __init__(self) -> None:
        super().__init__(RateController(1e6, companies=1, probe_seconds=60.0))

    async def acquire(self, *, is_urgent: bool = False, is_final: bool = False) -> Permit:
        """Wait as ever, then count."""
        permit = await super().acquire(is_urgent=is_urgent, is_final=is_final)
        self.passed += 1
        return permit

    def close_for(self, seconds: float) -> None:
        """Let the server ask for a pause."""
        self.refused(Permit(time.monotonic(), 0, 0, is_paced=True), pause=seconds, fault=FAULT)


class Bench:
    """A transport, its collaborators, and the means to send."""

    def __init__(self, *, timeout: float = 10.0, concurrency: int = 4) -> None:
        self.gate = CountingGate()
        self.stats = RunStats(1)
        self.tokens = TokenSource(None, TOKEN)
        self.not_attributed = list[tuple[str, int]]()
        self.judged = asyncio.Event()
        self.transport = Transport(
            self.gate,
            self.stats,
            concurrency=concurrency,
            timeout=timeout,
            notify=self._note,
            reuse=ReusePolicy(time.monotonic(), limit=100),
        )

    def _note(self, reason: str, answers: int) -> None:
        self.not_attributed.append((reason, answers))
        self.judged.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.transport.__aexit__(kind, error, traceback)
        # Whatever came of the requests: none is under way, and each has passed the gate.
        assert self.stats.in_flight == 0
        assert self.stats.requests == self.gate.passed

    async def get(self, url: URL) -> Response | TransportFailure:
        """Send a GET."""
        return await self.transport.get(url, self.tokens)

    async def reply(self, url: URL) -> Response:
        """Send a GET that is answered."""
        reply = await self.get(url)
        assert isinstance(reply, Response), reply
        return reply

    async def broken(self, url: URL) -> TransportFailure:
        """Send a GET that gets no whole answer."""
        broken = await self.get(url)
        assert isinstance(broken, TransportFailure), broken
        assert SECRET not in broken.message
        return broken


@pytest.fixture(autouse=True)
async def _nothing_left_behind() -> AsyncIterator[None]:
    """Fail on what the event loop reports (unclosed connections, lost errors), and on warnings."""
    reported = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    gc.freeze()  # so that only what the test leaves is looked at, which is quick
    yield
    await asyncio.sleep(0)
    gc.collect()
    gc.unfreeze()
    assert reported == []


async def test_a_whole_answer_comes_out_as_it_came() -> None:
    """Status, headers, body, when it was sent, and one request counted everywhere."""
    body = b'{"a":\n "\xc3\xa9"}'
    async with (
        RawServer(always(ok(body, "X-One: 1", status="418 Tea"))) as server,
        Bench() as bench,
    ):
        before = time.monotonic()
        reply = await bench.reply(server.url)
        assert before <= reply.permit.at <= time.monotonic()
        assert (reply.status, reply.body, reply.is_cut, reply.requests) == (418, body, False, 1)
        assert reply.headers["x-one"] == "1"
        assert bench.stats.requests == 1
        assert dict(bench.stats.statuses) == {418: 1}


async def test_a_request_carries_what_the_api_wants() -> None:
    """The token, the names of the formats, our own name, and no cookies that a server left."""
    async with RawServer(always(ok(b"{}", "Set-Cookie: a=b; Path=/"))) as server, Bench() as bench:
        # By its name, because cookies from a bare address are never kept.
        url = URL(f"http://localhost:{server.url.port}/a%2Fb/%252e?q=%2F", encoded=True)
        await bench.reply(url)
        await bench.reply(url)
    head = server.heads[1].decode()
    assert head.startswith("GET /a%2Fb/%252e?q=%2F HTTP/1.1\r\n")
    assert f"Authorization: Bearer {SECRET}\r\n" in head
    assert "Content-Type: application/json\r\n" in head
    assert "Accept: application/json\r\n" in head
    assert f"User-Agent: collector/{__version__}\r\n" in head
    assert "cookie" not in head.lower()


async def test_a_post_has_its_body() -> None:
    """As the token service wants it."""
    content = (
        b'{"grant_type":"client_credentials","client_id":"demo","client_secret":"demo-secret"}'
    )
    async with Simulator(SimulatorSettings(port=0)) as api, Bench() as bench:
        reply = await bench.transport.post(URL(api.token_url), content)
        assert isinstance(reply, Response)
        assert reply.status == 200
        assert b"access_token" in reply.body


async def test_a_netrc_gives_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as those of a user at the terminal, for another program."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(always(ok())) as server, Bench() as bench:
        reply = await bench.transport.post(server.url, b"{}")
    assert isinstance(reply, Response)
    assert [b"authorization" in head.lower() for head in server.heads] == [False]


async def test_a_connection_serves_many_requests() -> None:
    """After whole answers of every status, empty ones included."""
    contents = [ok(b"x" * 100_000), ok(b""), ok(b"<html>", status="500 Oops")]
    contents += [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"]
    contents += [ok(b"no", "Location: /y", status="302 Found"), ok(b"slow", status="429 Slow")]
    contents += [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(contents[number - 1])

    async with RawServer(answer) as server, Bench() as bench:
        bodies = [(await bench.reply(server.url)).body for _ in contents]
    assert [len(body) for body in bodies] == [100_000, 0, 6, 0, 0, 2, 4, 2]
    assert server.connections == 1


async def test_a_refused_connection_is_one_request_without_an_answer() -> None:
    """A port without a listener."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with Bench() as bench:
            broken = await bench.broken(URL(f"http://127.0.0.1:{port}/"))
            assert (broken.kind, broken.requests) == (FailureKind.CONNECTION, 1)
            assert broken.message == "connection refused"
            assert dict(bench.stats.broken) == {FailureKind.CONNECTION: 1}
            assert not bench.stats.statuses


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "content",
    [
        ok(b"x" * 100)[:-50],
        ok(b"x" * 100_000)[:-1],
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhel",
        CHUNKED + b"zz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"220 mail.example ESMTP\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        ok(b"not gzip at all", "Content-Encoding: gzip"),
    ],
    ids=[
        *("half a body", "a byte short", "no last chunk", "half a chunk", "bad chunk"),
        *("bad length", "half a head", "another protocol", "no status", "huge head", "bad gzip"),
    ],
)
async def test_what_is_not_a_whole_answer_is_a_broken_connection(content: bytes) -> None:
    """Cut bodies and chunks, another protocol, damaged compression: nothing half is handed on."""
    async with RawServer(always(content, close=True)) as server, Bench() as bench:
        broken = await bench.broken(server.url)
        assert broken.kind is FailureKind.CONNECTION
        assert broken.requests == len(server.heads) == bench.stats.requests
        assert bench.stats.broken.total() == 1


@pytest.mark.parametrize("answer", [reset, always(b"", close=True)], ids=["reset", "closed"])
async def test_a_reset_is_a_broken_connection(answer: Answer) -> None:
    """A fresh connection is not an idle one that the server has closed: nothing is resent."""
    async with RawServer(answer) as server, Bench() as bench:
        broken = await bench.broken(server.url)
        assert broken.kind is FailureKind.CONNECTION
        assert broken.requests == len(server.heads) == 1
        assert bench.stats.requests == 1
        assert dict(bench.stats.broken) == {FailureKind.CONNECTION: 1}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n", CHUNKED]),
    st.binary(max_size=60),
)
async def test_no_bytes_whatever_raise(beginning: bytes, rest: bytes) -> None:
    """A server may send anything: what comes out is a reply or a broken connection."""
    async with RawServer(always(beginning + rest, close=True)) as server, Bench() as bench:
        await bench.get(server.url)


async def test_a_slow_drip_runs_out_of_time() -> None:
    """Bytes that keep coming do not help: the time limit is for the whole answer."""

    async def drip(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with RawServer(drip) as server, Bench(timeout=0.1) as bench:
        begin = time.monotonic()
        broken = await bench.broken(server.url)
        assert 0.099 <= time.monotonic() - begin < 5.0
        assert (broken.kind, broken.requests) == (FailureKind.TIMEOUT, 1)
        assert broken.message == "no whole answer within 100 ms"
        assert dict(bench.stats.broken) == {FailureKind.TIMEOUT: 1}


async def test_after_a_timeout_the_task_and_the_transport_continue() -> None:
    """The connection in question is gone, the task is not cancelled, the next request works."""

    async def first_hangs(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await hang(number, writer)
        writer.write(ok())

    async with RawServer(first_hangs) as server, Bench(timeout=0.1) as bench:
        assert (await bench.broken(server.url)).kind is FailureKind.TIMEOUT
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert (await bench.reply(server.url)).body == b"{}"
        assert server.connections == 2


async def test_the_time_limit_begins_behind_the_gate() -> None:
    """A closed gate turns no request into a timeout; it counts as sent when it was let through."""
    async with RawServer(always(ok())) as server, Bench(timeout=0.1) as bench:
        begin = time.monotonic()
        bench.gate.close_for(0.25)
        reply = await bench.reply(server.url)
        assert reply.permit.at - begin >= 0.249


async def test_a_resend_on_a_dead_connection_is_a_request_like_any_other() -> None:
    """It acquires a permit and is counted, in the reply and in the statistics."""

    async def second_dies(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 2:
            writer.close()
        else:
            writer.write(ok(str(number).encode()))

    async with RawServer(second_dies) as server, Bench() as bench:
        assert (await bench.reply(server.url)).requests == 1
        reply = await bench.reply(server.url)
        assert (reply.requests, reply.body) == (2, b"3")
        assert bench.stats.requests == bench.gate.passed == 3
        assert dict(bench.stats.statuses) == {200: 2}
        assert not bench.stats.broken
        assert server.connections == 2


async def test_a_resend_waits_at_the_gate_outside_its_time_limit() -> None:
    """And counts as sent when it is let through, with the whole time before it."""
    async with Bench(timeout=1.0) as bench:

        async def second_dies(number: int, writer: asyncio.StreamWriter) -> None:
            if number == 2:
                bench.gate.close_for(1.1)
                writer.close()
                return
            # Together with the time before the resend this would be too long.
            await asyncio.sleep(0.3)
            writer.write(ok())

        async with RawServer(second_dies) as server:
            await bench.reply(server.url)
            begin = time.monotonic()
            reply = await bench.reply(server.url)
            assert reply.requests == 2
            assert reply.permit.at - begin >= 1.099


async def test_a_resend_that_is_not_answered_runs_out_of_time() -> None:
    """Its own time limit counts."""

    async def second_dies_and_third_hangs(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 2:
            writer.close()
        elif number == 3:
            await hang(number, writer)
        else:
            writer.write(ok())

    async with RawServer(second_dies_and_third_hangs) as server, Bench(timeout=0.1) as bench:
        await bench.reply(server.url)
        broken = await bench.broken(server.url)
        assert (broken.kind, broken.requests) == (FailureKind.TIMEOUT, 2)


async def test_a_post_is_not_resent() -> None:
    """A token may have been issued; whether to ask again is for the issuer to say."""

    async def second_dies(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(ok()) if number == 1 else writer.close()

    async with RawServer(second_dies) as server, Bench() as bench:
        await bench.reply(server.url)
        broken = await bench.transport.post(server.url, b"{}")
        assert isinstance(broken, TransportFailure)
        assert (broken.kind, broken.requests) == (FailureKind.CONNECTION, 1)
        assert len(server.heads) == 2


async def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    """1 MiB, and the connection stays usable."""
    body = b"x" * MAX_ANSWER_BYTES
    async with RawServer(always(ok(body))) as server, Bench() as bench:
        for _ in range(2):
            reply = await bench.reply(server.url)
            assert (len(reply.body), reply.is_cut) == (1024 * 1024, False)
            assert reply.body == body
        assert server.connections == 1


@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
async def test_a_larger_answer_is_cut(status: str) -> None:
    """One byte more is too many: the first MiB is kept, and it is said that it was cut."""
    body = b"x" * MAX_ANSWER_BYTES + b"y"
    async with RawServer(always(ok(body, status=status))) as server, Bench() as bench:
        reply = await bench.reply(server.url)
        assert reply.is_cut
        assert reply.body == b"x" * MAX_ANSWER_BYTES
        assert bench.stats.statuses.total() == 1


async def test_the_rest_of_a_cut_answer_is_not_read() -> None:
    """Its connection ends, and the next request has another."""
    async with RawServer(always(ok(bytes(8 * MAX_ANSWER_BYTES)))) as server, Bench() as bench:
        for _ in range(2):
            assert (await bench.reply(server.url)).is_cut
        assert server.connections == 2


async def test_an_endless_answer_is_cut() -> None:
    """A server that never stops is left after a MiB, and notices."""
    was_left = asyncio.Event()

    async def endless(_: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b"x" * 65_536)
                await writer.drain()
        except OSError:
            pass
        was_left.set()

    async with RawServer(endless) as server, Bench() as bench:
        assert (await bench.reply(server.url)).is_cut
        async with asyncio.timeout(5):
            await was_left.wait()


async def test_a_bomb_takes_little_memory() -> None:
    """A hundred MiB in a hundred kB of gzip: unpacked as far as the limit, and cut."""
    bomb = ok(gzip.compress(bytes(100 * 1024 * 1024), 6), "Content-Encoding: gzip")
    async with RawServer(always(bomb)) as server, Bench() as bench:
        tracemalloc.start()
        try:
            reply = await bench.reply(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (len(reply.body), reply.is_cut) == (MAX_ANSWER_BYTES, True)
    assert peak < 10 * 1024 * 1024


async def test_the_limit_is_for_the_unpacked_answer() -> None:
    """Small when sent, whole when unpacked; and its sent size does not matter."""
    body = b"x" * MAX_ANSWER_BYTES
    packed = ok(gzip.compress(body), "Content-Encoding: gzip")
    async with RawServer(always(packed)) as server, Bench() as bench:
        reply = await bench.reply(server.url)
        assert (reply.body == body, reply.is_cut) == (True, False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The token stays with the origin that it was configured for."""
    async with RawServer(always(ok())) as elsewhere:
        content = ok(b"", f"Location: {elsewhere.url}", status=f"{status} Elsewhere")
        async with RawServer(always(content)) as server, Bench() as bench:
            assert (await bench.reply(server.url)).status == status
            assert bench.stats.requests == 1
    assert elsewhere.connections == 0


async def test_a_cancelled_request_is_over() -> None:
    """While no answer comes, while a body comes: its connection is closed, nothing is counted."""
    for content in (b"", ok(b"x" * 100)[:-50]):

        async def stop_there(
            _: int, writer: asyncio.StreamWriter, content: bytes = content
        ) -> None:
            writer.write(content)

        async with RawServer(stop_there) as server, Bench() as bench:
            task = asyncio.create_task(bench.get(server.url))
            await server.got_one.wait()
            assert bench.stats.in_flight == 1
            for _ in range(5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert bench.stats.in_flight == 0
            assert (bench.stats.requests, bench.stats.broken.total()) == (1, 0)


@pytest.mark.parametrize(
    ("answers", "reason"), [(1, "lost"), (2, "surplus")], ids=["its own answer", "one answer more"]
)
async def test_an_answer_that_comes_as_its_request_is_cancelled_is_no_surplus(
    answers: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends then must not say that the server sends what was not requested."""

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(ok() * (answers if number == 2 else 1))

    async with RawServer(answer) as server, Bench() as bench:
        await bench.reply(server.url)
        task = asyncio.create_task(bench.get(server.url))
        received = ResponseHandler.data_received

        def receive_and_cancel(protocol: ResponseHandler, data: bytes) -> None:
            received(protocol, data)
            task.cancel()

        monkeypatch.setattr(ResponseHandler, "data_received", receive_and_cancel)
        await asyncio.wait([task])
        assert task.cancelled()
        await bench.judged.wait()
        assert bench.not_attributed == [(reason, 1)]


async def test_a_request_that_is_cancelled_at_the_gate_was_never_sent() -> None:
    """It is not in flight while it waits, and leaves no trace."""
    async with RawServer(always(ok())) as server, Bench() as bench:
        bench.gate.close_for(60.0)
        task = asyncio.create_task(bench.get(server.url))
        for _ in range(5):
            await asyncio.sleep(0)
        assert bench.stats.in_flight == 0
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (bench.stats.requests, bench.stats.in_flight) == (0, 0)
    assert server.connections == 0


async def test_requests_in_flight_are_counted() -> None:
    """From the gate until the end of the answer."""
    all_came, let_go = asyncio.Event(), asyncio.Event()

    async def wait_then_answer(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 3:
            all_came.set()
        await let_go.wait()
        writer.write(ok())

    async with RawServer(wait_then_answer) as server, Bench() as bench:
        tasks = [asyncio.create_task(bench.reply(server.url)) for _ in range(3)]
        await all_came.wait()
        assert bench.stats.in_flight == 3
        let_go.set()
        await asyncio.gather(*tasks)
        assert bench.stats.in_flight == 0


async def test_a_token_request_finds_a_free_connection() -> None:
    """All workers wait for answers, and there is one connection more than workers."""

    async def second_is_answered(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await hang(number, writer)
        writer.write(ok())

    async with (
        RawServer(second_is_answered) as server,
        Bench(concurrency=1, timeout=5.0) as bench,
    ):
        worker = asyncio.create_task(bench.get(server.url))
        await server.got_one.wait()
        reply = await bench.transport.post(server.url, b"{}")
        assert isinstance(reply, Response)
        worker.cancel()
        await asyncio.wait([worker])
