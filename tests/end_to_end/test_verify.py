"""Nights that can be verified: what real runs record, and what `collector verify` makes of it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from collector.simulator import Simulator
from tests.conftest import company_lines

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_DATES = ("--from", "2026-01-01", "--until", "2026-01-05", "--window", "1d", "--rate", "5000")


async def _verify(command: Any) -> tuple[int, str]:  # noqa: ANN401 - see conftest
    runs = sorted(path.name for path in command.directory.iterdir() if path.is_dir())
    done = await command.run("verify", *runs)
    assert done.stderr == ""
    return done.exit_code, done.stdout


async def test_nights_can_be_verified(start_api: StartApi, against: Against) -> None:
    """One by one, with shards, with cells that failed, and when the same command is run again."""
    api = await start_api(share_500=0.2)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(30))

    async def run(*more: str) -> int:
        done = await command.run("run", "companies.txt", *_DATES, "--output", *more)
        return int(done.exit_code)

    assert await run("n1", "--max-attempts", "1") == 1
    api.reconfigure(replace(api.settings, share_500=0.0))
    code, said = await _verify(command)
    assert code == 0, said
    assert await run("n2", "--shard", "0/2") == 0
    code, said = await _verify(command)
    assert (code, "n2: not finished: 1 of 2 shards have begun" in said) == (1, True)
    assert await run("n2", "--shard", "1/2") == 0
    recorded = sha256((command.directory / "n1" / "run.json").read_bytes()).hexdigest()
    # What failed is requested, and nothing the second time: n2 has recorded the first manifest.
    assert [await run("n1"), await run("n1"), await run("n3")] == [0, 0, 0]
    assert sha256((command.directory / "n1" / "run.1.json").read_bytes()).hexdigest() == recorded
    code, said = await _verify(command)
    assert code == 0, said
    assert said.startswith("verified   3 of 3 runs; 450 lines, ")
    assert said.splitlines()[1].endswith("  n3/run.json")
    manifest = json.loads((command.directory / "n3" / "run.json").read_bytes())
    (company, statistics) = manifest["digests"]["files"].items()
    assert (company[0], statistics[0], statistics[1]["lines"]) == (
        "run-companies.txt",
        "statistics.jsonl",
        150,
    )
    path = command.directory / "n2" / "statistics-00001-of-00002.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"total":', b'"total":9', 1))
    code, said = await _verify(command)
    assert (code, f"damaged    n2/{path.name}: lines 1 to" in said) == (8, True)


async def test_a_run_that_was_stopped_cannot_be_verified(
    start_api: StartApi, against: Against
) -> None:
    """It has no digests, and the same command makes up for it."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(30))
    run = ("run", "companies.txt", *_DATES, "--output", "r")
    done = await command.run(*run[:-4], "--rate", "20", *run[-2:], "--deadline", "2s")
    assert done.exit_code == 4, done.stderr
    code, said = await _verify(command)
    assert (code, "r/run.json: not finished: its last attempt ended with exit code 4" in said) == (
        1,
        True,
    )
    assert (await command.run(*run)).exit_code == 0
    assert (await _verify(command))[0] == 0
