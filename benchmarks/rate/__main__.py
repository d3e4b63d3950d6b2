"""`python -m benchmarks.rate [virtual | real] [PLOT.svg]`: the table of docs/rate-control.md."""

import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.rate.real import run_for_real
from benchmarks.rate.scenario import Figure, Scenario
from benchmarks.rate.scenarios import HALVED_AND_DOUBLED, SCENARIOS
from benchmarks.rate.seen import Seen
from benchmarks.rate.virtual import run_virtually

_SEEDS: Final = range(1, 6)
_AT_ONCE: Final = 6
"""Real runs beside each other: each takes about a twelfth of a core, and most of its time waits."""

_APART: Final = 1.0
"""Seconds between the starts of two, so that they do not all import at once."""

_Runs = dict[str, list[Seen]]


def _virtual() -> _Runs:
    return {
        scenario.name: [run_virtually(scenario, seed) for seed in _SEEDS]
        for scenario in SCENARIOS
        if scenario.is_virtual
    }


async def _real() -> _Runs:
    places = asyncio.Semaphore(_AT_ONCE)

    async def run(number: int, scenario: Scenario) -> tuple[str, list[Seen]]:
        await asyncio.sleep(number * _APART)
        async with places:
            return scenario.name, [await run_for_real(scenario)]

    real = [scenario for scenario in SCENARIOS if scenario.is_real]
    return dict(await asyncio.gather(*(run(n, scenario) for n, scenario in enumerate(real))))


def _cell(scenario: Scenario, figure: Figure, runs: _Runs) -> str:
    """Return the figure of the run, or the least and the greatest of several."""
    if scenario.name not in runs:
        return ""
    beside = runs[scenario.beside.name] if scenario.beside is not None else None
    values = sorted(
        figure.value(seen, None if beside is None else beside[number])
        for number, seen in enumerate(runs[scenario.name])
    )
    shown = dict.fromkeys(figure.show(value) for value in (values[0], values[-1]))
    return " to ".join(shown)


def _table(virtual: _Runs, real: _Runs) -> str:
    rows = ["| scenario | figure | wanted | virtual | real |", "|---|---|---|---|---|"]
    for scenario in SCENARIOS:
        name = scenario.name
        for figure in scenario.figures:
            cells = (_cell(scenario, figure, runs) for runs in (virtual, real))
            rows.append(f"| {name} | {figure.label} | {figure.wanted} | {' | '.join(cells)} |")
            name = ""
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> None:
    """Run what is asked for, and print the table; nothing fails here, for machines are noisy."""
    plots = [Path(argument) for argument in arguments if argument.endswith(".svg")]
    virtual = {} if "real" in arguments else _virtual()
    real = {} if "virtual" in arguments else asyncio.run(_real())
    print(
        f"Virtual: {len(_SEEDS)} seeds, the least and the greatest. Real: one run, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {_AT_ONCE} runs beside each other.\n"
    )
    print(_table(virtual, real))
    for plot in plots:
        from benchmarks.rate.plot import draw  # noqa: PLC0415 - needs matplotlib, only for this

        draw(HALVED_AND_DOUBLED, (real or virtual)[HALVED_AND_DOUBLED.name][0], plot)


if __name__ == "__main__":
    main(sys.argv[1:])
