import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from collector.store.append_file import AppendFile, LostFileError
from collector.store.fault_points import FaultPoint, arm
from tests.store.on_disk import entries, name_of, open_files

LargestFile = Callable[[int], AbstractContextManager[None]]

_LIMITED = """
import errno, json, resource, signal, sys
from pathlib import Path
from collector.store.append_file import AppendFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
file = AppendFile.open(path)
seen = []
for size in (900, 200, 100, 1):
    block = str(size)[0].encode() * (size - 1) + b"\\n"
    try:
        file.append(block)
        seen.append("ok")
    except OSError as error:
        seen.append(errno.errorcode[error.errno])
    file.sync()
    seen.append(path.stat().st_size)
    assert file.size == path.stat().st_size
file.close()
print(json.dumps(seen))
"""


def _child(script: str, *arguments: str) -> Any:  # noqa: ANN401 - what the child prints
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, *arguments],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[AppendFile]:
    """Give an open file, still empty."""
    file = AppendFile.open(tmp_path / "file")
    yield file
    file.close()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[FaultPoint, Path], None]], None]:
    """Give `arm`, which is undone after the test."""
    monkeypatch.setattr("collector.store.fault_points._hook", None)
    return arm


class _Disk:
    """Replaces the system's sync; records calls, and fails when told to."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        self.refuses = False

    def sync(self, descriptor: int) -> None:
        self.synced.append(name_of(descriptor))
        if self.refuses:
            raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    """Give the stand-in for the system's sync."""
    disk = _Disk()
    monkeypatch.setattr("collector.store.append_file._sync", disk.sync)
    return disk


def test_a_block_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """The kernel takes half of it; the file is as it was, and smaller blocks still go in."""
    path = tmp_path / "file"
    assert _child(_LIMITED, str(path)) == ["ok", 900, "EFBIG", 900, "ok", 1000, "EFBIG", 1000]
    assert path.read_bytes() == b"9" * 899 + b"\n" + b"1" * 99 + b"\n"


def test_a_line_that_does_not_fit_leaves_what_an_earlier_attempt_wrote(
    tmp_path: Path, largest_file: LargestFile
) -> None:
    """What was in the file when it was opened counts too when a line is taken back."""
    path = tmp_path / "file"
    path.write_bytes(b"earlier\n")
    file = AppendFile.open(path)
    with largest_file(10), pytest.raises(OSError, match="File too large"):
        file.append(b"later\n")
    assert path.read_bytes() == b"earlier\n"
    assert file.size == 8
    file.append(b"later\n")
    file.close()
    assert path.read_bytes() == b"earlier\nlater\n"


def test_the_error_of_a_write_says_why_it_was_refused(tmp_path: Path) -> None:
    """Even if the block cannot be taken back, the first reason is the one that helps."""
    with Path("/dev/full").open("ab", buffering=0) as stream:
        file = AppendFile(stream.fileno(), tmp_path)
        with pytest.raises(OSError, match="No space left") as caught:
            file.append(b"1\n")
    assert caught.value.errno == errno.ENOSPC


