"""How a run can end other than well: credentials, outages, signals, full disks, odd servers."""

import asyncio
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


def _ids(count: int) -> str:
    return "".join(f"{number}\n" for number in range(count))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - polls files and counts, which have no events
            await asyncio.sleep(0.01)


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
    """Nobody answers at the token's address: exit 4 after the given tries."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/oauth/token/"
        command = against(await start_api()).with_environment(COLLECTOR_TOKEN_URL=url)
        done = await command.run("run", "-", "--max-attempts", "2", stdin=b"1\n")
    assert done.exit_code == 4
    assert "after 2 tries" in done.stderr
    assert command.files() == set()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_the_run_in_order(
    start_api: StartApi, against: Against, number: int, code: int
) -> None:
    """Interrupted in mid-run: the designed exit code, whole lines, a manifest that says so."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", _ids(5000))
    process = await command.start("run", "companies.txt", "--rate", "100", "--output", "r")
    statistics = command.directory / "r" / "statistics.jsonl"
    await _until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    process.send_signal(number)
    done = await command.finish(process)
    assert done.exit_code == code, done.stderr
    assert "Traceback" not in done.stderr
    attempt = command.manifest("r")["attempts"][0]
    lines = command.lines("r/statistics.jsonl")
    assert len(lines) == attempt["cells"]["data"] + attempt["cells"]["empty"] > 0
    assert attempt["cells"]["missing"] == 5000 - len(lines)
    assert attempt["exit_code"] == code
    assert f"{code}: interrupted" in done.stdout


async def test_a_second_signal_ends_the_process_at_once(
    start_api: StartApi, against: Against
) -> None:
    """The first signal gives the run time to end; the second does not wait."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", _ids(5000))
    process = await command.start("run", "companies.txt", "--rate", "100", "--output", "r")
    await _until(lambda: api.counts.total > 10)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code in {143, -signal.SIGTERM}


async def test_a_full_disk_ends_the_run(start_api: StartApi, against: Against) -> None:
    """No more room: exit 5 within moments, nothing torn, and the API is left alone."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", _ids(5000))

    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = await command.run(
        *("run", "companies.txt", "--rate", "200", "--output", "r", "--log-level", "error"),
        preexec_fn=limit_file_size,
    )
    assert done.exit_code == 5, done.stderr
    assert "cannot be written: File too large" in done.stderr
    attempt = command.manifest("r")["attempts"][0]
    lines = command.lines("r/statistics.jsonl")
    assert len(lines) == attempt["cells"]["data"] + attempt["cells"]["empty"]
    assert attempt["exit_code"] == 5
    # 20,000 bytes hold about 80 lines; half a second at 200 a second may be under way beyond.
    assert api.counts.total < len(lines) + 200


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
    # What is wrong with the path itself is found before anything is sent.
    assert api.counts.total == (1 if output.startswith("/proc") else 0)


async def test_a_directory_that_holds_a_run_is_not_touched(
    start_api: StartApi, against: Against
) -> None:
    """A second run into the same directory is refused, and the first one's files stay."""
    api = await start_api()
    command = against(api)
    assert (await command.run("run", "-", "--output", "r", stdin=b"1\n")).exit_code == 0
    before = (command.directory / "r" / "statistics.jsonl").read_bytes()
    done = await command.run("run", "-", "--output", "r", stdin=b"1\n")
    assert done.exit_code == 2
    assert "holds a run already" in done.stderr
    assert api.counts.total == 2
    assert (command.directory / "r" / "statistics.jsonl").read_bytes() == before


async def test_secrets_show_up_nowhere(start_api: StartApi, against: Against) -> None:
    """Whatever fails and however much is logged: no file and no screen has a secret in it."""
    secret = "s3cr3t-of-the-client"  # noqa: S105 - fake
    api = await start_api(client_secret=secret, share_500=0.3, share_resets=0.2, token_life=2)
    command = against(api)
    command.write("companies.txt", _ids(60))
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
    api = await start_api(share_truncated=0.5, share_not_json=0.5)
    command = against(api)
    command.write("companies.txt", _ids(40))
    done = await command.run(
        *("run", "companies.txt", "--rate", "400", "--max-attempts", "2", "--output", "r")
    )
    assert done.exit_code == 1
    errors = command.lines("r/errors.jsonl")
    assert len(errors) == 40
    assert {line["attempts"] for line in errors} == {2}
    by_kind = {line["kind"]: line for line in errors}
    assert by_kind.keys() == {"connection", "not_json"}
    assert by_kind["not_json"]["status"] == 200
    assert "<html" in by_kind["not_json"]["body"].lower()
    assert by_kind["connection"]["status"] is None
    assert "40 failed" in done.stdout
    attempt = command.manifest("r")["attempts"][0]
    assert sum(attempt["failed_by_kind"].values()) == 40


async def test_a_low_rate_does_not_let_tokens_grow_stale(
    start_api: StartApi, against: Against
) -> None:
    """Requests wait at the gate for longer than a token lives, and leave with a good one."""
    api = await start_api(token_life=5)
    command = against(api)
    command.write("companies.txt", _ids(27))
    done = await command.run("run", "companies.txt", "--rate", "3", "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert api.counts.statuses[401] == 0
    assert 2 <= api.counts.kinds["token"] <= 4


@pytest.mark.parametrize("closed", ["stdout", "stderr", "both"])
async def test_a_reader_who_has_gone_changes_no_exit_code(
    start_api: StartApi, against: Against, closed: str
) -> None:
    """Summaries and messages may find nobody; the code still tells what came of the run."""
    api = await start_api(share_500=1.0)
    command = against(api)
    redirections = {"stdout": ">&-", "stderr": "2>&-", "both": ">&- 2>&-"}
    for end in (redirections[closed], "> /dev/full 2> /dev/full", "2>&1 | true"):
        run = f"{sys.executable} -m collector run - --max-attempts 1 --output {{}} {end}"
        script = f"set -o pipefail; echo 1 | {run.format(f'r{len(command.files())}')}"
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", script),
            cwd=command.directory,
            env=dict(command.environment),
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await shell.wait() == 1, end


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
    """Bad input is bad input, whether or not anybody reads so."""
    script = f"set -o pipefail; {sys.executable} -m collector {arguments} {end}"
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        cwd=command.directory,
        env=dict(command.environment),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await shell.wait() == code
