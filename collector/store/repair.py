"""Files of lines as a crash may have left them: find what is damaged, keep it aside, cut it."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import orjson

from collector.store.append_file import AppendFile
from collector.store.atomic import replace_file, sync_directory
from collector.store.files import PartFiles
from collector.store.lines import parse_error

__all__ = [
    "ByteRange",
    "broken_path",
    "damaged_spans",
    "left_out",
    "put_aside",
    "put_damage_aside",
    "repair",
]

_LONGEST_LINE: Final = 4 * 1024 * 1024
"""Bytes. An answer has 1 MiB at most, so what goes on longer is no line; it is read in pieces."""

_READ_AT_ONCE: Final = 1024 * 1024


class ByteRange(NamedTuple):
    """Bytes of a file, from `start` up to and without `end`."""

    start: int
    end: int


def damaged_spans(path: Path, take: Callable[[bytes], bool]) -> list[ByteRange]:
    """Hand every line of a file to `take`, and return where it refused some; neighbours as one.

    A line comes with its line break; the last one may lack it. What is no regular file (there is
    none yet; a device) has no lines. Raises `OSError`.
    """
    damaged: list[ByteRange] = []
    if not path.is_file():
        return damaged
    end = 0
    with path.open("rb") as stream:
        for line in _lines(stream):
            start, end = end, end + len(line)
            if not take(line):
                if damaged and damaged[-1].end == start:
                    start = damaged.pop().start
                damaged.append(ByteRange(start, end))
    return damaged


def repair(files: PartFiles, damaged: list[ByteRange]) -> list[str]:
    """Put aside what is damaged in files of lines, and say so for people. Raises `OSError`.

    Of the results it is known already what is `damaged`.
    """
    return [
        *put_damage_aside(files.statistics, damaged),
        *put_damage_aside(files.errors, damaged_spans(files.errors, _is_error)),
        *put_damage_aside(files.log, damaged_spans(files.log, _is_event)),
    ]


def put_damage_aside(path: Path, damaged: list[ByteRange]) -> list[str]:
    """Put aside the damaged bytes of a file, if any, and say so for people. Raises `OSError`."""
    if not damaged:
        return []
    put_aside(path, damaged)
    size = sum(span.end - span.start for span in damaged)
    remark = (
        f"{path.name}: {size:,} damaged bytes from byte {damaged[0].start:,} on "
        f"were put aside into {broken_path(path).name}"
    )
    return [remark]


def _is_error(line: bytes) -> bool:
    return parse_error(line) is not None


def _is_event(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict and line.endswith(b"\n")
    except orjson.JSONDecodeError:
        return False


def left_out(path: Path, damaged: Iterable[ByteRange]) -> str:
    """Say for people how much of a file is damaged, and was not read."""
    size = sum(span.end - span.start for span in damaged)
    return f"{path}: {size:,} bytes are damaged, and were left out"


def put_aside(path: Path, spans: list[ByteRange]) -> None:
    """Move spans of a file to the end of its `.broken` file, each on lines of its own.

    The `.broken` file is on the disk before anything is cut. A damaged tail is cut off in place;
    for damage amid good lines the file is written anew and replaced. Raises `OSError`, and has
    then cut nothing.
    """
    with path.open("r+b") as stream:
        _keep(broken_path(path), (_pieces(stream, span) for span in spans))
        size = stream.seek(0, os.SEEK_END)
        if spans[0].end == size:
            stream.truncate(spans[0].start)
            os.fsync(stream.fileno())
        else:
            kept = _between(spans, size)
            replace_file(path, (piece for span in kept for piece in _pieces(stream, span)))


def broken_path(path: Path) -> Path:
    """Return where damaged lines of a file are kept: `statistics.jsonl.broken`."""
    return path.with_name(f"{path.name}.broken")


def _keep(broken: Path, blocks: Iterable[Iterable[bytes]]) -> None:
    """Append blocks of bytes to a file, each with a line break behind it, or nothing at all."""
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


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Make the lines of a stream with their line breaks; what is too long for one, in pieces."""
    rest = b""
    while block := stream.read(_READ_AT_ONCE):
        # It also splits at a carriage return, which stands in no line of ours: what ends with
        # one is a piece of damage.
        lines = (rest + block).splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        yield from lines
        if len(rest) > _LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


def _between(spans: list[ByteRange], size: int) -> Iterator[ByteRange]:
    """Make the spans that are left of a file of `size` bytes when `spans` are taken out."""
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
