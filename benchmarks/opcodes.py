"""`python -m benchmarks.opcodes`: Python's own instructions per request, by room and library.

`sys.settrace` counts them (opcodes), with nearly the same result on a busy machine as on an idle
one. It counts no work in C: parsing, encryption, the kernel. It takes about two minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from benchmarks.server import Server, serving
from benchmarks.speed.contenders import BARE, CONTENDERS, Contender, Job
from benchmarks.speed.work import Work

_TRACED: Final = """
import atexit, json, runpy, sys
from collections import Counter

counts = Counter()

def count(frame, event, _):
    frame.f_trace_opcodes, frame.f_trace_lines = True, False
    counts[frame.f_code.co_filename, event] += event in {"opcode", "call"}
    return count

def write(path=sys.argv.pop(1)):
    sys.settrace(None)
    with open(path, "w", encoding="utf-8") as file:
        json.dump([[*key, number] for key, number in counts.items()], file)

atexit.register(write)
program = sys.argv.pop(1)
sys.argv[0] = program
if program == "collector":
    from collector.__main__ import main
    from collector.http import reuse
    from collector.pace import latency

    reuse._FIRST_HELD = reuse._LONGEST_HELD = latency._RATIO = 3600.0
    sys.settrace(count)
    main()
else:
    sys.settrace(count)
    runpy.run_path(program, run_name="__main__")
"""
"""Runs a program, and counts. Counting makes it some ten times slower, so the collector runs as it
does for `benchmarks.instructions`."""

_FEW: Final = 1000
_MANY: Final = 3000
"""Requests; the start and the end, which both runs have in common, are subtracted."""

_LIBRARIES: Final = ("aiohttp", "yarl", "asyncio", "asyncio_throttle", "multidict")


def _place(path: str) -> str:
    """Return the room of a file of the collector, or the library of another file."""
    parts = Path(path).parts
    if "site-packages" not in parts and "collector" in parts:
        return "/".join(parts[len(parts) - parts[::-1].index("collector") :])
    return next((name for name in _LIBRARIES if name in parts), "others")


def _counted(
    contender: Contender, server: Server, scratch: Path, work: Work
) -> Counter[tuple[str, str]]:
    """Return how many opcodes and calls each place has for the work."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        directory = Path(name)
        job = Job(server.base_url, work, is_late=False, directory=directory)
        counts = directory / "counts"
        python, *words = contender.command(job)
        # The collector is `-m collector`, the bare loop the path of a script.
        program = words[1:] if contender is not BARE else words
        subprocess.run(
            [python, "-c", _TRACED, counts, *program],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | contender.environment,
        )
        counted = Counter[tuple[str, str]]()
        for path, event, number in json.loads(counts.read_bytes()):
            counted[_place(path), event] += number
        return counted


def _report(contender: Contender, server: Server, scratch: Path, today: date) -> None:
    few, many = (_counted(contender, server, scratch, Work(n, today)) for n in (_FEW, _MANY))
    many.subtract(few)
    per_request = {key: number / (_MANY - _FEW) for key, number in many.items()}
    opcodes = sum(number for (_, event), number in per_request.items() if event == "opcode")
    print(f"{contender.title}: {opcodes:,.0f} opcodes a request")
    rows = Counter({place: n for (place, event), n in per_request.items() if event == "opcode"})
    for place, number in rows.most_common():
        if number >= 1:
            calls = per_request.get((place, "call"), 0.0)
            print(f"{number:9,.0f} in {calls:4.0f} calls  {place}")
    sys.stdout.flush()


def main() -> None:
    """Count and print."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as name, serving(Path(name), today) as server:
        for contender in (CONTENDERS[0], BARE):
            _report(contender, server, Path(name), today)


if __name__ == "__main__":
    main()
