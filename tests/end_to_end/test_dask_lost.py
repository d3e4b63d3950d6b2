"""What a run on a cluster loses on its way: workers, scheduler, directory; real processes."""

import asyncio
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.cluster.clusters import Cluster, attempts_of, cells_of, cluster, codes_of
from tests.conftest import company_lines
from tests.end_to_end.steps import until

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN = ("run", "companies.txt", "--output", "r", "--rate")


def _command(against: Against, api: Simulator, companies: int) -> Any:  # noqa: ANN401 - see conftest
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(companies))
    return command


async def _until(api: Simulator, statistics: int) -> None:
    await until(lambda: api.counts.kinds["statistics"] >= statistics)


def _events(command: Any) -> list[str]:  # noqa: ANN401 - see conftest
    return [event["event"] for event in command.lines("r/log.jsonl")]


async def _until_event(command: Any, event: str) -> None:  # noqa: ANN401 - see conftest
    await until(lambda: event in _events(command))


async def _lose_the_worker(api: Simulator, made: Cluster) -> None:
    """Kill the only worker in the middle of its work."""
    await _until(api, 60)
    made.workers[0].kill()
    made.workers[0].wait()


async def test_all_workers_go(start_api: StartApi, against: Against, tmp_path: Path) -> None:
    """They are waited for as at the start; then it is an outage (4) that names the remedy.

    The summary counts what is on the disk, and none of it is of earlier attempts.
    """
    api = await start_api(empty_share=0.0)
    command = _command(against, api, 300)
    with cluster(tmp_path / "cluster", workers=1) as made:
        process = await command.start(*_RUN, "50", "--max-outage", "1s", *made.options)
        await _lose_the_worker(api, made)
        began = asyncio.get_running_loop().time()
        done = await command.finish(process)
        assert 9 < asyncio.get_running_loop().time() - began < 50
    assert done.exit_code == 4, done.stderr
    assert done.stderr == (
        f"collector: --scheduler {made.address}: has had no worker for 10 s; start some "
        "with: dask worker, then run the same command again; what was collected so far is kept\n"
    )
    answered = len(cells_of(command.directory / "r"))
    assert f"{answered} of 300 answered ({answered} data, 0 empty), 0 failed" in done.stdout
    assert "next      check that the scheduler and its workers are up" in done.stdout
    assert _events(command).count("workers_gone") == 1


@pytest.mark.torture
async def test_workers_come_back(start_api: StartApi, against: Against, tmp_path: Path) -> None:
    """The run continues with them, from what is on the disk, and says both."""
    api = await start_api(empty_share=0.0)
    command = _command(against, api, 300)
    with cluster(tmp_path / "cluster", workers=1) as made:
        process = await command.start(*_RUN, "50", *made.options)
        await _lose_the_worker(api, made)
        await _until_event(command, "workers_gone")
        made.start_worker()
        done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert set(cells_of(command.directory / "r").values()) == {1}
    assert "300 of 300 answered (300 data, 0 empty), 0 failed" in done.stdout
    assert Counter(_events(command)) >= Counter(workers_gone=1, workers_back=1)


async def test_a_signal_without_workers(
    start_api: StartApi, against: Against, tmp_path: Path
) -> None:
    """No worker is there to stop a shard cleanly, so none is waited for; the disk is counted."""
    api = await start_api(empty_share=0.0)
    command = _command(against, api, 300)
    with cluster(tmp_path / "cluster", workers=1) as made:
        metrics = ("--metrics-file", "m.prom")
        process = await command.start(*_RUN, "50", *made.options, *metrics)
        await _lose_the_worker(api, made)
        await _until_event(command, "workers_gone")
        began = asyncio.get_running_loop().time()
        process.send_signal(signal.SIGTERM)
        done = await command.finish(process)
        assert asyncio.get_running_loop().time() - began < 40
    assert (done.exit_code, done.stderr) == (143, "")
    answered = len(cells_of(command.directory / "r"))
    assert f"{answered} of 300 answered" in done.stdout
    page = (command.directory / "m.prom").read_text(encoding="utf-8")
    assert re.search(rf'^collector_cells{{[^}}]*"data"}} {answered}(\.0)?$', page, re.MULTILINE)


async def test_the_scheduler_dies(start_api: StartApi, against: Against, tmp_path: Path) -> None:
    """The run ends with 4 and one line that says what has gone; a new cluster resumes it.

    The workers see it too: long before the last company they send nothing more, and record how
    their shards have ended.
    """
    api = await start_api()
    command = _command(against, api, 2000)
    with cluster(tmp_path / "cluster") as made:
        process = await command.start(*_RUN, "50", *made.options)
        await _until(api, 50)
        made.scheduler.kill()
        done = await command.finish(process)
        directory = command.directory / "r"
        await until(lambda: codes_of(directory) == [[4], [4]])
        sent = api.counts.kinds["statistics"]
    assert done.exit_code == 4
    assert done.stderr == (
        "collector: the scheduler of the cluster has gone, or is out of reach; start the cluster "
        "again, then run the same command again; what was collected so far is kept\n"
    )
    assert "next      check that the scheduler and its workers are up" in done.stdout
    answered = len(cells_of(directory))
    assert 0 < answered < 1000
    assert api.counts.kinds["statistics"] == sent
    reasons = {shard[0]["error"] for shard in attempts_of(directory)}
    assert reasons == {"the scheduler of the cluster has gone, or is out of reach"}
    again = await command.run(*_RUN, "1000000")
    assert again.exit_code == 0, again.stderr
    assert set(cells_of(directory).values()) == {1}
    # What was in flight came back; the last answer of a connection may count twice.
    assert api.counts.kinds["statistics"] <= 2000 + 32


