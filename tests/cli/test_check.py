"""`collector check`: few requests, a table, and what is written into `collector.toml`."""

import asyncio
import signal
import sys
import tomllib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.http.raw_server import RawServer, always, ok

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
Serve = Callable[..., Awaitable[Any]]

_CHECK = ("check", "companies.txt", "--rate", "1000")
_IDS = "".join(f"{number} Company {number}\n" for number in range(50))


def _rows(stdout: str) -> dict[str, str]:
    """Read the table: the first line of each row, by its question."""
    rows = (line.split(maxsplit=1) for line in stdout.splitlines() if line.startswith(" "))
    return {row[0]: row[1] for row in rows if len(row) == 2}


async def test_all_is_well(start_api: StartApi, against: Against) -> None:
    """Credentials, companies, dates, until and the number of requests, each with its verdict."""
    api = await start_api(empty_share=0)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    done = await command.run(*_CHECK)
    assert done.exit_code == 0, done.stderr
    rows = _rows(done.stdout)
    assert rows["credentials"].startswith("good")
    assert rows["companies"].startswith("8 of 8 answer")
    assert "8 of 50 companies were asked" in done.stdout
    assert rows["dates"].startswith("honoured")
    assert rows["until"].startswith("included")
    assert rows["requests"].split() == [str(api.counts.total), "40", "at", "most"]
    assert done.stdout.startswith(f"proxy for {api.base_url.removeprefix('http://')}: none\n")
    assert "collector run can send dates as they are set." in done.stdout
    assert command.files() == {"companies.txt"}


async def test_refused_credentials_end_it_with_3(start_api: StartApi, against: Against) -> None:
    """After the one request for a token."""
    api = await start_api()
    command = against(api).with_environment(TRUST_CLIENT_SECRET="wrong")  # noqa: S106 - fake
    command.write("companies.txt", _IDS)
    done = await command.run(*_CHECK)
    assert done.exit_code == 3
    assert _rows(done.stdout) == {}
    assert api.counts.total == 1
    assert "wrong" not in done.stderr


async def test_it_says_which_proxy_each_host_has(command: Any, serve: Serve) -> None:  # noqa: ANN401 - see conftest
    """Without the password; and it is the one that is used."""
    api = await serve(lambda *_: 200)
    token = always(ok(b'{"access_token": "fake", "expires_in": 7200}'))
    async with RawServer(token) as proxy:
        through = api.point(command).with_environment(
            COLLECTOR_TOKEN_URL="http://localhost:9/oauth/token/",  # noqa: S106 - an address
            http_proxy=f"http://night:hunter22@{proxy.url.authority}",
            no_proxy="127.0.0.1",
        )
        command.write("companies.txt", _IDS)
        done = await through.run(*_CHECK)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        f"proxy for {api.base_url.removeprefix('http://')}: none",
        f"proxy for localhost:9: {proxy.url.origin()}",
    ]
    assert "hunter22" not in done.stdout + done.stderr
    assert [head.split()[1] for head in proxy.heads] == [b"http://localhost:9/oauth/token/"]


async def test_no_credentials_send_nothing(start_api: StartApi, against: Against) -> None:
    """Exit code 3 before any request."""
    api = await start_api()
    command = against(api).with_environment(TRUST_CLIENT_SECRET="")
    command.write("companies.txt", _IDS)
    assert (await command.run(*_CHECK)).exit_code == 3
    assert api.counts.total == 0


