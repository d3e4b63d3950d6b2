import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from collector.store.atomic import replace_file, replacing, sync_directory
from collector.store.fault_points import FaultPoint, arm
from tests.store.on_disk import entries, name_of, open_files

LargestFile = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[FaultPoint, Path], None]], None]:
    """Give `arm`, which is undone after the test."""
    monkeypatch.setattr("collector.store.fault_points._hook", None)
    return arm


def test_a_replaced_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """A reader never finds a half one, and no draft stays behind."""
    path = tmp_path / "file"
    replace_file(path, [b"0"])
    seen: set[int] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            text = path.read_bytes()
            assert text in {b"0", b"1" * 100_000, b"2" * 30_000}
            seen.add(len(text))

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        try:
            while not {100_000, 30_000} <= seen and not reading.done():
                replace_file(path, [b"1" * 50_000] * 2)
                replace_file(path, (b"2" for _ in range(30_000)))
        finally:
            is_over.set()
        reading.result(10)
    assert entries(tmp_path) == {"file"}


def test_a_new_text_is_on_the_disk_before_it_has_the_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hook: Callable[[Callable[[FaultPoint, Path], None]], None],
) -> None:
    """First its bytes are synced, then it takes the old one's place, then the name is synced."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    notes: list[tuple[str, str, bytes]] = []
    fsync = os.fsync

    def note_sync(descriptor: int) -> None:
        notes.append(("sync", name_of(descriptor), path.read_bytes()))
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            assert os.fstat(descriptor).st_size == 6
        fsync(descriptor)

    hook(lambda point, concerned: notes.append((point, concerned.name, path.read_bytes())))
    monkeypatch.setattr(os, "fsync", note_sync)
    replace_file(path, [b"new", b"est"])
    assert notes == [
        ("sync", "file.new", b"old"),
        ("before replace", "file", b"old"),
        ("sync", tmp_path.name, b"newest"),
    ]


def test_a_new_text_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, largest_file: LargestFile
) -> None:
    """Neither is anything left of the new one: it would keep the room that is missing."""
    path = tmp_path / "file"
    replace_file(path, [b"old"])
    with largest_file(1000), pytest.raises(OSError, match="File too large"):
        replace_file(path, [b"x" * 600, b"x" * 600])
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == {"file"}


def test_a_draft_that_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """It is written over, whatever its length."""
    (tmp_path / "file.new").write_bytes(b"a draft that is longer than what comes")
    replace_file(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"new"
    assert entries(tmp_path) == {"file"}


def test_a_file_that_cannot_be_replaced_is_left(tmp_path: Path) -> None:
    """A directory stands where the draft or the file belongs: it stays, and no draft does."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file.new").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"old"
    (tmp_path / "other").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "other", [b"new"])
    assert entries(tmp_path) == {"file", "file.new", "other"}


def test_a_directory_is_synced_and_closed(tmp_path: Path) -> None:
    """Only a directory can be: for anything else there is an `OSError`."""
    before = open_files()
    assert sync_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_directory(tmp_path / "file")
    assert open_files() == before


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_may_sync_no_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The caller is told; a file is replaced all the same."""
    _refuse_directories(monkeypatch, number)
    assert not sync_directory(tmp_path)
    replace_file(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_directory_that_a_disk_cannot_sync_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A full or a broken disk is no file system that lacks something."""
    _refuse_directories(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)):
        sync_directory(tmp_path)


def _refuse_directories(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_block_writes_the_draft_as_it_likes(tmp_path: Path) -> None:
    """Into the empty file that is there, or into one that takes its place; nobody sees it before.

    The last name of the draft is the file's own with the suffix.
    """
    path = tmp_path / "file"
    for number in range(2):
        with replacing(path, suffix=".7.new") as draft:
            assert draft == tmp_path / "file.7.new"
            assert draft.read_bytes() == b""
            if number:
                draft.unlink()
            draft.write_bytes(b"new %d" % number)
            assert path.exists() == bool(number)
        assert path.read_bytes() == b"new %d" % number
        assert entries(tmp_path) == {"file"}


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt(), OSError(28, "full")])
def test_a_block_that_raises_replaces_nothing(tmp_path: Path, error: BaseException) -> None:
    """Whatever it raises, which goes on; an `OSError` without a file gets the name of this one."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(type(error)) as raised, replacing(path):
        raise error
    assert raised.value is error
    if isinstance(error, OSError):
        assert error.filename == str(path)
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == {"file"}


def test_a_draft_that_is_gone_replaces_nothing(tmp_path: Path) -> None:
    """Somebody has removed it: the old file stays."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replacing(path) as draft:
        draft.unlink()
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o200])
def test_the_mode_of_the_old_file_is_kept(tmp_path: Path, mode: int) -> None:
    """Whoever could not read the old one cannot read the draft either; its owner can write it."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    with replacing(path) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == mode | 0o600
        draft.write_bytes(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_a_new_file_is_for_its_owner_to_write(tmp_path: Path, mask: int, mode: int) -> None:
    """As every file is: others may read at most, and the user's mask is respected."""
    before = os.umask(mask)
    try:
        replace_file(tmp_path / "file", [b"new"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    """Also when nothing is there yet; the draft is where the file is, so that it can be renamed."""
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "file"
    link = tmp_path / "link"
    link.symlink_to(target)
    for text in (b"first", b"second"):
        with replacing(link) as draft:
            assert draft.parent == target.parent
            draft.write_bytes(text)
        assert link.readlink() == target
        assert target.read_bytes() == text


def test_where_no_draft_can_be_made_the_file_is_named(tmp_path: Path) -> None:
    """The directory is missing, or is none."""
    (tmp_path / "file").touch()
    for path, error in [
        (tmp_path / "missing" / "file", FileNotFoundError),
        (tmp_path / "file" / "file", NotADirectoryError),
    ]:
        with pytest.raises(error, match=str(path)), replacing(path):
            pytest.fail("nothing can be written")


_KILLED = """
import os, signal, sys
from pathlib import Path
from collector.store.fault_points import FaultPoint, arm
from collector.store.atomic import replacing

def kill(point, path):
    if point is FaultPoint.BEFORE_REPLACE:
        os.kill(os.getpid(), signal.SIGKILL)

arm(kill)
with replacing(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"new")
"""


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    """At the last moment before the new one takes its place; the draft is whole then."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", _KILLED, str(path)], check=False, timeout=30
    )
    assert done.returncode == -9
    assert path.read_bytes() == b"old"
    assert (tmp_path / "file.new").read_bytes() == b"new"


def test_links_in_a_circle_are_an_error_of_the_disk(tmp_path: Path) -> None:
    """Nothing is made beside them."""
    path = tmp_path / "file"
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"):
        replace_file(path, [b"new"])
    assert list(tmp_path.iterdir()) == [path]
