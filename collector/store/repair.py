"""Repair of files of lines after a crash: damage is moved into `.broken` files."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import orjson

from collector.core.own_files import open_own
from collector.core.text import counted
from collector.store.append_file import AppendFile
from collector.store.atomic import replace_file, sync_directory
from collector.store.data_file import DataStream, DecompressionError, open_data
from collector.store.files import PartFiles
from collector.store.lines import LONGEST_LINE, parse_error
from collector.store.prefix import Prefix

__all__ = [
    "ByteRange",
    "LostRest",
    "UnfinishedLine",
    "broken_path",
    "damaged_spans",
    "left_out",
    "lost_lines",
    "move_damage",
    "move_ranges",
    "pass_lines",
    "repair",
    "rest_is_lost",
    "total_bytes",
    "whole_of",
]

_READ_AT_ONCE: Final = 1024 * 1024


class ByteRange(NamedTuple):
    """A range of bytes of a file; `end` is exclusive."""

    start: int
    end: int


class UnfinishedLine(ByteRange):
    """The last line of a file, without its line break: its writer was killed, or is writing it."""

    __slots__ = ()


class LostRest(ByteRange):
    """The place, no bytes long, from which on a compressed file is damaged or cut."""

    __slots__ = ()


def damaged_spans(
    path: Path, take: Callable[[bytes], bool], prefix: Prefix | None = None
) -> list[ByteRange]:
    """Pass every line of a file to `take`; return the ranges of those that it rejects.

    Adjacent ranges are joined, but for an unfinished line. A line includes its line break; the last
    one may lack it. Ranges of a compressed file are those of its content; a `LostRest` is the last.
    A file that does not exist has no lines. The lines of a `prefix` of a plain file are left out,
    and the prefix is extended by all that is read. Raises `OSError`, also if the path is not a
    regular file, and `InputError` as `open_data` does.
    """
    damaged: list[ByteRange] = []
    for _ in pass_lines(path, partial(map, take), damaged, prefix):
        pass
    return damaged


def pass_lines(
    path: Path,
    take: Callable[[list[bytes]], Iterable[bool]],
    damaged: list[ByteRange],
    prefix: Prefix | None = None,
) -> Iterator[None]:
    """Do as `damaged_spans`, and pause after each block of lines, about 1 MiB.

    `take` gets the lines of a block, and returns for each whether it is good. The ranges are added
    to `damaged`, and are complete after the last block.
    """
    end, line = 0 if prefix is None else prefix.size, b""
    with suppress(FileNotFoundError), open_data(path, end) as stream:
        try:
            for lines in _blocks(stream if prefix is None else prefix.extended_by(stream)):
                for line, is_good in zip(lines, take(lines), strict=True):
                    start, end = end, end + len(line)
                    if not is_good:
                        if damaged and damaged[-1].end == start:
                            start = damaged.pop().start
                        damaged.append(ByteRange(start, end))
                yield
        except DecompressionError:
            damaged.append(LostRest(end, end))
            return
    if damaged and damaged[-1].end == end and not line.endswith(b"\n"):
        start, begin = damaged.pop().start, end - len(line)
        if start < begin:
            damaged.append(ByteRange(start, begin))
        damaged.append(UnfinishedLine(begin, end))


def repair(files: PartFiles, damaged: list[ByteRange]) -> list[str]:
    """Move damage of the files of lines aside, and return texts about it. Raises `OSError`.

    `damaged` are the damaged ranges of the results.
    """
    return [
        *move_damage(files.statistics, damaged),
        *move_damage(files.errors, damaged_spans(files.errors, _is_error)),
        *move_damage(files.log, damaged_spans(files.log, _is_event)),
    ]


def move_damage(path: Path, damaged: list[ByteRange]) -> list[str]:
    """Move the damaged bytes of a file aside, and return texts about it. Raises `OSError`."""
    if not damaged:
        return []
    move_ranges(path, damaged)
    size = total_bytes(damaged)
    remark = (
        f"{path.name}: {counted(size, 'damaged byte')} from byte {damaged[0].start:,} on "
        f"{'was' if size == 1 else 'were'} moved to {broken_path(path).name}"
    )
    return [remark]


def _is_error(line: bytes) -> bool:
    return parse_error(line) is not None


def _is_event(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict and line.endswith(b"\n")
    except orjson.JSONDecodeError:
        return False


def whole_of(file: Path) -> list[ByteRange]:
    """Return the whole content of a file as one range; nothing if it is empty."""
    size = file.stat().st_size if file.is_file() else 0
    return [ByteRange(0, size)] if size else []


def left_out(path: Path, damaged: Sequence[ByteRange], *, is_growing: bool = False) -> list[str]:
    """Return texts about what was not read of a file; of one that grows, only about damage."""
    remarks = []
    if size := total_bytes(lost_lines(damaged)):
        lost = counted(size, "byte is damaged, and was", "bytes are damaged, and were")
        remarks.append(f"{path}: {lost} left out")
    if damaged and isinstance(damaged[-1], LostRest):
        remarks.append(f"{path}: {rest_is_lost(damaged[-1])}; what may follow was left out")
    unfinished = total_bytes(span for span in damaged if isinstance(span, UnfinishedLine))
    if unfinished and not is_growing:
        remarks.append(
            f"{path}: the last line is unfinished ({counted(unfinished, 'byte')}); "
            "collector run requests its cell again"
        )
    return remarks


def rest_is_lost(rest: LostRest) -> str:
    """Return what is the matter with a compressed file."""
    return f"is damaged or cut: it cannot be decompressed from byte {rest.start:,} of its content"


def lost_lines(damaged: Iterable[ByteRange]) -> list[ByteRange]:
    """Return the damage that took lines; an unfinished line is of a cell that is not done yet."""
    return [span for span in damaged if not isinstance(span, UnfinishedLine)]


def total_bytes(spans: Iterable[ByteRange]) -> int:
    """Return the number of bytes in ranges."""
    return sum(span.end - span.start for span in spans)


def move_ranges(path: Path, spans: list[ByteRange]) -> None:
    """Move ranges of a file to the end of its `.broken` file, each on lines of its own.

    The `.broken` file is on the disk before anything is removed. A damaged end is truncated in
    place; for damage between good lines the file is replaced. Raises `OSError`; then nothing was
    removed.
    """
    spans = _joined(spans)
    with open(path, "r+b", opener=open_own) as stream:
        _keep(broken_path(path), (_pieces(stream, span) for span in spans))
        size = stream.seek(0, os.SEEK_END)
        if spans[0].end == size:
            stream.truncate(spans[0].start)
            os.fsync(stream.fileno())
        else:
            kept = _between(spans, size)
            replace_file(path, (piece for span in kept for piece in _pieces(stream, span)))


def broken_path(path: Path) -> Path:
    """Return the path of the damaged lines of a file: `statistics.jsonl.broken`."""
    return path.with_name(f"{path.name}.broken")


def _keep(broken: Path, blocks: Iterable[Iterable[bytes]]) -> None:
    """Append blocks of bytes to a file, each with a line break, or nothing at all."""
    file = AppendFile.open(broken)
    try:
        for block in blocks:
            for piece in block:
                file.append(piece)
            file.append(b"\n")
        file.sync()
    except OSError:
        file.cut_unsynced()
        raise
    finally:
        file.close()
    sync_directory(broken.parent)


def _blocks(stream: DataStream) -> Iterator[list[bytes]]:
    """Yield the lines of a stream with their line breaks; a line that is too long, in pieces."""
    rest = b""
    while block := stream.read(_READ_AT_ONCE):
        # It also splits at a carriage return, which no line of the collector contains: a piece that
        # ends with one is damaged.
        lines = (rest + block).splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        yield lines
        if len(rest) > LONGEST_LINE:
            yield [rest]
            rest = b""
    if rest:
        yield [rest]


def _joined(spans: Iterable[ByteRange]) -> list[ByteRange]:
    joined: list[ByteRange] = []
    for start, end in spans:
        begin = joined.pop().start if joined and joined[-1].end == start else start
        joined.append(ByteRange(begin, end))
    return joined


def _between(spans: list[ByteRange], size: int) -> Iterator[ByteRange]:
    """Yield the ranges of a file of `size` bytes that are outside of `spans`."""
    start = 0
    for span in [*spans, ByteRange(size, size)]:
        if span.start > start:
            yield ByteRange(start, span.start)
        start = span.end


def _pieces(stream: BinaryIO, span: ByteRange) -> Iterator[bytes]:
    stream.seek(span.start)
    left = span.end - span.start
    while left and (piece := stream.read(min(left, _READ_AT_ONCE))):
        left -= len(piece)
        yield piece
