"""`python -m benchmarks.growth [PAGE]`: how costs grow, printed and written to the page."""

import argparse
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.growth.bench import Bench
from benchmarks.growth.control import Control
from benchmarks.growth.parts import PARTS, Part
from benchmarks.growth.series import Cost, Series, growth_table, paper_table
from benchmarks.report import machine, rewritten
from benchmarks.simulated import simulated_api

__all__ = ["parsed"]

_PAPER: Final = ("lines",)
"""Parts of which the calculation for a billion is made; that of cells is measured there."""


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; a mistake in them ends the process with 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("page", nargs="?", type=Path, help="a page with markers, rewritten")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated")
    parser.add_argument("--sizes", type=_sizes, help="for one part: 500000,1000000")
    options = parser.parse_args(arguments)
    if options.page and options.only:
        parser.error("a page gets the tables of all parts: leave out the page or --only")
    if options.sizes and (options.only is None or len(options.only) != 1):
        parser.error("--sizes is for one part: give --only once")
    if options.sizes and options.sizes[0] <= (least := PARTS[options.only[0]].smallest):
        parser.error(f"--sizes: {least:,} is the size of the start; give larger ones")
    return options


def _sizes(text: str) -> list[int]:
    numbers = set(text.split(","))
    if not all(number.isdecimal() for number in numbers) or len(numbers) == 1:
        raise argparse.ArgumentTypeError("give at least two whole numbers, with commas")
    return sorted(map(int, numbers))


def _measured(part: Part, sizes: Sequence[int], bench: Bench) -> list[Series]:
    """Measure the commands of a part over the sizes; the data of a size are removed after it.

    The start counts at each size, so it is measured twice: before the others, and after them.
    """
    series: dict[str, Series] = {}
    for size in (part.smallest, *sizes, part.smallest):
        needed, free = part.disk * size, shutil.disk_usage(bench.scratch).free
        if needed > free / 2:
            sys.exit(f"{bench.scratch} has {free:,} bytes free, and {needed:,} are needed, twice")
        with tempfile.TemporaryDirectory(dir=bench.scratch) as data:
            for command, cost in part.measure(bench, Path(data), size):
                print(f"  {size:,} {command}: {cost}", file=sys.stderr, flush=True)
                if command not in series:
                    series[command] = Series(command, size, cost)
                elif size == part.smallest:
                    series[command].start = Cost.least(series[command].start, cost)
                else:
                    series[command].costs[size] = cost
    return list(series.values())


def _report(names: Iterable[str], sizes: Sequence[int] | None) -> str:
    moment = datetime.now(UTC).strftime("%Y-%m-%d, %H:%M UTC")
    head = f"The run of {moment}. {machine()}"
    texts = list[str]()
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        with simulated_api(scratch) as environment:
            bench = Bench(scratch, environment, Control())
            for name in names:
                part = PARTS[name]
                series = _measured(part, sizes or part.sizes, bench)
                texts.append(growth_table(part.unit, series))
                if name in _PAPER:
                    texts.append(paper_table(part.unit, series))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    head += f"; {(used.ru_utime + used.ru_stime) / 60:.0f} minutes of CPU time."
    return "\n\n".join(text.strip() for text in (head, *texts))


def main() -> None:
    """Measure, print, and rewrite the page if one is named; exponents that miss only get a mark."""
    options = parsed(sys.argv[1:])
    if options.page is not None:
        # Before the minutes that the measurement takes.
        rewritten(options.page.read_text(), "")
    report = _report(options.only or PARTS, options.sizes)
    print(report)
    if options.page is not None:
        options.page.write_text(rewritten(options.page.read_text(), report))


if __name__ == "__main__":
    main()
