"""`python -m benchmarks.rate [virtual | real] [PLOT.svg]`: the table of docs/rate-control.md."""

import asyncio
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks.rate.real import run_for_real
from benchmarks.rate.scenario import Figure, Scenario
from benchmarks.rate.scenarios import HALVED_AND_DOUBLED, SCENARIOS
from benchmarks.rate.seen import Seen
from benchmarks.rate.virtual import run_virtually

_SEEDS: Final = range(1, 6)
_AT_ONCE: Final = 8
"""Real runs in parallel: collector and server take about an eighth of a core."""

_APART: Final = 1.0
"""Seconds between the starts of two runs, so that they do not all import at once."""

_Runs = dict[str, list[Seen]]


def _virtual() -> _Runs:
    return {
        scenario.name: [run_virtually(scenario, seed) for seed in _SEEDS]
        for scenario in SCENARIOS
        if scenario.is_virtual
    }


def _real() -> _Runs:
    """Run every scenario in its own process: a server that waits for another sees bursts."""
    numbers = [number for number, scenario in enumerate(SCENARIOS) if scenario.is_real]
    with ProcessPoolExecutor(_AT_ONCE) as processes:
        seen = processes.map(_run_one, numbers)
        return {SCENARIOS[number].name: [one] for number, one in zip(numbers, seen, strict=True)}


def _run_one(number: int) -> Seen:
    time.sleep(number % _AT_ONCE * _APART)
    return asyncio.run(run_for_real(SCENARIOS[number]))


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
    """Run the requested columns and print the table; missed bounds only get a mark."""
    plots = [Path(argument) for argument in arguments if argument.endswith(".svg")]
    virtual = {} if "real" in arguments else _virtual()
    real = {} if "virtual" in arguments else _real()
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
