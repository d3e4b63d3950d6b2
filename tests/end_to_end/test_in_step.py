"""Real processes, killed, in shards and on Dask, against a server that sends surplus answers."""

import asyncio
import signal
from typing import Any

import pytest

from tests.cluster.clusters import cluster
from tests.conftest import Command
from tests.run.unsteady_server import Surplus, UnsteadyServer, answer_to, wrong_lines

pytestmark = pytest.mark.slow

_RUN = ("run", "companies.txt", "--from", "2026-09-01", "--until", "2026-09-04", "--window", "1d")
_FAST = ("--rate", "1000", "--output", "r", "--trust-dates")
_COMPANIES = 150


def _chooses(connection: int, number: int) -> Surplus | None:
    """Choose a repetition after every fourth answer, 5 to 30 milliseconds later."""
    moment = (connection * 7 + number * 3) % 26
    return Surplus("repeat", 0.005 + moment / 1000) if (connection + number) % 4 == 0 else None


@pytest.fixture
def collecting(command: Command) -> Any:  # noqa: ANN401 - a function
    """Give a function that points the command at a server, with companies to collect."""

    def point(server: UnsteadyServer) -> Command:
        command.write("companies.txt", "".join(f"{n}\n" for n in range(1, _COMPANIES + 1)))
        return command.with_environment(
            COLLECTOR_BASE_URL=server.base_url,
            TRUST_ACCESS_TOKEN="made-up-token",  # noqa: S106 - made up
        ).without_debugging()

    return point


def _check(command: Command) -> None:
    """Check that every cell has one line, with its own figures."""
    cells = list[tuple[str, str]]()
    for answers in sorted((command.directory / "r").glob("statistics*.jsonl")):
        assert wrong_lines(answers) == []
        lines = command.lines(str(answers.relative_to(command.directory)))
        cells += [(line["company_id"], line["from_date"]) for line in lines]
    assert len(cells) == len(set(cells)) == _COMPANIES * 4


@pytest.mark.parametrize("concurrency", ["1", "64"])
async def test_a_run_that_is_killed_again_and_again_has_no_wrong_line(
    collecting: Any,  # noqa: ANN401 - see the fixture
    concurrency: str,
) -> None:
    """At moments a few answers apart, until it is complete."""
    async with UnsteadyServer(_chooses, latency=0.002) as server:
        command = collecting(server)
        run = (*_RUN, *_FAST, "--concurrency", concurrency)
        for killed in range(6):
            process = await command.start(*run)
            seen = server.requests
            async with asyncio.timeout(30):
                while server.requests < seen + 20 + 30 * killed:  # noqa: ASYNC110 - counts have no events
                    await asyncio.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            await command.finish(process)
            answers = command.directory / "r" / "statistics.jsonl"
            if answers.exists():
                # The kill may have torn the last line.
                whole, line_break, _ = answers.read_bytes().rpartition(b"\n")
                answers.write_bytes(whole + line_break)
                assert wrong_lines(answers) == []
        done = await command.run(*run)
        assert done.exit_code == 0, done.stderr
        _check(command)


async def test_shards_have_no_wrong_line(collecting: Any) -> None:  # noqa: ANN401 - see the fixture
    """Two processes that write one directory."""
    async with UnsteadyServer(_chooses, latency=0.002) as server:
        command = collecting(server)
        shards = (command.run(*_RUN, *_FAST, "--shard", f"{number}/2") for number in range(2))
        for done in await asyncio.gather(*shards):
            assert done.exit_code == 0, done.stderr
        _check(command)


async def test_a_cluster_has_no_wrong_line(
    collecting: Any,  # noqa: ANN401 - see the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Two workers of a Dask cluster."""
    async with UnsteadyServer(_chooses, latency=0.002) as server:
        command = collecting(server)
        with cluster(tmp_path_factory.mktemp("cluster")) as made:
            done = await command.run(*_RUN, *_FAST, *made.options)
        assert done.exit_code == 0, done.stderr
        _check(command)


async def test_answers_that_cannot_be_attributed_end_the_run(
    collecting: Any,  # noqa: ANN401 - see the fixture
) -> None:
    """With 7 and a message that names the server; nothing doubtful is on the disk."""
    async with UnsteadyServer(greeting=answer_to(3, "2026-09-02")) as server:
        command = collecting(server)
        done = await command.run(*_RUN, *_FAST)
        assert done.exit_code == 7, done.stderr
        assert f"the answers of {server.base_url} cannot be attributed to requests" in done.stderr
        assert "its answers cannot be attributed" in done.stdout
        assert (command.directory / "r" / "statistics.jsonl").read_bytes() == b""
