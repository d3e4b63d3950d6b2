"""Shards on a real Dask cluster of this machine: child processes against a local server."""

import asyncio
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.cluster.clusters import (
    Cluster,
    answers_of,
    attempts_of,
    cells_of,
    children,
    cluster,
    codes_of,
    is_alive,
    lines_of,
    workers_of,
)
from tests.conftest import company_lines
from tests.end_to_end.steps import until

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
LargestFile = Callable[[int], AbstractContextManager[None]]

LOCAL = ("--engine", "dask", "--workers", "2")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster of two workers that several tests use one after the other."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def _companies(count: int) -> Counter[tuple[str, str | None, str | None]]:
    return Counter((str(number), None, None) for number in range(count))


async def _until(api: Simulator, statistics: int) -> None:
    await until(lambda: api.counts.kinds["statistics"] >= statistics)


async def _until_gone(pids: list[int], seconds: float = 30) -> None:
    """Wait until none of the processes is there any more."""
    async with asyncio.timeout(seconds):
        while any(map(is_alive, pids)):  # noqa: ASYNC110 - they are no children of this one
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _running(command: Any, *arguments: str) -> AsyncIterator[Any]:  # noqa: ANN401
    """Start a run in a group of its own, as terminals do; it is gone with its workers after."""
    process = await command.start(*arguments, is_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await command.finish(process)


async def _into_shards(command: Any, total: int, *options: str) -> None:  # noqa: ANN401
    """Collect the first of so many shards with a process of its own: then there are so many."""
    done = await command.run("run", "companies.txt", *options, "--shard", f"0/{total}")
    assert done.exit_code == 0, done.stderr


async def test_it_is_the_same_as_a_single_run(start_api: StartApi, against: Against) -> None:
    """Three shards on two workers: the same figures, one token, whole counts, no warning."""
    api = await start_api(empty_share=0.2)
    # Not in asyncio's debug mode, which tells of each step that takes long on a busy machine.
    command = replace(against(api), flags=("-W", "error")).from_the_start()
    command.write("companies.txt", company_lines(420))
    plan = ("companies.txt", "--from", "2026-01-01", "--until", "2026-01-05", "--window", "1d")
    rate = ("--rate", "1000000", "--output")
    single = await command.without_debugging().run("run", *plan, *rate, "single")
    assert single.exit_code == 0, single.stderr
    asked = api.counts.total
    metrics = ("--metrics-file", "m.prom")
    done = await command.run("run", *plan, *rate, "joint", *LOCAL, *metrics)
    assert (done.exit_code, done.stderr) == (0, "")
    joint, alone = command.directory / "joint", command.directory / "single"
    assert len(list(joint.glob("statistics-*-of-00003.jsonl"))) == 3
    assert answers_of(joint) == answers_of(alone)
    assert codes_of(joint) == [[0], [0], [0]]
    sent = api.counts.total - asked
    assert api.counts.kinds["token"] == 2
    assert "cells     2,100 of 2,100 answered" in done.stdout
    assert (
        f"requests  {sent:,} sent: {sent:,} answered, 0 rate-limited, 0 failed; 0 retried"
        in done.stdout
    )
    assert f"{joint}/statistics-*.jsonl" in done.stdout
    status = await command.run("status", "joint", "--fail-on", "missing,failed")
    assert (status.exit_code, status.stderr) == (0, "")
    assert "0 failed, 0 missing" in status.stdout
    # Nothing but what is said of the figures themselves.
    assert "companies are empty in every window" in status.stdout
    assert status.stdout.count("remark") == 1
    page = (command.directory / "m.prom").read_text(encoding="utf-8")
    counts = re.findall(
        r'^collector_requests_total\{[^}]*outcome="(\w+)"[^}]*\} (\S+)$', page, re.MULTILINE
    )
    assert {outcome: float(count) for outcome, count in counts if float(count)} == {"200": sent}
    assert re.search(r"^collector_cells_planned\S* 2100(\.0)?$", page, re.MULTILINE)
    # What the whole run may send, and not a part of it.
    allowed = re.search(r"^collector_allowed_requests_per_second\S* (\S+)$", page, re.MULTILINE)
    assert allowed is not None
    # A busy machine looks like a server that queues requests; then it is far less.
    assert float(allowed[1]) == 1_000_000 or float(allowed[1]) < 10_000
    events = [event["event"] for event in command.lines("joint/log.jsonl")]
    assert Counter(events) >= Counter(token_issued=1, cluster_started=1, shard_ended=3)
    _assert_is_nowhere(api.settings.client_secret, command, done)


@pytest.mark.torture
async def test_workers_need_no_credentials(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Theirs have none, and get the token alone: it is in no file, and not on the screen.

    A ready-made one, so that it is known here; no other one is requested.
    """
    api = await start_api()
    token = api.issue_token()
    command = (
        against(api)
        .without_debugging()
        .with_environment(TRUST_CLIENT_ID="", TRUST_CLIENT_SECRET="", TRUST_ACCESS_TOKEN=token)
    )
    command.write("companies.txt", company_lines(60))
    run = ("run", "companies.txt", *two_workers.options, "--rate", "500", "--log-level", "debug")
    done = await command.run(*run, "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(60)
    # And the first try, which the process that the user started makes.
    assert api.counts.kinds == {"statistics": 60 + 1}
    _assert_is_nowhere(token, command, done)
    assert token not in (two_workers.directory / "dask.log").read_text(encoding="utf-8")
    # One that is refused, and cannot be renewed, ends them all.
    api.revoke_all()
    refused = await command.run(*run, "--output", "q")
    assert refused.exit_code == 3, refused.stderr
    assert "the API rejects TRUST_ACCESS_TOKEN" in refused.stderr
    _assert_is_nowhere(token, command, refused)


def _assert_is_nowhere(secret: str, command: Any, done: Any) -> None:  # noqa: ANN401 - see conftest
    assert secret not in done.stdout + done.stderr
    files = [path for path in command.directory.rglob("*") if path.is_file()]
    assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("workers", [2, pytest.param(1, marks=pytest.mark.torture)])
async def test_a_worker_is_killed(start_api: StartApi, against: Against, workers: int) -> None:
    """Its shard is resumed at once, from what is on the disk; the counts are the server's.

    Not behind the other one, which has a minute of work left: the worker is replaced, and takes it
    over. Then a signal ends the run, because a replacement may take long on a busy machine.
    """
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(6000))
    run = ("run", "companies.txt", "--output", "r", "--rate")
    directory = command.directory / "r"
    async with _running(command, *run, "60", *LOCAL[:-1], str(workers)) as process:
        await until(lambda: [n >= 100 for n in _answered(directory)] == [True] * workers)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        await until(lambda: any(len(shard) > 1 for shard in attempts_of(directory)))
        process.send_signal(signal.SIGTERM)
        done = await command.finish(process)
    assert done.exit_code == 143, done.stderr
    assert sorted(codes_of(directory), key=len) == [[143], [None, 143]][-workers:]
    assert api.counts.kinds["token"] == 1
    told = re.search(r"requests  ([\d,]+) sent: ([\d,]+) answered", done.stdout)
    assert told is not None
    # It has sent a hundred at least. Those since its last report are unknown: half a second at 30
    # per second, and longer on a busy machine.
    sent, good = (int(count.replace(",", "")) for count in told.groups())
    assert api.counts.total - 75 <= good <= sent <= api.counts.total
    assert f"{len(cells_of(directory))} of 6,000 answered" in done.stdout
    assert "in earlier attempts" not in done.stdout
    # What is on the disk is not requested again: no cell has two lines.
    again = await command.run(*run, "1000000")
    assert again.exit_code == 0, again.stderr
    assert cells_of(directory) == _companies(6000)


async def test_a_worker_is_killed_as_the_run_is_stopped(
    start_api: StartApi, against: Against
) -> None:
    """Another worker gets its shard, and begins no more; what is on the disk counts."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(6000))
    run = ("run", "companies.txt", "--output", "r", "--rate", "60", *LOCAL)
    directory = command.directory / "r"
    async with _running(command, *run) as process:
        await until(lambda: [n >= 100 for n in _answered(directory)] == [True] * 2)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        process.send_signal(signal.SIGTERM)
        done = await command.finish(process)
    assert done.exit_code == 143, done.stderr
    assert f"{len(cells_of(directory))} of 6,000 answered" in done.stdout


def _answered(directory: Path) -> list[int]:
    """Return how many lines the answers of each shard have."""
    return [path.read_bytes().count(b"\n") for path in directory.glob("statistics-*.jsonl")]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _most_within(moments: list[float], seconds: float) -> int:
    """Return how many fall into the fullest stretch of so many seconds."""
    most = first = 0
    for last, at in enumerate(moments):
        while moments[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.torture
async def test_the_sum_of_the_rates_as_the_server_sees_it(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """`--rate 40`: never more, neither while two shards run nor at the end with one.

    One of the two is done beforehand, so that most of the time the other one is alone: it has the
    whole rate then, and the run takes as long as a single one.
    """
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(700))
    await _into_shards(command, 2, "--rate", "1000000", "--output", "r")
    before, already = len(api.requests), len(cells_of(command.directory / "r"))
    done = await command.run(
        *("run", "companies.txt", "--rate", "40", "--output", "r"), *two_workers.options
    )
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(700)
    moments = [r.at for r in api.requests[before:] if r.kind == "statistics"]
    assert len(moments) == 700 - already
    # One more than the rate says fits into any stretch, for each of the two, and some are late.
    for seconds in (0.5, 1, 2, 5):
        assert _most_within(moments, seconds) <= 40 * seconds + 4, seconds
    assert (len(moments) - 1) / (moments[-1] - moments[0]) > 0.85 * 40


async def test_more_shards_than_workers_keep_the_rate(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Eight shards, two at a time: each has half of the rate, and the next one begins at once."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(640))
    await _into_shards(command, 8, "--rate", "1000000", "--output", "r")
    before = len(api.requests)
    done = await command.run(
        *("run", "companies.txt", "--rate", "100", "--output", "r"), *two_workers.options
    )
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(640)
    moments = [r.at for r in api.requests[before:] if r.kind == "statistics"]
    for seconds in (1, 2):
        # A machine that stands still for a moment sees together what came one by one.
        assert _most_within(moments, seconds) <= 100 * seconds + 15, seconds
    spans = [
        (_moment(shard[-1]["started_at"]), _moment(shard[-1]["ended_at"]))
        for shard in attempts_of(command.directory / "r")
    ]
    at_once = [sum(a <= start < b for a, b in spans) for start, _ in spans]
    assert max(at_once) == 2


@pytest.mark.torture
async def test_the_limit_that_is_found_is_shared(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """`--rate auto`: the limit is that of all together, and later shards begin with it."""
    api = await start_api(rate_limit=80, burst=10)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(1200))
    # Before the limit is there, or its shard would know of it.
    api.reconfigure(replace(api.settings, rate_limit=None))
    await _into_shards(command, 6, "--rate", "1000000", "--output", "r")
    api.reconfigure(replace(api.settings, rate_limit=80))
    before = api.counts.total
    done = await command.run(
        *("run", "companies.txt", "--rate", "auto", "--output", "r"), *two_workers.options
    )
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(1200)
    refused, sent = api.counts.statuses[429], api.counts.total - before
    assert 0 < refused < 0.08 * sent
    told = re.search(r"limit of the API found at (\d+\.\d)\)", done.stdout)
    assert told is not None, done.stdout
    assert 0.6 * 80 < float(told[1]) < 1.3 * 80
    attempts = sorted(
        (shard[-1] for shard in attempts_of(command.directory / "r")),
        key=lambda attempt: _moment(attempt["started_at"]),
    )
    # The first two search, the others need not: not one of these goes through slow start.
    later = [attempt for attempt in attempts[3:] if attempt["cells"]["data"]]
    assert len(later) == 3
    # The last one may have had all of it in the end.
    assert all(0.3 * 80 < attempt["limit_found"] < 1.3 * 80 for attempt in later)
    assert later[0]["limit_found"] < 0.75 * 80
    assert all(attempt["requests"]["refused"] <= 12 for attempt in later)
    for attempt in later:
        seconds = _moment(attempt["ended_at"]) - _moment(attempt["started_at"])
        assert attempt["requests"]["sent"] / seconds.total_seconds() > 0.6 * 40


@pytest.mark.torture
async def test_a_token_that_ends_is_renewed_once_for_all(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """As often as a single run renews it, however many shards there are; no request meets a 401."""
    api = await start_api(token_life=5)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(700))
    await _into_shards(command, 8, "--rate", "1000000", "--output", "r")
    tokens = api.counts.kinds["token"]
    done = await command.run(
        *("run", "companies.txt", "--rate", "80", "--output", "r"), *two_workers.options
    )
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(700)
    asked = [r.at for r in api.requests if r.kind == "token"][tokens:]
    seconds = api.requests[-1].at - asked[0]
    # It lives 5 s, less the part of a second that the server leaves out, and is renewed after 4.
    assert 2 <= len(asked) <= 1 + ceil(seconds / 3.5)
    assert api.counts.statuses[401] == 0


@pytest.mark.torture
async def test_a_revoked_token_is_renewed_once(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """All tokens revoked in mid-run: one new one for all shards, no cell lost."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(400))
    process = await command.start(
        *("run", "companies.txt", "--rate", "120", "--output", "r"), *two_workers.options
    )
    await _until(api, 100)
    api.revoke_all()
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(400)
    assert api.counts.kinds["token"] == 2
    assert api.counts.statuses[401] > 0


@pytest.mark.torture
async def test_it_is_resumed_in_as_many_shards(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """After its deadline (4), by more workers or a run without shards: what is missing is asked."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(400))
    run = ("run", "companies.txt", "--output", "r", "--rate")
    first = await command.run(*run, "30", "--deadline", "8s", *two_workers.options)
    assert first.exit_code == 4, first.stderr
    assert "the deadline of 8s has passed" in first.stderr
    directory = command.directory / "r"
    done = len(cells_of(directory))
    assert 0 < done < 400
    assert f"cells     {done} of 400 answered" in first.stdout
    assert codes_of(directory) == [[4], [4]]
    shutil.copytree(directory, command.directory / "copy")
    second = await command.run(*run, "1000000", *LOCAL[:-1], "3")
    assert (second.exit_code, second.stderr) == (0, "")
    assert len(list(directory.glob("run-*-of-00002.json"))) == 2
    assert not list(directory.glob("run-*-of-00003.json"))
    assert f"{done} of them in earlier attempts" in second.stdout
    assert cells_of(directory) == _companies(400)
    single = await command.run("run", "companies.txt", "--rate", "1000000", "--output", "copy")
    assert (single.exit_code, single.stderr) == (0, "")
    assert cells_of(command.directory / "copy") == _companies(400)
    # One more: the process that the user started makes the first try. What was in flight had time
    # to come back; the last answer of a connection may count twice.
    assert 1 <= api.counts.kinds["statistics"] - (400 + (400 - done)) <= 33


@pytest.mark.parametrize(
    ("moment", "whom", "number", "code"),
    [
        ("work", "group", signal.SIGINT, 130),
        pytest.param("work", "client", signal.SIGINT, 130, marks=pytest.mark.torture),
        pytest.param("work", "group", signal.SIGTERM, 143, marks=pytest.mark.torture),
        pytest.param("work", "group", signal.SIGHUP, 129, marks=pytest.mark.torture),
        pytest.param("start", "group", signal.SIGINT, 130, marks=pytest.mark.torture),
        pytest.param("start", "client", signal.SIGTERM, 143, marks=pytest.mark.torture),
    ],
)
async def test_a_signal_ends_all_in_order(  # noqa: PLR0913, PLR0917 - a table
    start_api: StartApi,
    against: Against,
    two_workers: Cluster,
    moment: str,
    whom: str,
    number: int,
    code: int,
) -> None:
    """Soon, with nothing torn or left behind; and the same command again completes it."""
    api = await start_api(latency=0.02)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(600))
    run = ("run", "companies.txt", *LOCAL, "--output", "r", "--rate")
    async with _running(command, *run, "50") as process:
        if moment == "work":
            await _until(api, 40)
        else:
            async with asyncio.timeout(20):
                while not workers_of(process.pid):  # noqa: ASYNC110 - a process sends no event
                    await asyncio.sleep(0.005)
        began = asyncio.get_running_loop().time()
        started = children(process.pid)
        (os.killpg if whom == "group" else os.kill)(process.pid, number)
        done = await command.finish(process)
        assert asyncio.get_running_loop().time() - began < 40
        await _until_gone(started)
    assert done.exit_code == code, done.stderr
    # Without a directory there is no log for the event.
    assert done.stderr == "" or (moment == "start" and "event=stopping" in done.stderr)
    directory = command.directory / "r"
    answered = cells_of(directory)
    assert set(answered.values()) <= {1}
    assert {c for shard in codes_of(directory) for c in shard} == ({code} if answered else set())
    assert f"{len(answered)} of 600 answered" in done.stdout
    # A run without shards takes what is there as well as the same command.
    same = ("run", "companies.txt", "--output", "r", "--rate", "1000000")
    again = await command.run(*same, *(two_workers.options if moment == "work" else ()))
    assert (again.exit_code, again.stderr) == (0, "")
    assert cells_of(directory) == _companies(600)
    # What was in flight had time to come back; the last answer of a connection may count twice.
    assert api.counts.kinds["statistics"] <= 600 + 32


@pytest.mark.torture
async def test_the_second_signal_does_not_wait(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Answers that never come are waited for five seconds, and no more after a second SIGINT."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(6000))
    process = await command.start(
        *("run", "companies.txt", "--rate", "50", "--output", "r"), *two_workers.options
    )
    await until(lambda: len(attempts_of(command.directory / "r")) == 2)
    # Only now: before the first answer no shard begins.
    api.reconfigure(replace(api.settings, share_hangs=1.0))
    await _until(api, api.counts.kinds["statistics"] + 30)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.5)
    began = asyncio.get_running_loop().time()
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    assert done.exit_code == 130, done.stderr
    assert asyncio.get_running_loop().time() - began < 4
    assert codes_of(command.directory / "r") == [[130], [130]]


@pytest.mark.torture
async def test_the_client_is_killed(start_api: StartApi, against: Against) -> None:
    """Its workers go away by themselves, and nothing keeps the next run from resuming."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(300))
    run = ("run", "companies.txt", *LOCAL, "--output", "r", "--rate")
    async with _running(command, *run, "60") as process:
        await _until(api, 60)
        started = children(process.pid)
        assert len(workers_of(process.pid)) == 2
        process.kill()
        await command.finish(process)
        await _until_gone(started, 60)
    done = await command.run(*run[:2], *run[-3:], "1000000")
    assert done.exit_code == 0, done.stderr
    assert cells_of(command.directory / "r") == _companies(300)
    assert codes_of(command.directory / "r") == [[None], [None]]


async def test_workers_of_others_stop_when_the_client_is_killed(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Within seconds; until then another run is refused, and nothing is doubled."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(1200))
    run = ("run", "companies.txt", *two_workers.options, "--output", "r", "--rate")
    process = await command.start(*run, "30")
    await _until(api, 40)
    process.kill()
    await command.finish(process)
    # On a busy machine the workers may have stopped before it looks.
    done = await command.run(*run, "1000000")
    async with asyncio.timeout(100):
        while done.exit_code == 6:
            assert done.stdout == ""
            await asyncio.sleep(0.2)
            done = await command.run(*run, "1000000")
    assert done.exit_code == 0, done.stderr
    directory = command.directory / "r"
    assert cells_of(directory) == _companies(1200)
    assert codes_of(directory) == [[4, 0], [4, 0]]
    # At this rate it would have taken 40 s.
    assert all(shard[0]["cells"]["missing"] > 200 for shard in attempts_of(directory))


@pytest.mark.torture
async def test_it_begins_with_nothing_that_is_refused(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Wrong credentials (3) and ignored dates (7) leave nothing behind."""
    api = await start_api(ignore_dates=True)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(20))
    run = ("run", "companies.txt", *two_workers.options, "--output", "r", "--last", "9d")
    wrong = command.with_environment(TRUST_CLIENT_SECRET="wrong")  # noqa: S106 - fake
    refused = await wrong.run(*run)
    assert refused.exit_code == 3, refused.stderr
    ignored = await command.run(*run, "--window", "3d")
    assert ignored.exit_code == 7, ignored.stderr
    assert command.files() == {"companies.txt"}


@pytest.mark.torture
async def test_companies_that_fail(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Exit code 1, each with its line among the errors, and counted in the summary."""
    api = await start_api(share_500=0.2)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(100))
    done = await command.run(
        *("run", "companies.txt", "--rate", "500", "--max-attempts", "1", "--output", "r"),
        *two_workers.options,
    )
    assert done.exit_code == 1, done.stderr
    directory = command.directory / "r"
    failed = Counter(line["company_id"] for line in lines_of(directory, "errors"))
    assert 5 < len(failed) < 40
    assert set(failed.values()) == {1}
    assert len(cells_of(directory)) == 100 - len(failed)
    assert f"{100 - len(failed)} of 100 answered" in done.stdout
    assert f"{len(failed)} failed" in done.stdout
    assert str(directory / "errors-*.jsonl") in done.stdout


@pytest.mark.torture
async def test_a_full_disk(
    start_api: StartApi, against: Against, largest_file: LargestFile
) -> None:
    """Exit code 5 as soon as one shard cannot write; the others stop cleanly."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(600))
    run = ("run", "companies.txt", *LOCAL, "--output", "r", "--rate", "400")
    with largest_file(30_000):
        done = await command.run(*run)
    assert done.exit_code == 5, done.stderr
    assert "File too large" in done.stderr
    directory = command.directory / "r"
    assert f"{len(cells_of(directory))} of 600 answered" in done.stdout
    again = await command.run("run", "companies.txt", "--output", "r", "--rate", "1000000")
    assert again.exit_code == 0, again.stderr
    assert cells_of(directory) == _companies(600)


@pytest.mark.torture
async def test_a_directory_that_cannot_be_made(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Exit code 5 as well, and no traceback."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(3))
    command.write("file", "")
    done = await command.run(*("run", "companies.txt", "--output", "file/r"), *two_workers.options)
    assert done.exit_code == 5, done.stderr
    assert "cannot be" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.torture
async def test_a_directory_that_another_run_holds(
    start_api: StartApi, against: Against, two_workers: Cluster
) -> None:
    """Exit code 6, naming the process that works there; that one is not disturbed."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(120))
    run = ("run", "companies.txt", "--output", "r", "--rate", "20")
    first = await command.start(*run)
    await _until(api, 5)
    second = await command.run(*run, *two_workers.options)
    assert second.exit_code == 6, second.stderr
    assert f"process {first.pid} on " in second.stderr
    done = await command.finish(first)
    assert done.exit_code == 0, done.stderr
    assert json.loads((command.directory / "r" / "run.json").read_bytes())["attempts"]
