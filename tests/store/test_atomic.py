import errno
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from collector.store.atomic import remove_drafts, replace_file, replacing, sync_directory
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
        name = re.sub("[0-9a-f]{16}", "DRAFT", name_of(descriptor))
        notes.append(("sync", name, path.read_bytes()))
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            assert os.fstat(descriptor).st_size == 6
        fsync(descriptor)

    hook(lambda point, concerned: notes.append((point, concerned.name, path.read_bytes())))
    monkeypatch.setattr(os, "fsync", note_sync)
    replace_file(path, [b"new", b"est"])
    assert notes == [
        ("sync", "file.DRAFT.new", b"old"),
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


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_nothing_that_is_called_as_a_draft_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Not even if the random digits are the same; another name is taken."""
    digits = iter(["a" * 16, "b" * 16])
    monkeypatch.setattr("collector.core.own_files.token_hex", lambda _: next(digits))
    taken = tmp_path / f"file.{'a' * 16}.new"
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"mine")
    if kind == "file":
        taken.write_bytes(b"mine")
    elif kind == "link":
        taken.symlink_to(foreign)
    else:
        taken.mkdir()
    (tmp_path / "file.new").symlink_to(foreign)
    replace_file(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"new"
    assert foreign.read_bytes() == b"mine"
    assert kind != "file" or taken.read_bytes() == b"mine"
    assert kind != "link" or taken.readlink() == foreign
    assert entries(tmp_path) == {"file", "file.new", "foreign", taken.name}


def test_a_draft_that_became_a_link_is_not_written(tmp_path: Path) -> None:
    """Another process has put it there: what it leads to stays, and the old file too."""
    (tmp_path / "foreign").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        (draft,) = tmp_path.glob("file.*.new")
        draft.unlink()
        draft.symlink_to(tmp_path / "foreign")
        yield b"new"

    with pytest.raises(OSError, match="symbolic link"):
        replace_file(tmp_path / "file", pieces())
    assert (tmp_path / "foreign").read_bytes() == b"mine"
    assert (tmp_path / "file").read_bytes() == b"old"


def test_only_drafts_are_removed(tmp_path: Path) -> None:
    """Those of this file that a killed process has left, and nothing whose name is similar."""
    digits = "0123456789abcdef"
    kept = {"file", "file.new", "other." + digits + ".new", "file.1.new", f"file.{digits}.new.txt"}
    kept |= {f"file.{'g' * 16}.new", f"file.{digits}0.new", f"file.{digits}"}
    for name in (*kept, f"file.{digits}.new", f"file.{digits[::-1]}.new"):
        (tmp_path / name).write_bytes(b"")
    remove_drafts(entries(tmp_path), tmp_path / "file")
    assert entries(tmp_path) == kept


def test_a_file_that_cannot_be_replaced_is_left(tmp_path: Path) -> None:
    """A directory, a pipe or a link is in its place: it stays, and no draft does."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    before = entries(tmp_path)
    for name, text in (
        ("directory", "Is a directory"),
        ("pipe", "is a named pipe, not a file"),
        ("link", "it is a symbolic link"),
        ("nowhere", "it is a symbolic link"),
    ):
        with pytest.raises(OSError, match=text) as caught:
            replace_file(tmp_path / name, [b"new"])
        assert caught.value.filename == str(tmp_path / name)
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert entries(tmp_path) == before


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
    """Into the empty file that is there, or into one that takes its place; it is visible only then.

    Its name begins with that of the file.
    """
    path = tmp_path / "file"
    for number in range(2):
        with replacing(path) as draft:
            assert draft.parent == tmp_path
            assert re.fullmatch(r"file\.[0-9a-f]{16}\.new", draft.name)
            assert draft.read_bytes() == b""
            if number:
                draft.unlink()
            draft.write_bytes(b"new %d" % number)
            assert path.exists() == bool(number)
        assert path.read_bytes() == b"new %d" % number
        assert entries(tmp_path) == {"file"}


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt(), OSError(28, "full")])
def test_a_block_that_raises_replaces_nothing(tmp_path: Path, error: BaseException) -> None:
    """Whatever it raises is passed on; an `OSError` without a file gets the name of this one."""
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
    """Another process has removed it: the old file stays."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replacing(path) as draft:
        draft.unlink()
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o200])
def test_the_mode_of_the_old_file_is_kept(tmp_path: Path, mode: int) -> None:
    """Users who could not read the old one cannot read the draft; its owner can write it."""
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
    (draft,) = tmp_path.glob("file.*.new")
    assert draft.read_bytes() == b"new"
    remove_drafts(entries(path.parent), path)
    assert entries(tmp_path) == {"file"}


def test_links_in_a_circle_are_an_error_of_the_disk(tmp_path: Path) -> None:
    """Nothing is made beside them."""
    path = tmp_path / "file"
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        replace_file(path, [b"new"])
    assert list(tmp_path.iterdir()) == [path]
