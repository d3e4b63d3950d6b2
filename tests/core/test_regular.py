import io
import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.core.regular import check_regular, is_endless, open_regular, read_regular


def _refused(path: Path) -> str:
    texts = set()
    for refuse in (check_regular, open_regular):
        with pytest.raises(OSError, match=r"not a file|Is a directory") as caught:
            refuse(path)
        texts.add(caught.value.strerror)
        assert caught.value.filename == str(path)
    (text,) = texts
    return text or ""


def test_a_file_is_opened(tmp_path: Path) -> None:
    """Also by a link; one that does not exist is no error of `check_regular`."""
    (tmp_path / "file").write_bytes(b"1\n2")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        check_regular(tmp_path / name)
        with open_regular(tmp_path / name) as stream:
            assert stream.read() == b"1\n2"
    check_regular(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")


@pytest.mark.parametrize("most", [0, 1, 65_536, 65_537, 200_000, None])
def test_a_file_is_read_as_far_as_it_is_wanted(tmp_path: Path, most: int | None) -> None:
    """Whatever the size of a block."""
    content = bytes(range(256)) * 600
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_regular(path, most) == content[:most]


def test_what_is_not_a_file_is_refused_in_words(tmp_path: Path) -> None:
    """At once: no process writes into the pipe."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    assert _refused(tmp_path / "pipe") == "pipe is a named pipe, not a file"
    assert _refused(tmp_path / "link") == "link is a named pipe, not a file"
    assert _refused(Path("/dev/zero")) == "zero is a device, not a file"
    assert _refused(tmp_path) == "Is a directory"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        assert _refused(tmp_path / "socket") == "socket is a socket, not a file"


def test_a_device_may_be_endless(tmp_path: Path) -> None:
    """A pipe, a terminal, a file and the empty device are not."""
    (tmp_path / "file").touch()
    for name, expected in [("/dev/zero", True), ("/dev/null", False), ("file", False)]:
        with (tmp_path / name).open("rb") as stream:
            assert is_endless(stream) is expected
    assert not is_endless(io.BytesIO(b"1"))
    with ExitStack() as opened:
        ends = [
            opened.enter_context(os.fdopen(descriptor, "r+b", buffering=0))
            for descriptor in (*os.pipe(), *os.openpty())
        ]
        assert not any(map(is_endless, ends))
