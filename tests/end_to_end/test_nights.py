"""Many nights that collect the same days again: the newest answer of each, and what changed."""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.nights import LOOKBACK, make_night, measure

_FIRST = date(2026, 8, 15)
_MEMORY = 200_000_000
"""Bytes that `collector latest` may have in memory at most, however many lines there are."""


def _by_brute_force(runs: list[Path]) -> list[bytes]:
    newest: dict[tuple[bytes, str, str], tuple[str, bytes]] = {}
    for run in runs:
        for line in (run / "statistics.jsonl").read_bytes().splitlines(keepends=True):
            cell = json.loads(line)
            key = cell["company_id"].encode(), cell["from_date"], cell["until_date"]
            if key not in newest or cell["fetched_at"] >= newest[key][0]:
                newest[key] = cell["fetched_at"], line
    return [newest[key][1] for key in sorted(newest)]


@pytest.mark.parametrize(
    ("nights", "companies"),
    [
        pytest.param(12, 30, id="12-nights"),
        pytest.param(100, 1000, id="100-nights", marks=pytest.mark.torture),
    ],
)
def test_the_latest_of_many_nights(
    command: Any,  # noqa: ANN401 - see conftest
    nights: int,
    companies: int,
) -> None:
    """Each day was collected up to 15 times; the last answer counts, in whatever order they come.

    The command, in a process of its own, takes at most 200 MB.
    """
    runs = [make_night(command.directory, _FIRST + timedelta(n), companies) for n in range(nights)]
    random.Random(nights).shuffle(runs)  # noqa: S311 - no secret
    output = command.directory / "latest.jsonl"
    scratch = command.directory
    done = measure("latest", *runs, scratch=scratch, output=output, environment=command.environment)
    lines = nights * companies * (LOOKBACK + 1)
    print(f"{lines / done.seconds:,.0f} lines/s, {done.peak / 1e6:.0f} MB")  # noqa: T201 - pytest -s
    assert (scratch / "errors.txt").read_text() == ""
    expected = _by_brute_force(runs)
    assert len(expected) == companies * (nights + LOOKBACK)
    assert output.read_bytes() == b"".join(expected)
    assert done.peak <= _MEMORY


async def test_two_nights_differ_in_their_young_days(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """One day leaves the lookback, one comes in, and what is pending settles within days."""
    old, new = (make_night(command.directory, _FIRST + timedelta(n), 30) for n in range(2))
    done = await command.run("diff", old.name, new.name, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    windows = {window["from_date"]: window["restated"] for window in document["windows"]}
    days = [(_FIRST - timedelta(n)).isoformat() for n in reversed(range(1, LOOKBACK + 1))]
    assert list(windows) == days
    assert [windows[day] for day in days[-6:]] == [30] * 6
    assert not any(windows[day] for day in days[:-8])
    cells = document["cells"]
    assert (cells["both"], cells["new"], cells["gone"]) == (30 * LOOKBACK, 30, 30)
    assert cells["restated"] == sum(windows.values()) == len(document["restated"])
    moved = document["changes"]
    assert moved["sended"] == {"rose": moved["pending"]["fell"], "fell": 0}
    assert moved["total"] == {"rose": 0, "fell": 0}
