"""A command that is interrupted does not look like one that has done its work."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.store.made_runs import line, make_run

_MANY = 200_000


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run that takes a while to read."""
    return make_run(tmp_path_factory.mktemp("runs") / "large", [line("1", 1)] * _MANY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("latest", "RUN"),
        ("diff", "RUN", "RUN"),
        ("diff", "RUN", "RUN", "--json"),
        ("status", "RUN", "--fail-on", "missing,failed"),
    ],
)
async def test_while_it_reads_a_run(
    command: Any,  # noqa: ANN401 - see conftest
    large_run: Path,
    arguments: tuple[str, ...],
) -> None:
    """Exit code 130, and nothing that could be taken for a result."""
    words = [str(large_run) if word == "RUN" else word for word in arguments]
    process = await command.without_debugging().start(*words)
    await _until_it_has_open(process.pid, large_run / "statistics.jsonl")
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    assert (done.exit_code, done.stdout) == (130, "")


@pytest.mark.parametrize("subcommand", ["run", "plan", "check"])
async def test_while_it_reads_the_companies(
    command: Any,  # noqa: ANN401 - see conftest
    subcommand: str,
) -> None:
    """Also before anything has begun: a pipe that says nothing more is waited for."""
    with_token = command.with_environment(TRUST_ACCESS_TOKEN="fake")  # noqa: S106 - fake
    options = () if subcommand == "check" else ("--last", "1d")
    reading, writing = os.pipe()
    process = await with_token.without_debugging().start(subcommand, "-", *options, stdin=reading)
    os.close(reading)
    os.write(writing, b"1\n" * 40_000)
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    os.close(writing)
    assert (done.exit_code, done.stdout) == (130, "")
    assert command.files() == set()


async def _until_it_has_open(pid: int, path: Path) -> None:
    async with asyncio.timeout(30):
        while not _has_open(pid, path):  # noqa: ASYNC110 - that a process opens a file is no event
            await asyncio.sleep(0.005)


def _has_open(pid: int, path: Path) -> bool:
    return any(_is(one, path) for one in Path(f"/proc/{pid}/fd").iterdir())


def _is(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.readlink() == path
    except FileNotFoundError:
        return False
