"""The command that resumes a run, whatever variables and the file set by then."""

import shlex
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RANGE = ("--from", "2026-03-01", "--until", "2026-03-03", "--window", "1d")


@pytest.mark.parametrize(
    ("options", "api_options"),
    [
        ((), {}),
        pytest.param(_RANGE, {}, marks=pytest.mark.torture),
        pytest.param(
            (*_RANGE, "--date-format", "epoch"),
            {"date_format": "epoch"},
            marks=pytest.mark.torture,
        ),
        (
            (*_RANGE, "--date-format", "epoch", "--timezone", "America/Santiago"),
            {"date_format": "epoch"},
        ),
        ((*_RANGE, "--lookback", "2d"), {"until_exclusive": True}),
    ],
)
async def test_it_asks_for_the_same_cells_whatever_is_set_by_then(
    start_api: StartApi, against: Against, options: tuple[str, ...], api_options: dict[str, Any]
) -> None:
    """Other days in `collector.toml` and in variables are overridden."""
    api = await start_api(**api_options)
    command = against(api).without_debugging()
    done = await command.run(
        *("run", "-", *options, "--rate", "1000", "--output", "r"), stdin=b"1\n2\n"
    )
    assert done.exit_code == 0, done.stderr
    statistics = command.directory / "r" / "statistics.jsonl"
    lines = statistics.read_bytes().splitlines(keepends=True)
    statistics.write_bytes(lines[0])
    cells = _cells(command)
    command.write("collector.toml", 'last = "5d"\nlookback = "10d"\nwindow = "5d"\n')
    command = command.with_environment(COLLECTOR_LOOKBACK="14d", COLLECTOR_LAST="7d")
    said = await command.run("status", "r")
    resume = shlex.split(said.stdout.partition("\nresume ")[2])
    again = await command.run(*resume[1:])
    assert again.exit_code == 0, again.stderr
    assert len(lines) == _cells(command).total() == len(_cells(command))
    assert cells <= _cells(command)


async def test_none_puts_a_value_of_the_file_aside(command: Any) -> None:  # noqa: ANN401 - see conftest
    """So that a run without dates, or without a look back, can be asked for at all."""
    command.write("companies.txt", "1\n")
    command.write("collector.toml", 'last = "1d"\nlookback = "3d"\n')
    options = ("--last", "none", "--lookback", "none")
    said = await command.run("plan", "companies.txt", *options)
    assert said.exit_code == 0, said.stderr
    assert "all windows    server default" in said.stdout
    said = await command.run("plan", "companies.txt", "--lookback", "none")
    assert "windows        1\n" in said.stdout


def _cells(command: Any) -> Counter[tuple[str, str, str]]:  # noqa: ANN401 - see conftest
    return Counter(
        (line["company_id"], line["from_date"], line["until_date"])
        for line in command.lines("r/statistics.jsonl")
    )
