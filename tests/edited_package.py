"""A copy of the collector with an edit, for tests of later versions; no test by itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import collector

__all__ = ["edited_package", "run_in"]


def edited_package(root: Path, file: str, old: str, new: str) -> Path:
    """Copy the package into `root`, and replace `old`, which `file` has once, by `new`."""
    source = Path(collector.__file__).parent
    shutil.copytree(source, root / "collector", ignore=shutil.ignore_patterns("__pycache__"))
    path = root / "collector" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return root


def run_in(root: Path, script: str, *arguments: str) -> Any:  # noqa: ANN401 - what JSON may hold
    """Run a script that imports the packages of a directory; return the JSON that it prints."""
    done = subprocess.run(  # noqa: S603 - this Python, and a script of a test
        [sys.executable, "-c", script, *arguments],
        cwd=root,
        check=True,
        capture_output=True,
    )
    return json.loads(done.stdout)
