import os
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collector.store.repair import ByteRange, broken_path, damaged_spans, lost_lines, move_ranges

LargestFile = Callable[[int], AbstractContextManager[None]]


def _is_good(line: bytes) -> bool:
    return line.endswith(b"\n") and not line.startswith(b"-")


def _repair(path: Path) -> list[ByteRange]:
    spans = damaged_spans(path, _is_good)
    if spans:
        move_ranges(path, spans)
    return spans


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file that is not there yet."""
    return tmp_path / "some.jsonl"


def test_damaged_lines_have_a_file_of_their_own(path: Path) -> None:
    """Beside the file, under its whole name."""
    assert broken_path(path) == path.parent / "some.jsonl.broken"


def test_every_line_is_yielded_in_order(path: Path) -> None:
    """With its line break; the last one may lack it."""
    path.write_bytes(b"1\n\n2\r\n3")
    lines: list[bytes] = []
    assert damaged_spans(path, lambda line: not lines.append(line)) == []  # type: ignore[func-returns-value]
    assert lines == [b"1\n", b"\n", b"2\r\n", b"3"]


@pytest.mark.parametrize(
    ("content", "spans"),
    [
        (b"", []),
        (b"1\n2\n", []),
        (b"1\n2", [(2, 3)]),
        (b"1\n-2\n3\n", [(2, 5)]),
        (b"-1\n2\n", [(0, 3)]),
        (b"1\n-2\n-3\n4\n-5", [(2, 8), (10, 12)]),
        (b"-1\n-2", [(0, 3), (3, 5)]),
        (b"-1\r-2", [(0, 3), (3, 5)]),
    ],
)
def test_damage_is_found_where_it_is(
    path: Path, content: bytes, spans: list[tuple[int, int]]
) -> None:
    """Neighbouring damaged lines are one range, but for an unfinished one; nothing is changed."""
    path.write_bytes(content)
    found = damaged_spans(path, _is_good)
    assert found == spans
    unfinished = len(found) - len(lost_lines(found))
    assert unfinished == (bool(content) and not content.endswith(b"\n"))
    assert path.read_bytes() == content
    assert not broken_path(path).exists()


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/full"])
def test_what_is_not_a_file_is_refused(path: Path, device: str) -> None:
    """A device, which may have no end, and a directory; a file that does not exist has no lines."""
    assert damaged_spans(path, _is_good) == []
    path.symlink_to(device)
    with pytest.raises(OSError, match=r"some\.jsonl is a device, not a file"):
        damaged_spans(path, _is_good)
    with pytest.raises(OSError, match="Is a directory"):
        damaged_spans(path.parent, _is_good)


def test_a_damaged_tail_is_cut_in_place(path: Path) -> None:
    """The file stays the same one: it is not copied for a few bytes at its end."""
    path.write_bytes(b"1\n2\n-3\n4")
    before = path.stat().st_ino
    damaged = damaged_spans(path, lambda line: line in {b"1\n", b"2\n"})
    move_ranges(path, damaged)
    assert path.read_bytes() == b"1\n2\n"
    assert path.stat().st_ino == before
    assert broken_path(path).read_bytes() == b"-3\n4\n"
    assert set(path.parent.iterdir()) == {path, broken_path(path)}


def test_damage_amid_good_lines_is_taken_out(path: Path) -> None:
    """The good lines stay in their order, and no draft stays behind."""
    path.write_bytes(b"-0\n1\n-2\n-\0\n3\n4\n-5\n6\n7")
    _repair(path)
    assert path.read_bytes() == b"1\n3\n4\n6\n"
    assert broken_path(path).read_bytes() == b"-0\n\n-2\n-\0\n\n-5\n\n7\n"
    assert set(path.parent.iterdir()) == {path, broken_path(path)}


def test_what_was_moved_earlier_stays(path: Path) -> None:
    """More is added after it, each piece on lines of its own."""
    for content in (b"1\n-a", b"1\n-b", b"-c\n1\n"):
        path.write_bytes(content)
        _repair(path)
    assert path.read_bytes() == b"1\n"
    assert broken_path(path).read_bytes() == b"-a\n-b\n-c\n\n"


def test_a_file_that_is_all_damage_is_emptied(path: Path) -> None:
    """It stays there, without a byte in it."""
    path.write_bytes(b"\0" * 600)
    assert _repair(path) == [(0, 600)]
    assert path.read_bytes() == b""
    assert broken_path(path).read_bytes() == b"\0" * 600 + b"\n"


_FILES = st.lists(
    st.sampled_from([b"1\n", b"22\n", b"333\n", b"-\n", b"-x\n", b"\0\0\n", b"\n"]), max_size=12
).flatmap(lambda lines: st.tuples(st.just(lines), st.sampled_from([b"", b"7", b"-", b"\0\0\0"])))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(_FILES)
@example(([], b"7"))
@example(([b"-\n", b"1\n"], b""))
def test_good_lines_stay_and_the_rest_is_kept(path: Path, file: tuple[list[bytes], bytes]) -> None:
    """Whatever the damage: nothing is lost, and a second look finds nothing to repair."""
    lines, tail = file
    path.write_bytes(b"".join(lines) + tail)
    broken_path(path).unlink(missing_ok=True)
    _repair(path)
    assert path.read_bytes() == b"".join(line for line in lines if _is_good(line))
    damage = b"".join(line for line in [*lines, tail] if not _is_good(line))
    aside = broken_path(path).read_bytes() if broken_path(path).exists() else b""
    assert aside.replace(b"\n", b"") == damage.replace(b"\n", b"")
    assert aside.count(b"\n") >= damage.count(b"\n")
    assert _repair(path) == []


def test_a_huge_tail_is_read_and_moved_in_pieces(path: Path) -> None:
    """A machine that lost its power may leave a file of zeros; it does not fill the memory."""
    size = 50_000_000
    path.write_bytes(b"1\n2\n")
    os.truncate(path, size)
    tracemalloc.start()
    try:
        ends = [end for _, end in _repair(path)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ends[-1] == size
    assert path.read_bytes() == b"1\n2\n"
    assert broken_path(path).stat().st_size == size - 4 + 1
    assert peak < 20_000_000


def test_a_huge_line_amid_good_ones_is_moved_as_one(path: Path) -> None:
    """However many pieces it was read in."""
    huge = b"-" * 10_000_000 + b"\n"
    path.write_bytes(b"1\n" + huge + b"2\n")
    _repair(path)
    assert path.read_bytes() == b"1\n2\n"
    assert broken_path(path).read_bytes() == huge + b"\n"


@pytest.mark.parametrize("content", [b"1\n2", b"-1\n2\n"])
def test_nothing_is_cut_that_cannot_be_kept(
    path: Path, content: bytes, largest_file: LargestFile
) -> None:
    """When the damage cannot be moved, the file stays as it is, and the error says so."""
    path.write_bytes(content)
    with largest_file(1), pytest.raises(OSError, match="File too large"):
        _repair(path)
    assert path.read_bytes() == content
    assert set(path.parent.iterdir()) == {path, broken_path(path)}


def test_damage_is_not_put_into_what_a_link_leads_to(path: Path) -> None:
    """That may be a file of another program; neither is a link repaired."""
    foreign = path.with_name("foreign")
    foreign.write_bytes(b"mine")
    path.write_bytes(b"1\n2")
    broken_path(path).symlink_to(foreign)
    with pytest.raises(OSError, match="it is a symbolic link"):
        _repair(path)
    assert path.read_bytes() == b"1\n2"
    broken_path(path).unlink()
    path.rename(foreign)
    path.symlink_to(foreign)
    with pytest.raises(OSError, match="it is a symbolic link"):
        _repair(path)
    assert foreign.read_bytes() == b"1\n2"
    assert not broken_path(path).exists()
