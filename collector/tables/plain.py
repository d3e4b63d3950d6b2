"""Check whether a file of results is plain: all readers of JSON read its lines in the same way.

DuckDB accepts much that the collector does not: numbers as texts, texts and fractions as counts,
surplus commas, blank lines. So each line is also decoded by the rules of `collector.store.lines`,
and by stricter ones.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec.structs import fields

from collector.core.outcome import Counters
from collector.store.data_file import DataStream, DecompressionError, open_data
from collector.store.lines import LONGEST_LINE, parse_result
from collector.tables.actions import ActionNames

__all__ = [
    "MOST_SMALL",
    "PlainActions",
    "PlainLine",
    "plain_actions",
]

MOST_SMALL: Final = 2**63 - 1
"""The largest count that a BIGINT can hold."""

_READ_AT_ONCE: Final = 64 * 1024
"""Bytes. The decoded lines of more would leave the processor's cache before they are freed."""

_Small = Annotated[int, msgspec.Meta(ge=0, le=MOST_SMALL)]


class PlainLine(msgspec.Struct, gc=False):
    """A `ResultLine` with real days, and small counts; a test keeps their fields together."""

    company_id: str
    from_date: date | None
    until_date: date | None
    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    requests: _Small = msgspec.field(name="attempts")
    statistics: Counters


def _decoder_for(actions: object) -> msgspec.json.Decoder[PlainLine]:
    """Return a decoder of plain lines whose counts fit into BIGINTs, with actions of this type."""
    small = [
        (field.name, actions if field.name == "actions" else _Small, field.default)
        for field in fields(Counters)
    ]
    counters = msgspec.defstruct("PlainCounters", small, bases=(Counters,), gc=False)
    line = msgspec.defstruct("Line", [("statistics", counters)], bases=(PlainLine,), gc=False)
    return msgspec.json.Decoder(line)


_decoder: Final = _decoder_for(dict[str, _Small])


@dataclass(frozen=True, slots=True)
class PlainActions:
    """The names of the actions in a file, and the total number of actions of its lines.

    If there are more names than are told apart, some are missing.
    """

    names: Collection[str]
    total: int


def plain_actions(path: Path, is_stopped: Callable[[], bool]) -> PlainActions | None:
    """Return the actions of a file whose lines are all undamaged and plain; otherwise None.

    Plain lines have real days, and counts that fit into a BIGINT. Lines that end with CR LF, blank
    lines, and a last line without a line break are not plain. Also returns None when `is_stopped`
    returns true, and for a compressed file that is damaged. Raises `OSError`, and `InputError` as
    `open_data` does.
    """
    reader = _Reader()
    with open_data(path) as stream, suppress(DecompressionError):
        for block in _blocks(stream):
            if is_stopped() or not reader.accept(block):
                return None
        return PlainActions(reader.names.names, reader.total)
    return None


class _Reader:
    """Decodes blocks of lines, first with a decoder for the actions of the first block.

    Nearly all answers have the same actions, and that decoder is the fastest.
    """

    def __init__(self) -> None:
        self.names = ActionNames()
        self.total = 0
        self._usual: msgspec.json.Decoder[PlainLine] | None = None
        self._is_first = True

    def accept(self, block: bytes) -> bool:
        """Add the actions of the lines; return False if one of them is not plain."""
        if not block.endswith(b"\n") or b"\r" in block:
            return False
        if (b"\\" in block or not block.isascii()) and not all(
            # The decoders do not check the strings of unknown fields; this does.
            parse_result(line)
            for line in block.splitlines(keepends=True)
        ):
            return False
        try:
            lines = self._decode(block)
        except (msgspec.DecodeError, RecursionError):
            return False
        # The decoder skips blank lines. DuckDB rejects values that share a line or span several.
        return lines == block.count(b"\n")

    def _decode(self, block: bytes) -> int:
        if self._usual is not None:
            try:
                lines = len(self._usual.decode_lines(block))
            except msgspec.DecodeError:
                self._usual = None
            else:
                self.total += lines * len(self.names.names)
                return lines
        all_actions = [line.statistics.actions for line in _decoder.decode_lines(block)]
        for actions in all_actions:
            self.names.add(actions)
        self.total += sum(map(len, all_actions))
        if self._is_first:
            self._is_first = False
            if not self.names.is_full and (usual := _exactly(self.names.names)):
                self._usual = _decoder_for(usual)
        return len(all_actions)


def _exactly(names: Iterable[str]) -> type[msgspec.Struct] | None:
    """Return the type of `actions` that has exactly these names; None if it cannot be made."""
    keys = {f"action_{position}": name for position, name in enumerate(names)}
    try:
        return msgspec.defstruct(
            "Actions", [(key, _Small) for key in keys], rename=keys, forbid_unknown_fields=True
        )
    except ValueError:  # a name with quotes, backslashes or control characters
        return None


def _blocks(stream: DataStream) -> Iterator[bytes]:
    """Yield blocks of whole lines; the last one may lack its line break, or be cut as too long."""
    rest = b""
    while read := stream.read(_READ_AT_ONCE):
        end = read.rfind(b"\n") + 1
        if end:
            yield rest + read[:end]
            rest = read[end:]
        else:
            rest += read
            if len(rest) > LONGEST_LINE:
                break
    if rest:
        yield rest
