"""Runs the collector and kills it with SIGKILL at a named fault point; no test by itself.

`python crashing.py POINT FILE TIMES -- ARGUMENTS`: the process dies when it reaches POINT with
FILE for the TIMES-th time.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from collector.cli.main import main
from collector.store.fault_points import FaultPoint, arm

_PARTIAL = 37
"""Bytes of a line that the system takes before it says that there is no more room."""


def _die(name: str, file: str, times: int) -> None:
    """Arm the fault point."""
    reached = 0

    def hook(point: FaultPoint, path: Path) -> None:
        nonlocal reached
        if path.name != file:
            return
        if point == name:
            reached += 1
            if reached == times:
                os.kill(os.getpid(), signal.SIGKILL)
        elif name == FaultPoint.AFTER_PARTIAL_WRITE and point == FaultPoint.BEFORE_WRITE:
            # Let the system itself take only a part: no more fits into a file of this size.
            reached += 1
            if reached == times:
                limit = path.stat().st_size + _PARTIAL
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                reached -= 1

    arm(hook)


if __name__ == "__main__":
    point, file, times, dashes, *arguments = sys.argv[1:]
    assert dashes == "--"
    _die(point, file, int(times))
    main(arguments)