@pytest.mark.torture
async def test_the_scheduler_is_stopped(
    start_api: StartApi, against: Against, tmp_path: Path
) -> None:
    """One that does not answer is not waited for without an end: it is as one that has gone."""
    api = await start_api()
    command = _command(against, api, 2000)
    with cluster(tmp_path / "cluster") as made:
        process = await command.start(*_RUN, "20", "--max-outage", "1s", *made.options)
        await _until(api, 20)
        made.scheduler.send_signal(signal.SIGSTOP)
        done = await command.finish(process)
        assert done.exit_code == 4
        assert done.stderr == (
            f"collector: --scheduler {made.address}: has not answered for 10 s; check that it "
            "works, then run the same command again; what was collected so far is kept\n"
        )
        # Shards wait for a minute.
        await until(lambda: codes_of(command.directory / "r") == [[4], [4]])
    assert len(cells_of(command.directory / "r")) < 2000


@pytest.mark.parametrize("way", ["moved", pytest.param("removed", marks=pytest.mark.torture)])
async def test_the_directory_is_taken_away(
    start_api: StartApi, against: Against, way: str, tmp_path: Path
) -> None:
    """Exit code 5 with the words of a run without a cluster: no bug, and soon."""
    api = await start_api()
    command = _command(against, api, 2000)
    with cluster(tmp_path / "cluster", workers=1) as made:
        process = await command.start(*_RUN, "50", *made.options)
        await _until(api, 60)
        if way == "moved":
            (command.directory / "r").rename(command.directory / "q")
        else:
            shutil.rmtree(command.directory / "r")
        done = await command.finish(process)
    assert done.exit_code == 5, done.stderr
    assert f"{command.directory / 'r'}: was removed or replaced by another process" in done.stderr
    assert done.stderr.count("\n") == 1
    # Where it was moved to, if anywhere, is not known.
    assert "2,000 planned; how many have an answer is not known" in done.stdout


async def test_lines_of_a_shard_are_taken_away(
    start_api: StartApi, against: Against, tmp_path: Path
) -> None:
    """As without a cluster: 5, and counts of what is there; later they are missed, and requested.

    The warning comes first, and once for all shards.
    """
    api = await start_api(empty_share=0.0)
    command = _command(against, api, 300)
    path = command.directory / "r" / "statistics-00000-of-00002.jsonl"
    with cluster(tmp_path / "cluster", workers=1) as made:
        process = await command.start(*_RUN, "50", *made.options)
        await until(lambda: path.exists() and path.read_bytes().count(b"\n") > 20)
        os.truncate(path, 2000)
        done = await command.finish(process)
        assert done.exit_code == 5, done.stderr
        assert "00000-of-00002.jsonl: another process has cut it while the run" in done.stderr
        # Some may have been appended before it was noticed, the first of them to half a line.
        left = sum(_is_json(line) for line in path.read_bytes().splitlines())
        assert f"cells     {left} of 300 answered" in done.stdout
        path.write_bytes(b"")
        done = await command.run(*_RUN, "5000", *made.options)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == (
        f"collector: warning: {command.directory / 'r'}: {left} cells had an answer when the last "
        "attempt ended, and 0 have a line now: lines were removed or damaged; the cells without a "
        "line are requested again\n"
    )
    assert set(cells_of(command.directory / "r").values()) == {1}
    assert len(cells_of(command.directory / "r")) == 300
    assert "remark" in _events(command)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "companies", [200, pytest.param(2500, marks=pytest.mark.torture, id="more shards")]
)
async def test_only_the_lock_is_taken_away(
    start_api: StartApi, against: Against, companies: int, tmp_path: Path
) -> None:
    """The run's real end stands; shards that begin later find the lock put back."""
    api = await start_api()
    command = _command(against, api, companies)
    with cluster(tmp_path / "cluster", workers=1) as made:
        process = await command.start(*_RUN, str(companies // 4), *made.options)
        await _until(api, 30)
        (command.directory / "r" / "run-cluster.lock").unlink()
        done = await command.finish(process)
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(cells_of(command.directory / "r")) == companies
    assert {code for shard in codes_of(command.directory / "r") for code in shard} == {0}
    assert not (command.directory / "r" / "run-cluster.lock").exists()


async def test_ignored_dates_count_what_was_sent(start_api: StartApi, against: Against) -> None:
    """Exit code 7 before anything is begun: summary and metrics have the requests of the proof."""
    api = await start_api(ignore_dates=True)
    command = _command(against, api, 20)
    done = await command.run(
        *(*_RUN, "1000", "--last", "9d", "--engine", "dask", "--workers", "1"),
        *("--metrics-file", "m.prom"),
    )
    assert done.exit_code == 7, done.stderr
    sent = api.counts.total
    assert sent > 1
    assert f"requests  {sent} sent: {sent} answered, 0 rate-limited, 0 failed" in done.stdout
    page = (command.directory / "m.prom").read_text(encoding="utf-8")
    assert re.search(rf"^collector_requests_sent_total\S* {sent}(\.0)?$", page, re.MULTILINE)
    assert command.files() == {"companies.txt", "m.prom"}