def test_a_block_that_cannot_be_taken_back_still_says_why(
    file: AppendFile, monkeypatch: pytest.MonkeyPatch, largest_file: LargestFile
) -> None:
    """The disk refuses the cut as well: the error is that of the write."""

    def refuse(_descriptor: int, _size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", refuse)
    with largest_file(5), pytest.raises(OSError, match="File too large"):
        file.append(b"12345678\n")


def test_short_writes_are_finished(file: AppendFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take a few bytes at a time; the line is whole when `append` returns."""
    write = os.write
    sizes: list[int] = []

    def write_a_little(descriptor: int, data: memoryview) -> int:
        sizes.append(len(data))
        return write(descriptor, data[:3])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_a_little)
        file.append(b"12345678\n")
    assert file.path.read_bytes() == b"12345678\n"
    assert sizes == [9, 6, 3]
    assert file.size == 9


def test_blocks_are_in_the_file_when_append_returns(file: AppendFile) -> None:
    """There is no buffer between."""
    expected = b""
    for number in range(5):
        block = b"%d\n" % number * 100_000
        file.append(block)
        expected += block
        assert file.path.read_bytes() == expected
        assert file.size == len(expected)
    file.append(b"")
    file.sync()
    assert file.path.read_bytes() == expected


def test_blocks_go_to_the_end_whichever_process_wrote(file: AppendFile) -> None:
    """Nothing that is in the file is ever written over."""
    file.append(b"1\n")
    with file.path.open("ab") as other:
        other.write(b"another process\n")
    file.append(b"2\n")
    assert file.path.read_bytes() == b"1\nanother process\n2\n"


def test_a_file_that_exists_is_continued(tmp_path: Path) -> None:
    """It keeps what is in it."""
    path = tmp_path / "file"
    path.write_bytes(b"1\n")
    file = AppendFile.open(path)
    assert file.size == 2
    file.append(b"2\n")
    file.close()
    assert path.read_bytes() == b"1\n2\n"


@pytest.mark.parametrize("target", ["elsewhere", "nothing", "/dev/full"])
def test_a_link_is_not_followed(tmp_path: Path, target: str) -> None:
    """What it leads to may belong to another program; nothing is made, and nothing stays open."""
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(target)
    before = open_files()
    with pytest.raises(OSError, match="it is a symbolic link") as caught:
        AppendFile.open(tmp_path / "link")
    assert caught.value.filename == str(tmp_path / "link")
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert entries(tmp_path) == {"elsewhere", "link"}
    assert open_files() == before


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """With a reader and without one: it is refused at once, and nothing stays open."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        AppendFile.open(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    before = open_files()
    with pytest.raises(OSError, match="is a named pipe, not a file"):
        AppendFile.open(path)
    assert open_files() == before
    os.close(reading)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """The error says so, and nothing stays open."""
    before = open_files()
    with pytest.raises(IsADirectoryError):
        AppendFile.open(tmp_path)
    assert open_files() == before


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_files_are_for_their_owner_to_write(tmp_path: Path, mask: int, mode: int) -> None:
    """Others may read at most, and the user's mask is respected."""
    before = os.umask(mask)
    try:
        file = AppendFile.open(tmp_path / "file")
    finally:
        os.umask(before)
    file.close()
    assert stat.S_IMODE(file.path.stat().st_mode) == mode


def test_a_closed_file_takes_nothing(tmp_path: Path) -> None:
    """Its descriptor is given back, and nothing was waiting to be written."""
    before = open_files()
    file = AppendFile.open(tmp_path / "file")
    file.close()
    assert open_files() == before
    assert file.path.read_bytes() == b""


def test_children_do_not_inherit_the_file(file: AppendFile) -> None:
    """A process that outlives the run must not hold the output open."""
    script = """
import json, os
links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
print(json.dumps([os.readlink(link) for link in links if os.path.exists(link)]))
"""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=True, close_fds=False
    )
    assert str(file.path) not in json.loads(done.stdout)


def test_a_failed_sync_cuts_what_was_not_synced(file: AppendFile, disk: _Disk) -> None:
    """It is unknown whether the disk has those lines, so the next run must not find them."""
    file.append(b"1\n")
    file.sync()
    file.append(b"2\n")
    file.append(b"3\n")
    disk.refuses = True
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    file.cut_unsynced()
    assert file.path.read_bytes() == b"1\n"
    assert file.size == 2
    assert disk.synced == ["file", "file"], "it was tried again"


def test_a_failed_sync_leaves_what_was_there_before(tmp_path: Path, disk: _Disk) -> None:
    """What an earlier attempt wrote is not taken back with the lines of this one."""
    (tmp_path / "file").write_bytes(b"earlier\n")
    file = AppendFile.open(tmp_path / "file")
    file.append(b"1\n")
    disk.refuses = True
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    file.cut_unsynced()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"earlier\n"


def test_a_line_that_came_during_a_sync_is_not_taken_for_synced(
    file: AppendFile,
    disk: _Disk,
    hook: Callable[[Callable[[FaultPoint, Path], None]], None],
) -> None:
    """It belongs to the next sync: if that one fails, the line is cut off."""
    file.append(b"before\n")

    def append_once(point: FaultPoint, _: Path) -> None:
        if point is FaultPoint.BEFORE_SYNC and file.size == 7:
            file.append(b"during\n")

    hook(append_once)
    file.sync()
    assert file.path.read_bytes() == b"before\nduring\n"
    disk.refuses = True
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    file.cut_unsynced()
    assert file.path.read_bytes() == b"before\n"


def test_what_cannot_be_synced_says_so(tmp_path: Path) -> None:
    """The kernel's own answer; that there is nothing to cut does not hide it."""
    reading, writing = os.pipe()
    file = AppendFile(writing, tmp_path / "pipe")
    file.append(b"1\n")
    with pytest.raises(OSError, match="Invalid argument"):
        file.sync()
    file.close()
    os.close(reading)


def _remove(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"1\n")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [(_remove, "removed"), (_replace, "replaced"), (_link, "replaced"), (_empty, "cut")],
)
def test_what_cannot_be_found_is_not_synced(
    file: AppendFile, spoil: Callable[[Path], None], what: str
) -> None:
    """A file that another process takes away does not hold the lines: they must not count."""
    file.append(b"1\n")
    file.check()
    spoil(file.path)
    for look in (file.sync, file.check):
        with pytest.raises(LostFileError) as caught:
            look()
        assert caught.value.strerror == f"another process has {what} it"
        assert caught.value.filename == str(file.path)


def test_a_directory_that_became_a_file_has_no_lines(tmp_path: Path) -> None:
    """As one that is gone."""
    (tmp_path / "run").mkdir()
    file = AppendFile.open(tmp_path / "run" / "file")
    file.append(b"1\n")
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(LostFileError, match="has removed it"):
        file.check()
    (tmp_path / "run").touch()
    with pytest.raises(LostFileError, match="has removed it"):
        file.check()
    file.close()
