import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from collector.store.fault_points import FaultPoint, arm, reach

_DYING = """
import os, resource, signal, sys
from pathlib import Path
from collector.store.append_file import AppendFile
from collector.store.atomic import replace_file
from collector.store.fault_points import FaultPoint, arm

def die(point, path):
    if path.name == "lines" and point == "before write":
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if point == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

lines, manifest = Path("lines"), Path("manifest")
file = AppendFile.open(lines)
file.append(b"first\\n")
file.sync()
replace_file(manifest, [b"old"])
# The system takes a part of the line at the point that wants one.
limit = 9 if sys.argv[1] == "after partial write" else 1000
arm(die)
file.append(b"second\\n")
file.sync()
replace_file(manifest, [b"new"])
"""

_WHOLE = "first\nsecond\n"


@pytest.mark.parametrize(
    ("point", "lines", "files"),
    [
        (FaultPoint.BEFORE_WRITE, "first\n", {"lines": 6, "manifest": 3}),
        (FaultPoint.AFTER_PARTIAL_WRITE, "first\nsec", {"lines": 9, "manifest": 3}),
        (FaultPoint.BEFORE_SYNC, _WHOLE, {"lines": 13, "manifest": 3}),
        (FaultPoint.AFTER_SYNC, _WHOLE, {"lines": 13, "manifest": 3}),
        (FaultPoint.BEFORE_REPLACE, _WHOLE, {"lines": 13, "manifest": 3, "manifest.DRAFT.new": 3}),
    ],
)
def test_a_process_can_be_killed_at_every_point(
    tmp_path: Path, point: FaultPoint, lines: str, files: dict[str, int]
) -> None:
    """What it leaves is what each point promises: the disk has got as far as its name says."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", _DYING, point],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert (tmp_path / "lines").read_text() == lines
    assert (tmp_path / "manifest").read_text() == "old"
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert {re.sub("[0-9a-f]{16}", "DRAFT", name): size for name, size in sizes.items()} == files


def test_an_armed_point_is_told_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time it is reached, by the hook that was armed last."""
    monkeypatch.setattr("collector.store.fault_points._hook", None)
    reach(FaultPoint.BEFORE_SYNC, Path("not set"))
    first: list[tuple[FaultPoint, Path]] = []
    last: list[tuple[FaultPoint, Path]] = []
    arm(lambda *reached: first.append(reached))
    arm(lambda *reached: last.append(reached))
    reach(FaultPoint.AFTER_SYNC, Path("file"))
    reach(FaultPoint.AFTER_SYNC, Path("file"))
    assert first == []
    assert last == [(FaultPoint.AFTER_SYNC, Path("file"))] * 2
