"""The Makefile in a directory of its own, where pytest and Python are scripts that take notes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


_NOTE: Final = r"""printf '%s\n' "$*" >> ran"""


def _script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory with an environment in which all is installed."""
    shutil.copy("Makefile", tmp_path)
    for name in ("requirements/run.txt", "requirements/dev.txt", "pyproject.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name in ("python", "collector", "pytest"):
        _script(tmp_path / ".venv" / "bin" / name, "echo what is there")
    (tmp_path / ".venv" / ".dev").touch()
    return tmp_path


def _make(place: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), **variables}
    return subprocess.run(  # noqa: S603 - see the module
        [shutil.which("make") or "", *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_python_that_is_asked_for_is_taken(place: Path) -> None:
    """An environment of another one is made anew; one of the same stays, and one without a wish."""
    made = f"{sys.executable} -m venv .venv\n"
    asked = ("-n", "test", f"PYTHON={sys.executable}")
    assert made in _make(place, *asked).stdout
    assert "-m venv" not in _make(place, "-n", "test").stdout
    python = place / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(sys.executable)
    assert "-m venv" not in _make(place, *asked).stdout


@pytest.mark.parametrize("answer", ["exit 1", "echo 3.10; exit 1"])
def test_a_python_that_is_too_old_or_none_leaves_the_environment(place: Path, answer: str) -> None:
    """It is said, and the environment is not touched."""
    _script(place / "old", answer)
    done = _make(place, "test", "PYTHON=./old")
    assert done.returncode == 2
    assert "collector needs Python 3.11 or newer, and ./old is not\n" in done.stderr
    assert (place / ".venv" / ".dev").exists()


@pytest.mark.parametrize("target", ["test", "slow"])
@pytest.mark.parametrize(
    ("first", "second", "worse"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 3, 3), (3, 1, 3)]
)
def test_both_parts_of_the_tests_run(
    place: Path, target: str, first: int, second: int, worse: int
) -> None:
    """Those that measure time, too, when others have failed; the worse exit code is told."""
    _script(
        place / ".venv" / "bin" / "pytest",
        f'{_NOTE}; case "$*" in *"-m alone and "*) exit {second};; esac; exit {first}',
    )
    done = _make(place, target)
    ran = (place / "ran").read_text().splitlines()
    assert ["-m alone and " in line for line in ran] == [False, True]
    assert done.returncode == (2 if worse else 0)
    assert (f"Error {worse}\n" in done.stderr) is bool(worse)


def test_an_interrupt_ends_both(place: Path) -> None:
    """The second part does not begin when the user has ended the first."""
    _script(place / ".venv" / "bin" / "pytest", f"{_NOTE}; exit 2")
    done = _make(place, "test")
    assert "Error 2\n" in done.stderr
    assert len((place / "ran").read_text().splitlines()) == 1


def test_every_python_that_is_found_has_its_own_environment(place: Path) -> None:
    """Those of the path and those of pyenv, each version once; .venv is left alone."""
    for name, version in (("python3.12", "3.12"), ("python3", "3.12"), ("python3.11", "3.10")):
        ends = "exit 1" if version == "3.10" else "exit 0"
        _script(place / "bin" / name, f"echo {version}; {ends}")
    _script(place / "pyenv" / "versions" / "3.12.9" / "bin" / "python", "echo 3.12")
    _script(place / "pyenv" / "versions" / "3.99.0" / "bin" / "python", "echo 3.99")
    for name in ("make", "sh", "rm", "touch", "test"):
        found = shutil.which(name)
        assert found is not None
        (place / "bin" / name).symlink_to(found)
    done = _make(place, "-n", "pythons", PATH=str(place / "bin"), PYENV_ROOT=str(place / "pyenv"))
    assert done.returncode == 0, done.stderr
    made = [line for line in done.stdout.splitlines() if " -m venv " in line]
    assert made == [
        "python3.12 -m venv .venv-3.12",
        f"{place}/pyenv/versions/3.99.0/bin/python -m venv .venv-3.99",
    ]
    assert done.stdout.endswith("The tests have run with Python 3.12 3.99\n")
