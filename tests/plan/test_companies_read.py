import io
import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.plan.companies import read_companies
from collector.plan.company_line import MAX_LINE

_NOBODY = 65534


def test_a_file_is_read(tmp_path: Path) -> None:
    """Messages and the source name the path as it was given."""
    path = tmp_path / "companies.txt"
    path.write_bytes(b"1 One\n2\n")
    companies = read_companies(path)
    assert companies.ids == ("1", "2")
    assert companies.source == str(path)
    path.write_bytes(b"1\n..\n")
    with pytest.raises(InputError) as caught:
        read_companies(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_dash_is_standard_input() -> None:
    """Messages call it by its name."""
    assert read_companies(Path("-"), io.BytesIO(b"1\n2\n")).ids == ("1", "2")
    with pytest.raises(InputError, match=r"^standard input:1: "):
        read_companies(Path("-"), io.BytesIO(b".."))


def test_a_process_without_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started with `<&-` there is nothing to read: said as such, not as a traceback."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input: there is none; give the path"):
        read_companies(Path("-"))


def test_a_missing_file(tmp_path: Path) -> None:
    """Also when a folder of the path is a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "nope.txt", tmp_path / "file" / "nope.txt"):
        with pytest.raises(InputError, match=r"nope\.txt: there is no such file; check the path"):
            read_companies(path)


def test_a_directory(tmp_path: Path) -> None:
    """It is not read as an empty file."""
    with pytest.raises(InputError, match="this is a directory; give the path of a text file"):
        read_companies(tmp_path)


@contextmanager
def _not_root() -> Iterator[None]:
    """Run as the user `nobody` for a moment: root may read everything."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(uid)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """The message says how to allow it."""
    path = tmp_path / "companies.txt"
    path.touch(mode=0o000)
    with (
        _not_root(),
        pytest.raises(InputError, match=r"companies\.txt: no permission to read it; allow"),
    ):
        read_companies(path)


def test_a_path_that_no_system_call_takes() -> None:
    """A null character in a path is bad input, not a bug."""
    with pytest.raises(InputError, match=r"a<U\+0000>b: is not a path"):
        read_companies(Path("a\0b"))


class _FailingStream(io.BytesIO):
    """Yields one line, then fails."""

    def __init__(self, error: OSError) -> None:
        super().__init__(b"1\n")
        self._error = error

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise self._error
        return line


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "no permission to read it"),
        (OSError(5, "Input/output error"), r"cannot be read \(Input/output error\)"),
    ],
)
def test_reading_fails_half_way(error: OSError, message: str) -> None:
    """Half a file is never taken for the whole."""
    with pytest.raises(InputError, match=f"^standard input: {message}"):
        read_companies(Path("-"), _FailingStream(error))


class _EndlessLine(io.BytesIO):
    """One line of 50 MB that is made while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks = iter([b"x" * (MAX_LINE + 1)] * 6000 + [b"x\n", b"..\n"])

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size == MAX_LINE + 1
        return next(self._chunks, b"")


def test_a_file_without_line_ends_is_not_held() -> None:
    """Of a line that is too long only a piece is kept, and the lines after it still count."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"input:1: .*longer than[^\n]*\n[^\n]*input:2: "):
            read_companies(Path("-"), _EndlessLine())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("excess", range(-2, 3))
def test_lines_around_the_bound_keep_their_numbers(tmp_path: Path, excess: int) -> None:
    """A long line is one line, however it is cut while it is read."""
    path = tmp_path / "companies.txt"
    path.write_bytes(b"x" * (MAX_LINE - 1 + excess) + b"\n" + b"..\n")
    with pytest.raises(InputError) as caught:
        read_companies(path)
    numbers = [line.removeprefix(str(path)).split(":")[1] for line in str(caught.value).split("\n")]
    assert numbers == (["1", "2"] if excess > 0 else ["2"])
