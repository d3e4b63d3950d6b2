"""`python -m benchmarks.facts`: what becomes of a collection when something goes wrong.

The collector, curl with jq, Scrapy, dlt and a tap of the Singer SDK do the same work, each against
a server of its own in this process, which knows every figure and counts every request. Each program
has the settings of docs/benchmarks.md, and what its documentation has for the case: Scrapy a job
directory and AutoThrottle, curl `--retry`. Prints a Markdown table.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.facts.trials import PROGRAMS, TRIALS
from benchmarks.report import machine
from benchmarks.speed.versions import versions


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.facts", description=__doc__)
    parser.add_argument("--only", action="append", choices=[each.key for each in TRIALS])
    parser.add_argument("--program", action="append", choices=[each.key for each in PROGRAMS])
    arguments = parser.parse_args()
    moment = datetime.now(UTC)
    print(f"{moment:%Y-%m-%d, %H:%M} UTC. {machine()}.\n{versions()}\n", flush=True)
    programs = [each for each in PROGRAMS if each.key in (arguments.program or [each.key])]
    print(f"| | {' | '.join(each.title for each in programs)} |\n|---|{'---|' * len(programs)}")
    for trial in TRIALS:
        if arguments.only and trial.key not in arguments.only:
            continue
        cells = list[str]()
        for program in programs:
            with tempfile.TemporaryDirectory() as scratch:
                outcome = trial.run(program, Path(scratch), moment.date())
                if arguments.program:
                    print((Path(scratch) / "errors.txt").read_text()[-600:], file=sys.stderr)
            cells.append(trial.row(outcome))
        print(f"| {trial.title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
