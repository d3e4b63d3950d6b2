"""The lock of the open file of answers, which stays when lock files are removed."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.core.errors import LockedError
from collector.store.data_lock import hold_data, is_data_held
from tests.store.on_disk import open_files


def _no_sleep(_: float) -> None:
    """Try again at once."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file of answers."""
    path = tmp_path / "statistics-00000-of-00002.jsonl"
    path.write_bytes(b"a line\n")
    return path


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Give what holds a lock until the end of the test."""
    with ExitStack() as opened:
        yield opened


def test_it_is_held_until_it_is_closed(path: Path) -> None:
    """The second one is told which file it is, and not that a run has it: any program may."""
    before = open_files()
    with ExitStack() as opened:
        hold_data(path, opened)
        assert is_data_held(path)
        with pytest.raises(LockedError) as told:
            hold_data(path, ExitStack(), sleep=_no_sleep)
        assert str(told.value).startswith(f"{path}: another process has locked this file; ")
        assert path.read_bytes() == b"a line\n"
    assert not is_data_held(path)
    assert open_files() == before


def test_a_look_does_not_keep_a_run_from_it(path: Path, opened: ExitStack) -> None:
    """`is_data_held` has it for a moment; a run that begins right then tries again."""
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert not is_data_held(path)

    def look_away(_: float) -> None:
        fcntl.flock(looking, fcntl.LOCK_UN)

    hold_data(path, opened, sleep=look_away)
    os.close(looking)
    assert is_data_held(path)


def test_readers_are_not_excluded(
    path: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a lock does that (CIFS), the file is not locked: `status` is of more use."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as locked:
        locked.setattr(Path, "open", refuse)
        hold_data(path, opened)
    assert not is_data_held(path)


def test_what_cannot_be_opened_is_held_by_no_process(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything on a file system without locks; the reader meets the error itself."""
    assert not is_data_held(tmp_path / "nowhere")
    assert not is_data_held(path / "below a file")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert not is_data_held(path)
