import gzip
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from collector.core.errors import InputError
from collector.store.data_file import (
    DecompressionError,
    decompress_command,
    open_data,
    salvage_command,
    stored_as,
    stored_twice,
)
from tests.store.compressed import PACKERS, compress

LINES = b"".join(b'{"company_id":"%d"}\n' % number for number in range(100_000))

endings = pytest.mark.parametrize("ending", PACKERS)


def _pieces(path: Path, size: int = 65536) -> Iterator[bytes]:
    with open_data(path) as stream:
        while piece := stream.read(size):
            assert len(piece) <= size
            yield piece


def _content(path: Path) -> bytes:
    return b"".join(_pieces(path))


def _until_damage(path: Path) -> bytes:
    """Return what is read before the damage, which must be found."""
    found: list[bytes] = []
    with pytest.raises(DecompressionError):
        all(map(_appender(found), _pieces(path)))
    return b"".join(found)


def _appender(pieces: list[bytes]) -> Callable[[bytes], bool]:
    def append(piece: bytes) -> bool:
        pieces.append(piece)
        return True

    return append


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a data file that is there."""
    path = tmp_path / "statistics.jsonl"
    path.write_bytes(LINES)
    return path


def test_a_plain_file_is_read_as_it_is(path: Path) -> None:
    """Under its own name."""
    assert _content(path) == LINES
    assert stored_as(path) == path


@endings
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_compressed_file_is_read_under_the_plain_name(path: Path, ending: str, size: int) -> None:
    """And under its own; each read has as many bytes as were asked for at most."""
    path.write_bytes(LINES[:2000] if size == 1 else LINES)
    expected = path.read_bytes()
    packed = compress(path, ending)
    assert stored_as(path) == stored_as(packed) == packed
    assert b"".join(_pieces(path, size)) == b"".join(_pieces(packed, size)) == expected
    with open_data(path) as stream:
        assert stream.path == packed


@endings
def test_an_empty_file_that_was_compressed_is_empty(path: Path, ending: str) -> None:
    """It is a file of some bytes, which is undamaged."""
    path.write_bytes(b"")
    compress(path, ending)
    assert _content(path) == b""


@pytest.mark.parametrize(
    ("command", "ending"), [(("gzip", "-9"), ".gz"), (("zstd", "-q", "--rm"), ".zst")]
)
def test_what_the_programs_write_is_read(path: Path, command: tuple[str, ...], ending: str) -> None:
    """As a job calls them, and what the documented command makes plain again is the same."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    subprocess.run([*command, path], check=True)  # noqa: S603 - the command of this test
    packed = stored_as(path)
    assert packed.name == f"statistics.jsonl{ending}"
    assert _content(path) == LINES
    documented = decompress_command([packed])
    subprocess.run(["/bin/sh", "-c", documented], check=True)  # noqa: S603 - the documented command
    assert not packed.exists()
    assert path.read_bytes() == LINES


@endings
def test_several_members_are_one_file(path: Path, ending: str) -> None:
    """As `cat` joins them, or several threads write them; with an empty one between them."""
    pack = PACKERS[ending]
    path.with_name(path.name + ending).write_bytes(pack(b"1\n") + pack(b"") + pack(LINES))
    path.unlink()
    assert _content(path) == b"1\n" + LINES


@endings
def test_the_plain_file_counts_if_both_are_there(path: Path, ending: str) -> None:
    """A program that compresses has both for a moment; the other may be half written."""
    assert stored_twice(path) is None
    half = path.with_name(path.name + ending)
    half.write_bytes(b"half")
    assert _content(path) == LINES
    assert stored_twice(path) == half


@endings
@pytest.mark.parametrize("left", [0, 1, 10, 0.5, -1])
def test_a_file_that_was_cut_is_damaged(path: Path, ending: str, left: float) -> None:
    """After what can be read; not even its last byte may lack, nor may it be without any."""
    packed = compress(path, ending)
    content = packed.read_bytes()
    kept = content[: int(len(content) * left) if 0 < left < 1 else int(left)]
    packed.write_bytes(kept)
    found = _until_damage(path)
    assert LINES.startswith(found)
    assert bool(found) is (left in {0.5, -1})


@endings
def test_a_changed_byte_is_damage(path: Path, ending: str) -> None:
    """The checksum shows it, where nothing else does."""
    packed = compress(path, ending)
    content = bytearray(packed.read_bytes())
    content[-2] ^= 1
    packed.write_bytes(content)
    _until_damage(path)


@endings
def test_what_follows_a_file_is_damage(path: Path, ending: str) -> None:
    """What precedes it is read."""
    packed = compress(path, ending)
    with packed.open("ab") as stream:
        stream.write(b"something else")
    assert _until_damage(path) == LINES


@endings
def test_a_plain_file_with_a_compressed_name_is_damaged(path: Path, ending: str) -> None:
    """The name says what is in it."""
    path.rename(path.with_name(path.name + ending))
    assert _until_damage(path) == b""


@endings
def test_little_memory_is_taken_whatever_is_in_the_file(path: Path, ending: str) -> None:
    """A file of some kilobytes may stand for very many."""
    path.write_bytes(bytes(80_000_000))
    packed = compress(path, ending)
    assert packed.stat().st_size < 100_000
    tracemalloc.start()
    try:
        assert sum(map(len, _pieces(path))) == 80_000_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 40_000_000


def test_a_window_beyond_the_memory_is_refused(path: Path) -> None:
    """A header of a few bytes may ask for gigabytes."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.with_name("statistics.jsonl.zst").write_bytes(stream.compress(LINES) + stream.flush())
    path.unlink()
    assert _until_damage(path) == b""


def test_zstd_needs_a_package(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file and the command that installs it. gzip needs none."""
    packed = compress(path, ".zst")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError) as caught:
        _content(path)
    assert str(caught.value).startswith(
        f"zstandard is not installed, and {packed} needs it; install it with: "
    )
    packed.unlink()
    path.with_name("statistics.jsonl.gz").write_bytes(gzip.compress(LINES))
    assert _content(path) == LINES


def test_no_file_is_an_error_of_the_system(path: Path) -> None:
    """It names the plain file."""
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        _content(path)
    assert caught.value.filename == str(path)


def test_a_pipe_with_a_compressed_name_is_refused(path: Path) -> None:
    """It would wait for ever."""
    path.unlink()
    os.mkfifo(path.with_name("statistics.jsonl.gz"))
    with pytest.raises(OSError, match="is a named pipe, not a file"):
        _content(path)


def test_the_command_that_decompresses_is_for_a_shell() -> None:
    """Each directory and form once; no name is taken for an option, or for several words."""
    files = [Path("-a/log.jsonl.gz"), Path("-a/errors.jsonl.gz"), Path("b c/log.jsonl.zst")]
    assert decompress_command(files) == "gunzip ./-a/*.jsonl.gz && unzstd --rm 'b c'/*.jsonl.zst"


def test_the_command_for_a_damaged_file_makes_a_plain_one(tmp_path: Path) -> None:
    """It has what precedes the damage; the damaged file is kept under another name."""
    lines = b"".join(b"%d\n" % number for number in range(100_000))
    plain = tmp_path / "a b.jsonl"
    plain.write_bytes(lines)
    packed = compress(plain, ".gz")
    packed.write_bytes(packed.read_bytes()[:-1000])
    words = ["/bin/sh", "-c", salvage_command(packed)]
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own command
    assert 0 < plain.stat().st_size < len(lines)
    assert lines.startswith(plain.read_bytes())
    assert {path.name for path in tmp_path.iterdir()} == {plain.name, f"{packed.name}.damaged"}
