"""A service that cannot be used as it is set up: the run ends soon, with 4, and names the cause."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.http.certificates import Made, make_certificate
from tests.http.raw_server import Answer, RawServer, always, hang, ok, reset

pytestmark = pytest.mark.slow

RUN = ("run", "-", "--output", "r", "--max-outage", "1s", "--rate", "100")
SECRET = "token-77aa"  # noqa: S105 - made up
COUNTERS = {"total": 1, "sended": 1, "pending": 0, "fails": 0, "campaign": 0, "actions": {}}
GOOD = json.dumps({"code": 200, "message": "Ok", "data": COUNTERS}).encode()
TOKEN = json.dumps({"access_token": SECRET, "expires_in": 7200}).encode()
UTF16 = "Content-Type: application/json; charset=utf-16"

UNUSABLE: dict[str, tuple[Answer, str]] = {
    "status line": (
        always(f"HTP/1.1 200 {SECRET}\r\n\r\n".encode()),
        "malformed answer head: not an HTTP status line",
    ),
    "long header": (
        always(ok(GOOD, f"X: {SECRET}{'x' * 70_000}")),
        "header line longer than 64 KiB",
    ),
    "gzip": (
        always(ok(GOOD, "Content-Encoding: gzip")),
        "content encoding that cannot be decoded",
    ),
    "coding": (
        always(ok(GOOD, "Content-Encoding: compress")),
        "content encoding that is not known",
    ),
    "charset": (always(ok(GOOD, UTF16)), "charset other than UTF-8: utf-16"),
    "bytes": (
        always(ok(GOOD.decode().encode("utf-16"))),
        "the answer is not JSON: it is not UTF-8",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("companies", [1, 3])
async def test_statistics_that_are_unusable_from_the_start_end_a_run(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    case: str,
    companies: int,
) -> None:
    """Exit code 4, with host, cause and option; no word of the server's, and no secret.

    Also if the only cell has failed by then: it is not at fault.
    """
    answer, cause = UNUSABLE[case]
    options = ("--max-attempts", "2") if companies == 1 else ()
    async with RawServer(answer) as server:
        address = str(server.url.origin())
        command = command.with_environment(COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET)
        done = await command.run(*RUN, *options, stdin=b"1\n2\n3\n"[: 2 * companies])
    assert done.exit_code == 4, done.stderr
    text = f"{address} cannot be used as it is: {cause}; check --base-url, then run the same"
    assert text in done.stderr
    moments = [datetime.fromisoformat(event["at"]) for event in command.lines("r/log.jsonl")]
    assert moments[-1] - moments[0] < timedelta(seconds=30)
    assert command.manifest("r")["attempts"][0]["exit_code"] == 4
    for path in (command.directory / "r").iterdir():
        assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in done.stderr


@pytest.mark.parametrize("case", UNUSABLE)
async def test_a_token_service_that_is_unusable_ends_a_run(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    case: str,
) -> None:
    """Likewise, before there is a directory; the tries are on standard error."""
    answer, cause = UNUSABLE[case]
    async with RawServer(answer) as server:
        url = f"{server.url.origin()}/oauth/token/"
        command = command.pointed_at("http://127.0.0.1:9", url, client_secret=SECRET)
        done = await command.run(*RUN, stdin=b"1\n")
    assert done.exit_code == 4, done.stderr
    assert f"{url} cannot be used as it is: {cause}; check --token-url, then" in done.stderr
    assert f'event=token_not_issued problem="{cause}" attempt=2' in done.stderr
    assert command.files() == set()
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (Made("localhost"), "certificate not trusted: self-signed certificate (see --ca-file)"),
        (
            Made("localhost", is_expired=True),
            "certificate expired, or the clock of this machine is wrong",
        ),
        (Made("other.example"), "certificate issued for another host"),
    ],
    ids=str,
)
async def test_a_certificate_that_is_not_accepted_ends_a_run(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    tmp_path_factory: pytest.TempPathFactory,
    made: Made,
    cause: str,
) -> None:
    """The handshake is real; the first one's authority is not known, those of the others are."""
    certificate = make_certificate(tmp_path_factory.mktemp("tls"), made)
    trusted = certificate.path if "not trusted" not in cause else Path("/dev/null")
    async with RawServer(always(ok(GOOD)), tls=certificate.server) as server:
        address = f"https://localhost:{server.url.port}"
        # Authorities are read when aiohttp is imported.
        command = command.from_the_start().with_environment(
            COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET, SSL_CERT_FILE=str(trusted)
        )
        # So many that the circuit opens before the run ends.
        companies = b"".join(b"%d\n" % number for number in range(20))
        done = await command.run(*RUN, stdin=companies)
        assert server.heads == []
    assert done.exit_code == 4, done.stderr
    remedy = "" if "--ca-file" in cause else "; check --base-url"
    assert f"{address} cannot be used as it is: {cause}{remedy}, then run" in done.stderr
    (blocked,) = (line for line in command.lines("r/log.jsonl") if line["event"] == "blocked")
    assert blocked["last_error"] == f"{address}: {cause}"


