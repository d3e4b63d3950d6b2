"""A private database on the disk, for what does not fit into memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from collector.core.errors import StorageError

__all__ = ["scratch_database"]

_CACHE: Final = 32_768
"""KiB that the database keeps in memory; the rest is on the disk."""

_STEPS: Final = 100_000
"""Instructions of the database between two calls: a few milliseconds."""

_DISK_ERRORS: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
)
_PRIMARY: Final = 0xFF
"""The bits of an extended result code that say its kind; see https://sqlite.org/rescode.html."""


@contextmanager
def scratch_database() -> Iterator[sqlite3.Connection]:
    """Open an empty database that is removed when the block, or the process, ends.

    The whole block is one transaction. Raises `StorageError` when any statement of the block cannot
    read or write the disk, and `KeyboardInterrupt` when a signal interrupts one.
    """
    try:
        # A database without a name is a temporary file of SQLite, without a name on the disk:
        # nothing is left behind, not even after kill -9.
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            # It is never read after a crash, so it needs no durability.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"PRAGMA cache_size = -{_CACHE}")
            # Any call lets Python handle signals, also in the midst of a long statement.
            database.set_progress_handler(lambda: None, _STEPS)
            database.execute("BEGIN")
            yield database
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            # All that SQLite reports of an exception in a signal handler.
            raise KeyboardInterrupt from error
        if error.sqlite_errorcode & _PRIMARY not in _DISK_ERRORS:
            raise
        raise StorageError(
            f"the temporary database cannot be written: {error}; see that there is room in the "
            "directory for temporary files (/var/tmp, if SQLITE_TMPDIR and TMPDIR name no other), "
            "or set SQLITE_TMPDIR to one that has room"
        ) from error
