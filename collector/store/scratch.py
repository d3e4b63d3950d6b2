"""A private database on the disk, for sorting and joining what would not fit into memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from collector.errors import StorageError

__all__ = ["scratch_database"]

_CACHE: Final = 32_768
"""KiB that the database keeps in memory; beyond that it is on the disk."""

_OF_THE_DISK: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
)
_PRIMARY: Final = 0xFF
"""The bits of an extended result code that say its kind; see https://sqlite.org/rescode.html."""


@contextmanager
def scratch_database() -> Iterator[sqlite3.Connection]:
    """Give an empty database that is gone when the block ends, or the process.

    All of the block is one transaction. Raises `StorageError` when the disk refuses, whichever
    statement of the block meets that.
    """
    try:
        # A database without a name is SQLite's own temporary file, which has no name on the disk
        # either: nothing is left behind, not even by kill -9.
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            # Nobody will read it after a crash, so nothing is done for that.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"PRAGMA cache_size = -{_CACHE}")
            database.execute("BEGIN")
            yield database
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY not in _OF_THE_DISK:
            raise
        raise StorageError(
            f"the temporary database cannot be written: {error}; see that there is room in the "
            "directory for temporary files (/var/tmp, if SQLITE_TMPDIR and TMPDIR name no other), "
            "or set SQLITE_TMPDIR to one that has room"
        ) from error