async def test_a_byte_order_mark_is_skipped(command: Any) -> None:  # noqa: ANN401 - see conftest
    """Before the token and before statistics; the line is the same as without it."""
    bom = b"\xef\xbb\xbf"
    async with (
        RawServer(always(ok(bom + TOKEN))) as issuer,
        RawServer(always(ok(bom + GOOD))) as server,
    ):
        token_url = f"{issuer.url.origin()}/oauth/token/"
        command = command.pointed_at(str(server.url.origin()), token_url)
        done = await command.run(*RUN, stdin=b"1\n2\n3\n")
    assert done.exit_code == 0, done.stderr
    lines = command.lines("r/statistics.jsonl")
    assert [line["statistics"] for line in lines] == [COUNTERS] * 3


async def test_unusable_answers_in_mid_run_are_an_outage(command: Any) -> None:  # noqa: ANN401 - see conftest
    """There were answers, so it may pass; the message is that of an outage."""
    good, bad = always(ok(GOOD)), always(ok(GOOD, UTF16))

    async def answer(number: int, writer: Any) -> None:  # noqa: ANN401 - see `Answer`
        await (good if number <= 5 else bad)(number, writer)

    companies = b"".join(b"%d\n" % number for number in range(100))
    async with RawServer(answer) as server:
        address = str(server.url.origin())
        command = command.with_environment(COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET)
        done = await command.run(*RUN, "--concurrency", "1", stdin=companies)
    assert done.exit_code == 4, done.stderr
    cause = "charset other than UTF-8: utf-16"
    assert f"no answer from {address} for " in done.stderr
    assert f"; last error: {cause}; what was collected so far is kept" in done.stderr
    # What came last may be held back.
    assert 1 <= len(command.lines("r/statistics.jsonl")) <= 5


@pytest.mark.parametrize("companies", [1, 3])
async def test_an_api_that_is_down_from_the_start_ends_a_run(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    companies: int,
) -> None:
    """However few cells there are; 4, not 1, which would say that these cells are at fault."""
    async with RawServer(hang) as server:
        address = str(server.url.origin())
    command = command.with_environment(COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET)
    options = ("--max-attempts", "2") if companies == 1 else ()
    done = await command.run(*RUN, *options, stdin=b"1\n2\n3\n"[: 2 * companies])
    assert done.exit_code == 4, done.stderr
    assert f"no answer from {address} for 1 s; last error: connection refused;" in done.stderr


async def test_a_run_that_was_answered_before_may_end_with_failed_cells(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """When it is resumed, and only a cell is left whose connection always breaks: exit code 1."""
    is_good = True

    async def answer(number: int, writer: Any) -> None:  # noqa: ANN401 - see `Answer`
        await (always(ok(GOOD)) if is_good else reset)(number, writer)

    async with RawServer(answer) as server:
        address = str(server.url.origin())
        command = command.with_environment(COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET)
        options = ("--max-attempts", "1", "--trust-dates", "--from", "2026-01-01")
        first = await command.run(*RUN, *options, "--until", "2026-01-01", stdin=b"1\n")
        assert first.exit_code == 0, first.stderr
        is_good = False
        more = ("--window", "1d", "--until", "2026-01-02")
        done = await command.run(*RUN, *options, *more, stdin=b"1\n")
    assert done.exit_code == 1, done.stderr
    assert [line["message"] for line in command.lines("r/errors.jsonl")] == ["connection reset"]


async def test_an_api_that_is_down_before_the_dates_are_verified(command: Any) -> None:  # noqa: ANN401 - see conftest
    """Nothing is left behind; standard error says what the log would."""
    async with RawServer(hang) as server:
        address = str(server.url.origin())
    command = command.with_environment(COLLECTOR_BASE_URL=address, TRUST_ACCESS_TOKEN=SECRET)
    companies = b"".join(b"%d\n" % number for number in range(20))
    run = ("run", "-", "--last", "3d", "--rate", "100", "--max-outage", "4s")
    done = await command.run(*run, stdin=companies)
    assert done.exit_code == 4, done.stderr
    assert "for 4 s; last error: connection refused;" in done.stderr
    (blocked,) = (line for line in done.stderr.splitlines() if "event=blocked" in line)
    assert "level=warning" in blocked
    assert f'last_error="{address}: connection refused"' in blocked
    assert command.files() == set()