async def test_a_bad_companies_file_sends_nothing(start_api: StartApi, against: Against) -> None:
    """Exit code 2, with the line."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", "1\n..\n")
    done = await command.run(*_CHECK)
    assert done.exit_code == 2
    assert "companies.txt:2" in done.stderr
    assert api.counts.total == 0


async def test_companies_that_fail_are_named(serve: Serve, command: Any) -> None:  # noqa: ANN401 - see conftest
    """Exit code 1; the others are asked all the same."""
    api = await serve(lambda company, _: 404 if company == "2" else 200)
    command = api.point(command)
    command.write("companies.txt", "1\n2 Gone [red]\n3\n")
    done = await command.run(*_CHECK)
    assert done.exit_code == 1, done.stderr
    assert "2 of 3 answer" in done.stdout
    assert "2 (Gone [red]): HTTP 404" in done.stdout
    assert "inconclusive" in done.stdout


@pytest.mark.slow
async def test_the_stated_maximum_holds_in_an_outage(
    serve: Serve,
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """However many failures are transient: 40 requests, and a quarter of a minute."""
    api = await serve(lambda _company, _: 500)
    command = api.point(command)
    command.write("companies.txt", _IDS)
    done = await command.run(*_CHECK)
    assert done.exit_code == 4, done.stdout
    assert "the check ends here" in done.stderr
    assert api.asked.total() + 1 <= 40


async def test_flaky_answers_do_not_spoil_it(start_api: StartApi, against: Against) -> None:
    """Each question gets a second try, and there are other companies."""
    api = await start_api(share_500=0.1, until_exclusive=True)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    done = await command.run(*_CHECK)
    assert _rows(done.stdout)["until"].startswith("excluded"), done.stdout
    assert api.counts.total <= 40


async def test_a_signal_ends_it(start_api: StartApi, against: Against) -> None:
    """Exit code 130, without a verdict."""
    api = await start_api(share_hangs=1)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    process = await command.start(*_CHECK)
    async with asyncio.timeout(30):
        while not api.counts.kinds["statistics"]:  # noqa: ASYNC110 - the API has no event for a count
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    assert done.exit_code == 130
    assert _rows(done.stdout) == {}


async def test_what_is_honoured_is_written_beside_what_was_there(
    start_api: StartApi, against: Against
) -> None:
    """Comments, order and other options stay; a key keeps its spelling; nothing is doubled."""
    api = await start_api(from_param="desde", until_param="hasta", until_exclusive=True)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    command.write("collector.toml", '# ours\nrate = 1000 # fast\nfrom_param = "wrong"\n')
    done = await command.run("check", "companies.txt", "--write")
    assert done.exit_code == 0, done.stderr
    text = (command.directory / "collector.toml").read_text()
    assert text.startswith('# ours\nrate = 1000 # fast\nfrom_param = "desde"\n')
    assert tomllib.loads(text) == {
        "rate": 1000,
        "from_param": "desde",
        "until-param": "hasta",
        "date-format": "YYYY-MM-DD",
        "until-exclusive": True,
    }
    again = await command.run("check", "companies.txt", "--write")
    assert again.exit_code == 0, again.stderr
    assert (command.directory / "collector.toml").read_text() == text


async def test_without_a_verdict_nothing_is_written(start_api: StartApi, against: Against) -> None:
    """A script that waits for the options must not continue without them: 1, which else is 0."""
    api = await start_api(empty_share=1)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    assert (await command.run(*_CHECK)).exit_code == 0
    done = await command.run(*_CHECK, "--write")
    assert done.exit_code == 1, done
    assert _rows(done.stdout)["other"].removeprefix("dates").lstrip().startswith("not tried")
    assert "collector.toml: nothing is written, for nothing was found to be honoured" in done.stderr
    assert command.files() == {"companies.txt"}


async def test_a_variable_that_goes_before_the_file_is_named(
    start_api: StartApi, against: Against
) -> None:
    """Or else the run would not use what was written; here into the file of --config."""
    api = await start_api(from_param="desde")
    command = against(api).with_environment(COLLECTOR_FROM_PARAM="since")
    command.write("companies.txt", _IDS)
    command.write("night.toml", "timeout = 20\n")
    done = await command.run(*_CHECK, "--write", "--config", "night.toml")
    assert done.exit_code == 0
    assert "which puts them into night.toml" in done.stdout
    assert "COLLECTOR_FROM_PARAM is set, and goes before night.toml" in done.stderr
    assert 'timeout = 20\nfrom-param = "desde"' in (command.directory / "night.toml").read_text()
    assert not (command.directory / "collector.toml").exists()


_IMPATIENT = """
import collector.run.check
from collector.cli.main import main

collector.run.check._PATIENCE_SECONDS = 1.0
main()
"""
"""The command, but for how long it waits: `test_the_stated_maximum_holds_in_an_outage` does."""


async def test_what_was_found_before_an_outage_is_shown(serve: Serve, command: Any) -> None:  # noqa: ANN401 - see conftest
    """The companies that had answered; and no advice that it could not give."""
    api = await serve(lambda _company, number: 200 if number < 2 else 500)
    command = api.point(command)
    command.write("companies.txt", _IDS)
    process = await command.start(*_CHECK, code=_IMPATIENT)
    done = await command.finish(process)
    assert done.exit_code == 4, done.stdout
    rows = _rows(done.stdout)
    assert rows["credentials"].startswith("good")
    assert "2 empty in the last days" in done.stdout
    assert "the check ended before" in done.stdout
    assert "collector run" not in done.stdout


async def test_a_table_that_cannot_be_written_is_an_error(
    start_api: StartApi, against: Against
) -> None:
    """On a full disk; the answer to what was asked is lost."""
    command = against(await start_api(empty_share=0)).without_debugging()
    command.write("companies.txt", _IDS)
    process = await command.spawn(
        *("bash", "-c", 'exec "$0" -m collector "$@" > /dev/full', sys.executable, *_CHECK)
    )
    done = await command.finish(process)
    assert done.exit_code == 5
    assert done.stderr == (
        "collector: warning: standard output cannot be written: No space left on device; the rest "
        "of it is lost\n"
    )
