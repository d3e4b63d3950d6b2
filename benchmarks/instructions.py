"""`python -m benchmarks.instructions`: instructions per request, for collector and bare loop.

callgrind counts them, with the same result on a busy machine as on an idle one; it does not count
the kernel's. It takes some minutes and needs valgrind.
"""

import os
import re
import subprocess
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from benchmarks.server import Server, serving
from benchmarks.speed.contenders import BARE, CONTENDERS, Contender, Job
from benchmarks.speed.work import Work

_UNDISTURBED: Final = """
from collector.__main__ import main
from collector.http import reuse
from collector.pace import latency

reuse._FIRST_HELD = reuse._LONGEST_HELD = 3600.0
latency._RATIO = 3600.0
main()
"""
"""Runs the collector without the limit in seconds for answers that wait, and without the check of
latency. callgrind makes it some 50 times slower: nearly every answer would come to that limit, and
cost a connection; and the collector itself would look like a server that queues requests, so that
the rate is lowered and requests wait."""

_FEW: Final = 1000
_MANY: Final = 3000
"""Requests; the start and the end, which both runs have in common, are subtracted."""

_COLLECTED: Final = re.compile(r"Collected : (\d+)")


def _per_request(contender: Contender, server: Server, scratch: Path, today: date) -> float:
    few, many = (_counted(contender, server, scratch, Work(n, today)) for n in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)


def _counted(contender: Contender, server: Server, scratch: Path, work: Work) -> int:
    """Return how many instructions a contender executes for the work."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        directory = Path(name)
        job = Job(server.base_url, work, is_late=False, directory=directory)
        counting = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={directory / 'counts'}")
        command = contender.command(job)
        if contender is not BARE:
            python, _, _, *arguments = command
            command = [python, "-c", _UNDISTURBED, *arguments]
        done = subprocess.run(
            [*counting, *command],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": "0"} | contender.environment,
        )
    found = _COLLECTED.search(done.stderr)
    assert found, done.stderr[-2000:]
    return int(found[1])


def main() -> None:
    """Count and print."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as name, serving(Path(name), today) as server:
        for contender in (CONTENDERS[0], BARE):
            count = _per_request(contender, server, Path(name), today)
            print(f"{contender.title}: {count:,.0f} instructions a request", flush=True)


if __name__ == "__main__":
    main()
