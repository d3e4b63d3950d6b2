"""Lines of two sets of runs in a private database, which are read back in the order of cells."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from enum import IntEnum
from sqlite3 import Connection
from typing import Final

import msgspec

from collector.store.rows import BITS, WINDOW, Cells, Row, bytes_of

__all__ = ["Pile", "StoredLines"]

_AT_ONCE: Final = 8 * 1024 * 1024
"""Bytes of lines that are joined by company before they are stored."""

_Stored = tuple[int, int, bytes]
"""The number of a window, the place of a run in the order of reading, and the line."""

_NONE: Final = 0, 0, None

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[_Stored]).decode


class Pile(IntEnum):
    """A set of lines: the newest of a cell counts in each pile, and two piles are compared."""

    OLD = 0
    NEW = 1


class StoredLines:
    """Lines on the disk, in rows of several lines of one company of a pile.

    The number of a row is `BITS` bits of the company, the bit of the pile, and `BITS` bits that
    count how often lines were written.
    """

    def __init__(self, database: Connection, cells: Cells) -> None:
        self._database = database
        self._cells = cells
        self._companies: list[str] = []
        self._pending: defaultdict[int, list[_Stored]] = defaultdict(list)
        self._bytes = self._written = 0
        database.execute("CREATE TABLE lines (place INTEGER PRIMARY KEY, lines)")

    def put(self, rows: Collection[Row], pile: Pile, run: int = 0) -> None:
        """Store rows of a run; `run` counts the runs of a pile, from the newest one on.

        Of the lines of a cell the one that was fetched last counts. Of those of one moment, it is
        the last one of the newest run.
        """
        for cell, _, line in rows:
            self._pending[cell >> BITS << 1 | pile].append((cell & WINDOW, run, line))
        self._bytes += bytes_of(rows)
        if self._bytes > _AT_ONCE:
            self._write()

    def clear(self) -> None:
        """Remove all lines."""
        self._pending.clear()
        self._bytes = 0
        self._database.execute("DELETE FROM lines")

    def cells(self) -> Iterator[tuple[int, bytes | None, bytes | None]]:
        """Yield the window of each cell, and its line in the old and in the new pile.

        They are ordered by the company's bytes, then by the days; the server's default window comes
        before the days. Takes memory for the lines of one company.
        """
        self._write()
        windows = sorted(self._cells.windows, key=lambda days: [(d is not None, d) for d in days])
        places = {self._cells.windows[days]: place for place, days in enumerate(windows)}
        if len(self._companies) < len(self._cells.companies):
            self._companies = sorted(self._cells.companies)
        for company_id in self._companies:
            old, new = self._newest(self._cells.companies[company_id])
            for window in sorted(old.keys() | new.keys() if old else new, key=places.__getitem__):
                yield window, old.get(window, _NONE)[2], new.get(window, _NONE)[2]

    def _newest(self, company: int) -> tuple[dict[int, _Stored], dict[int, _Stored]]:
        """Return the newest line of each window of a company, of both piles."""
        newest: tuple[dict[int, _Stored], dict[int, _Stored]] = {}, {}
        first = company << BITS + 1
        for place, stored in self._database.execute(
            "SELECT place, lines FROM lines WHERE place BETWEEN ? AND ? ORDER BY place",
            (first, first | 1 << BITS | WINDOW),
        ):
            kept = newest[place >> BITS & 1]
            for line in _decode(stored):
                other = kept.setdefault(line[0], line)
                if other is not line and _rank(line) >= _rank(other):
                    kept[line[0]] = line
        return newest

    def _write(self) -> None:
        self._written += 1
        self._database.executemany(
            "INSERT INTO lines VALUES (?, ?)",
            (
                (place << BITS | self._written, _encode(lines))
                for place, lines in sorted(self._pending.items())
            ),
        )
        self._pending.clear()
        self._bytes = 0


class _Moment(msgspec.Struct, gc=False):
    fetched_at: datetime


_moment: Final = msgspec.json.Decoder(_Moment)


def _rank(stored: _Stored) -> tuple[datetime, int]:
    _, run, line = stored
    # A run that is read later is an older one.
    return _moment.decode(line).fetched_at, -run
