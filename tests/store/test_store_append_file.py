import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collector.store.append_file import AppendFile, sync_directory

_LIMITED = """
import errno, json, resource, signal, sys
from pathlib import Path
from collector.store.append_file import AppendFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
file = AppendFile.create(path)
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


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_block_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """The kernel takes half of it; the file is as it was, and smaller blocks still go in."""
    path = tmp_path / "file"
    assert _child(_LIMITED, str(path)) == ["ok", 900, "EFBIG", 900, "ok", 1000, "EFBIG", 1000]
    assert path.read_bytes() == b"9" * 899 + b"\n" + b"1" * 99 + b"\n"


def test_the_error_of_a_write_says_why_it_was_refused(tmp_path: Path) -> None:
    """Even if the block cannot be taken back, the first reason is the one that helps."""
    with Path("/dev/full").open("ab", buffering=0) as stream:
        file = AppendFile(stream.fileno(), tmp_path)
        with pytest.raises(OSError, match="No space left") as caught:
            file.append(b"1\n")
    assert caught.value.errno == errno.ENOSPC


def test_blocks_are_in_the_file_when_append_returns(tmp_path: Path) -> None:
    """There is no buffer between."""
    file = AppendFile.create(tmp_path / "file")
    expected = b""
    for number in range(5):
        block = b"%d\n" % number * 100_000
        file.append(block)
        expected += block
        assert file.path.read_bytes() == expected
    file.append(b"")
    file.sync()
    file.close()
    assert file.path.read_bytes() == expected


def test_blocks_go_to_the_end_whoever_else_wrote(tmp_path: Path) -> None:
    """Nothing that is in the file is ever written over."""
    file = AppendFile.create(tmp_path / "file")
    file.append(b"1\n")
    with file.path.open("ab") as other:
        other.write(b"somebody else\n")
    file.append(b"2\n")
    file.close()
    assert file.path.read_bytes() == b"1\nsomebody else\n2\n"


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_a_file_that_exists_is_not_opened(tmp_path: Path, kind: str) -> None:
    """Whatever it is; and a file keeps what is in it."""
    path = tmp_path / "file"
    if kind == "file":
        path.write_bytes(b"kept")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        AppendFile.create(path)
    assert not (tmp_path / "nowhere").exists()
    if kind == "file":
        assert path.read_bytes() == b"kept"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_files_are_for_their_owner_to_write(tmp_path: Path, mask: int, mode: int) -> None:
    """Others may read at most, and the user's mask is respected."""
    before = os.umask(mask)
    try:
        file = AppendFile.create(tmp_path / "file")
    finally:
        os.umask(before)
    file.close()
    assert stat.S_IMODE(file.path.stat().st_mode) == mode


def test_a_closed_file_takes_nothing(tmp_path: Path) -> None:
    """Its descriptor is given back."""
    before = _open_files()
    file = AppendFile.create(tmp_path / "file")
    file.close()
    assert _open_files() == before
    assert file.path.read_bytes() == b""


def test_children_do_not_inherit_the_file(tmp_path: Path) -> None:
    """A process that outlives the run must not hold the output open."""
    file = AppendFile.create(tmp_path / "file")
    script = """
import json, os
links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
print(json.dumps([os.readlink(link) for link in links if os.path.exists(link)]))
"""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=True, close_fds=False
    )
    file.close()
    assert str(file.path) not in json.loads(done.stdout)


def test_a_directory_is_synced_and_closed(tmp_path: Path) -> None:
    """Only a directory can be: for anything else there is an `OSError`."""
    before = _open_files()
    sync_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_directory(tmp_path / "file")
    assert _open_files() == before
