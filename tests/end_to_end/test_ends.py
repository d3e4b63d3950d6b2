"""How a run can end other than well: credentials, outages, signals, full disks, odd servers."""

import asyncio
import resource
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import until
from tests.forking import write_command

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


async def _succeeds(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait() == 0


async def test_refused_credentials_leave_nothing_behind(
    start_api: StartApi, against: Against
) -> None:
    """A client that Atenea refuses: exit 3, the reason, no directory, no second try."""
    api = await start_api(client_secret="right")  # noqa: S106 - fake
    command = against(api).with_environment(TRUST_CLIENT_SECRET="wrong-secret")  # noqa: S106
    done = await command.run("run", "-", "--output", "r", stdin=b"1\n")
    assert done.exit_code == 3
    assert "invalid_client" in done.stderr
    assert "check TRUST_CLIENT_ID" in done.stderr
    assert "wrong-secret" not in done.stdout + done.stderr
    assert api.counts.total == 1
    assert command.files() == set()


async def test_a_token_that_is_used_as_it_is(start_api: StartApi, against: Against) -> None:
    """`TRUST_ACCESS_TOKEN` is used without asking; when it is refused, the run ends with 3."""
    api = await start_api()
    command = against(api).with_environment(TRUST_ACCESS_TOKEN=api.issue_token())
    assert (await command.run("run", "-", "--output", "good", stdin=b"1\n")).exit_code == 0
    api.revoke_all()
    done = await command.run("run", "-", "--output", "bad", stdin=b"1\n2\n")
    assert done.exit_code == 3
    assert "TRUST_ACCESS_TOKEN" in done.stderr
    assert api.counts.kinds["token"] == 0
    assert command.manifest("bad")["attempts"][0]["exit_code"] == 3
    assert command.lines("bad/statistics.jsonl") == []


async def test_an_issuer_out_of_reach_is_an_outage(start_api: StartApi, against: Against) -> None:
    """No server answers at the token's address: exit 4 when the patience of the start has ended.

    There is no directory, so no log: what it would say is on standard error.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/oauth/token/"
        command = against(await start_api()).with_environment(COLLECTOR_TOKEN_URL=url)
        done = await command.run("run", "-", "--max-outage", "1s", stdin=b"1\n")
    assert done.exit_code == 4
    assert f"no access token from {url} for 1 s; last error: connection refused" in done.stderr
    tries = [line for line in done.stderr.splitlines() if "event=token_not_issued" in line]
    assert len(tries) >= 2
    assert all("level=warning" in line and 'problem="connection refused"' in line for line in tries)
    assert command.files() == set()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_a_signal_ends_the_run_in_order(
    start_api: StartApi, against: Against, number: int, code: int
) -> None:
    """Interrupted in mid-run: the designed exit code, whole lines, a manifest that says so."""
    api = await start_api(latency=0.3)
    command = against(api)
    command.write("companies.txt", company_lines(5000))
    process = await command.start("run", "companies.txt", "--rate", "100", "--output", "r")
    statistics = command.directory / "r" / "statistics.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    process.send_signal(number)
    done = await command.finish(process)
    assert done.exit_code == code, done.stderr
    assert "Traceback" not in done.stderr
    attempt = command.manifest("r")["attempts"][0]
    lines = command.lines("r/statistics.jsonl")
    assert len(lines) == attempt["cells"]["data"] + attempt["cells"]["empty"] > 0
    # What was in flight has come back and is kept; some cells were requested once more for that.
    asked = {request.company_id for request in api.requests if request.kind == "statistics"}
    assert {line["company_id"] for line in lines} == asked
    assert attempt["cells"]["missing"] == 5000 - len(lines)
    assert attempt["exit_code"] == code
    assert f"{code}: interrupted" in done.stdout
    assert "run the same command again: it requests what failed or is missing" in done.stdout


async def test_what_does_not_come_back_is_waited_for_briefly(
    start_api: StartApi, against: Against
) -> None:
    """A server that hangs cannot hold a run that is to end: five seconds, then it stops cleanly."""
    api = await start_api(share_hangs=1.0)
    command = against(api)
    command.write("companies.txt", company_lines(50))
    process = await command.start("run", "companies.txt", "--rate", "100", "--output", "r")
    await until(lambda: api.counts.kinds["statistics"] >= 4)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code == 143, done.stderr
    assert 4.5 < time.monotonic() - began < 60
    assert command.manifest("r")["attempts"][0]["exit_code"] == 143
    assert command.lines("r/errors.jsonl") == []


async def test_a_second_signal_ends_the_run_at_once(start_api: StartApi, against: Against) -> None:
    """The first signal waits for what is in flight, the second does not; both stop cleanly."""
    api = await start_api(share_hangs=0.9)
    command = against(api)
    command.write("companies.txt", company_lines(5000))
    process = await command.start("run", "companies.txt", "--rate", "200", "--output", "r")
    # No more before the first answer.
    await until(lambda: api.counts.kinds["statistics"] >= 4)
    process.send_signal(signal.SIGINT)
    log = command.directory / "r" / "log.jsonl"
    await until(lambda: b'"stopping"' in log.read_bytes())
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code == 130, done.stderr
    # The first one alone would have waited for 5 seconds.
    moments = {e["event"]: datetime.fromisoformat(e["at"]) for e in command.lines("r/log.jsonl")}
    assert moments["run_ended"] - moments["stopping"] < timedelta(seconds=4.9)
    attempt = command.manifest("r")["attempts"][0]
    assert attempt["exit_code"] == 130
    lines = command.lines("r/statistics.jsonl")
    assert len(lines) == attempt["cells"]["data"] + attempt["cells"]["empty"]


async def test_a_deadline_ends_the_run_to_be_continued(
    start_api: StartApi, against: Against
) -> None:
    """When the time is over, the run ends as by a signal, with 4; the next one resumes it."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(400))
    run = ("run", "companies.txt", "--output", "r")
    began = time.monotonic()
    done = await command.run(*run, "--rate", "100", "--deadline", "2s")
    assert done.exit_code == 4, done.stderr
    assert time.monotonic() - began < 60
    assert "the deadline of 2s has passed" in done.stderr
    lines = command.lines("r/statistics.jsonl")
    assert 0 < len(lines) < 400
    asked = {request.company_id for request in api.requests if request.kind == "statistics"}
    assert {line["company_id"] for line in lines} == asked
    assert "deadline" in command.manifest("r")["attempts"][0]["error"]
    before = api.counts.kinds["statistics"]
    assert (await command.run(*run, "--rate", "10000", "--deadline", "1h")).exit_code == 0
    assert api.counts.kinds["statistics"] - before >= 400 - len(lines)


async def test_a_signal_before_the_first_token_leaves_nothing(
    start_api: StartApi, against: Against
) -> None:
    """Interrupted twice while the issuer of tokens is silent: an end at once, nothing is left."""
    connected = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/oauth/token/"
        command = against(await start_api()).with_environment(COLLECTOR_TOKEN_URL=url)
        command.write("companies.txt", "1\n")
        process = await command.start("run", "companies.txt", "--output", "a/b")
        async with asyncio.timeout(30):
            await connected.wait()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        done = await command.finish(process)
    # Of two signals at once either may come first.
    assert done.exit_code in {130, 143}, done.stderr
    assert time.monotonic() - began < 20
    assert command.files() == {"companies.txt"}


async def test_a_full_disk_ends_the_run(start_api: StartApi, against: Against) -> None:
    """No more room: exit 5 within moments, nothing torn; with room again the run is resumed."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(500))
    done = await command.run(
        *("run", "companies.txt", "--rate", "200", "--output", "r", "--log-level", "error"),
        limits={resource.RLIMIT_FSIZE: (20_000, 20_000)},
    )
    assert done.exit_code == 5, done.stderr
    assert "cannot be written: File too large" in done.stderr
    attempt = command.manifest("r")["attempts"][0]
    lines = command.lines("r/statistics.jsonl")
    assert len(lines) == attempt["cells"]["data"] + attempt["cells"]["empty"]
    assert attempt["exit_code"] == 5
    # 20,000 bytes hold about 80 lines; what was sent in a second at 200 per second comes on top.
    assert api.counts.total < len(lines) + 200
    sent = api.counts.kinds["statistics"]
    done = await command.run("run", "companies.txt", "--rate", "5000", "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert len({line["company_id"] for line in command.lines("r/statistics.jsonl")}) == 500
    assert len(command.lines("r/statistics.jsonl")) == 500
    # The last answers on connections that were in use at the end may be requested twice.
    asked = api.counts.kinds["statistics"] - sent
    assert 500 - len(lines) <= asked < 500 - len(lines) + 32


async def test_a_full_file_system_ends_the_run(start_api: StartApi, against: Against) -> None:
    """A whole file system without room, the manifest's included: exit 5, and it can be resumed."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(500))
    disk = command.directory / "disk"
    disk.mkdir()
    options = ("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk))
    if await _succeeds("mount", *options):
        try:
            run = ("run", "companies.txt", "--output", "disk/r", "--rate")
            done = await command.run(*run, "500")
            assert done.exit_code == 5, done.stderr
            lines = command.lines("disk/r/statistics.jsonl")
            assert 0 < len(lines) < 500
            again = await command.run(*run, "500")
            assert again.exit_code == 5
            assert await _succeeds("mount", "-o", "remount,size=8m", str(disk))
            done = await command.run(*run, "5000")
            assert done.exit_code == 0, done.stderr
            answered = [line["company_id"] for line in command.lines("disk/r/statistics.jsonl")]
            assert sorted(answered) == sorted(map(str, range(500)))
        finally:
            assert await _succeeds("umount", str(disk))
    else:
        pytest.skip("mounting a file system is not allowed here")


@pytest.mark.parametrize("output", ["taken", "taken/deeper", "/proc/nothing-can-be-made-here"])
async def test_an_output_that_cannot_be(start_api: StartApi, against: Against, output: str) -> None:
    """A file in the way, or a place where nothing can be made: said so, and nothing is asked."""
    api = await start_api()
    command = against(api)
    command.write("taken", "a file")
    done = await command.run("run", "-", "--output", output, stdin=b"1\n")
    assert done.exit_code == (5 if output.startswith("/proc") else 2)
    assert f"--output {output}" in done.stderr
    assert "Traceback" not in done.stderr
    assert api.counts.total == 0


_OPENS_NO_LINES = """
import errno
from collector.cli.main import main
from collector.store.append_file import AppendFile

def refuse(path):
    raise OSError(errno.EMFILE, "Too many open files", str(path))

AppendFile.open = refuse
main()
"""


async def test_an_attempt_that_cannot_open_its_files_has_an_end(
    start_api: StartApi, against: Against
) -> None:
    """The manifest speaks of the attempt already, so it says how that ended."""
    api = await start_api()
    command = against(api)
    done = await command.run("run", "-", "--output", "r", stdin=b"1\n", code=_OPENS_NO_LINES)
    assert done.exit_code == 5, done.stderr
    assert "Too many open files" in done.stderr
    assert command.manifest("r")["attempts"][0]["exit_code"] == 5
    assert api.counts.kinds["statistics"] == 0


async def test_a_run_directory_may_be_the_current_one(
    start_api: StartApi, against: Against
) -> None:
    """The user's own list of companies stays as it is, comments and all."""
    api = await start_api()
    command = against(api)
    text = "# all\n1   One   # the first\n\n2 Two\n1 twice\n"
    command.write("companies.txt", text)
    for _ in range(2):
        done = await command.run("run", "companies.txt", "--output", ".")
        assert done.exit_code == 0, done.stderr
    assert (command.directory / "companies.txt").read_text() == text
    _, *listed = (command.directory / "run-companies.txt").read_text().splitlines()
    assert listed == ["1 One", "2 Two"]
    assert api.counts.kinds["statistics"] == 2


async def test_secrets_show_up_nowhere(start_api: StartApi, against: Against) -> None:
    """Whatever fails and however much is logged: no file and no screen has a secret in it."""
    secret = "s3cr3t-of-the-client"  # noqa: S105 - fake
    api = await start_api(client_secret=secret, share_500=0.3, share_resets=0.2, token_life=2)
    command = against(api)
    command.write("companies.txt", company_lines(60))
    done = await command.run(
        *("run", "companies.txt", "--rate", "300", "--max-attempts", "2"),
        *("--log-level", "debug", "--output", "r"),
    )
    assert done.exit_code == 1, done.stderr
    tokens = {request.status for request in api.requests if request.kind == "token"}
    assert tokens == {200}
    everything = done.stdout + done.stderr
    for path in (command.directory / "r").iterdir():
        everything += path.read_text()
    assert secret not in everything
    assert "Bearer " not in everything


async def test_every_kind_of_failure_is_named(start_api: StartApi, against: Against) -> None:
    """Truncated bodies and pages of HTML end in `errors.jsonl`, with an excerpt, after retries."""
    api = await start_api(share_truncated=0.15, share_not_json=0.15)
    command = against(api)
    command.write("companies.txt", company_lines(150))
    done = await command.run(
        *("run", "companies.txt", "--rate", "400", "--max-attempts", "2", "--output", "r")
    )
    assert done.exit_code == 1
    errors = command.lines("r/errors.jsonl")
    assert 4 < len(errors) < 40
    # Two tries, and one request more where a connection was lost before it was confirmed.
    assert min(line["attempts"] for line in errors) == 2
    by_kind = {line["kind"]: line for line in errors}
    assert by_kind.keys() == {"connection", "not_json"}
    assert by_kind["not_json"]["status"] == 200
    assert "<html" in by_kind["not_json"]["body"].lower()
    assert by_kind["connection"]["status"] is None
    assert f"{len(errors)} failed" in done.stdout
    attempt = command.manifest("r")["attempts"][0]
    assert sum(attempt["failed_by_kind"].values()) == len(errors)


@pytest.mark.slow
async def test_a_low_rate_does_not_let_tokens_grow_stale(
    start_api: StartApi, against: Against
) -> None:
    """Requests wait at the gate for longer than a token lives, and leave with a good one."""
    api = await start_api(token_life=5)
    command = against(api)
    command.write("companies.txt", company_lines(27))
    done = await command.run("run", "companies.txt", "--rate", "3", "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert api.counts.statuses[401] == 0
    assert 2 <= api.counts.kinds["token"] <= 4


def _words(command: Any, end: str) -> str:  # noqa: ANN401 - see conftest
    """Return how a shell calls the collector: forked, unless it is to have no stream at all."""
    if ">&-" in end:
        return f"{sys.executable} -m collector"
    write_command(command.directory / "collector")
    return "./collector"


@pytest.mark.slow
@pytest.mark.parametrize(
    "end",
    [
        *(">&- 2>&-", "> /dev/full 2> /dev/full", "2>&1 | true"),
        *(pytest.param(end, marks=pytest.mark.torture) for end in (">&-", "2>&-")),
    ],
)
async def test_a_reader_who_has_gone_changes_no_exit_code(
    start_api: StartApi, against: Against, end: str
) -> None:
    """Summaries and messages may find no reader; the code still tells what came of the run."""
    api = await start_api(share_500=1.0)
    command = against(api)
    run = f"{_words(command, end)} run - --max-attempts 1 --output r {end}"
    shell = await command.spawn("bash", "-c", f"set -o pipefail; echo 1 | {run}")
    assert (await command.finish(shell)).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "end"),
    [
        ("run nothing.txt", 2, "2>&1 | true"),
        ("run nothing.txt", 2, "> /dev/full 2> /dev/full"),
        ("run nothing.txt", 2, ">&- 2>&-"),
        ("--help", 0, "2>&1 | true"),
    ],
)
async def test_nor_do_complaints_and_help(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    arguments: str,
    code: int,
    end: str,
) -> None:
    """Bad input is bad input, whether or not the message is read."""
    script = f"set -o pipefail; {_words(command, end)} {arguments} {end}"
    shell = await command.spawn("bash", "-c", script)
    assert (await command.finish(shell)).exit_code == code
