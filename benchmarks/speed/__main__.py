"""`python -m benchmarks.speed`: the collector beside its peers, printed as Markdown."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.report import machine
from benchmarks.speed import speed_section
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.measure import Limits


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, help="at most so many rounds")
    parser.add_argument("--requests", type=int, help="at most so many requests in a run")
    keys = [contender.key for contender in CONTENDERS]
    parser.add_argument("--only", choices=keys, action="append", help="may be repeated")
    return parser.parse_args()


def main() -> None:
    """Measure and print; slow figures do not fail, because machines are noisy."""
    options = _parsed()
    chosen = [each for each in CONTENDERS if not options.only or each.key in options.only]
    limits = Limits(options.rounds, options.requests)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as scratch:
        print(speed_section(Path(scratch), chosen, limits))


if __name__ == "__main__":
    main()
