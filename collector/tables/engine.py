"""A private analytical database that spills to the disk, and is removed when its block ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from collector.core.errors import StorageError

__all__ = [
    "Database",
    "analytical_database",
    "is_utf8",
    "json_pointer",
    "scratch_refuses",
    "sql_name",
    "sql_text",
]

_MEMORY: Final = "300MB"
"""The limit of DuckDB's memory; more data is in files of the scratch directory."""

_MOST_THREADS: Final = 4
"""Each thread has buffers of its own, so many threads would use up the memory."""

_TEMPORARY: Final = "the directory for temporary files (/tmp, if TMPDIR names no other)"


@dataclass(frozen=True, slots=True)
class Database:
    """A connection and its directory for files; both end together."""

    connection: duckdb.DuckDBPyConnection
    scratch: Path


@contextmanager
def analytical_database() -> Iterator[Database]:
    """Open an empty database that takes at most 300 MB of memory for data.

    Nothing is downloaded: extensions that are not built in are not loaded. Raises `StorageError`
    when the scratch directory cannot be created, or a statement of the block cannot write; and
    `KeyboardInterrupt` when a signal interrupts a statement.
    """
    try:
        with _scratch_directory() as scratch:
            config: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": _MEMORY,
                "temp_directory": str(scratch / "spilled"),
                "threads": min(_MOST_THREADS, os.cpu_count() or 1),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
            with duckdb.connect(":memory:", config=config) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield Database(connection, scratch)
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StorageError(
            f"the database fails: {_first_line(error)}; check that there is room where it writes, "
            f"and in {_TEMPORARY}"
        ) from error
    except RuntimeError as error:
        # All that DuckDB reports of an exception in a signal handler.
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


def scratch_refuses(error: OSError) -> StorageError:
    """Return the error for a scratch directory that cannot be written."""
    return StorageError(
        f"the temporary files cannot be written: {error.strerror}; check that there is room in "
        f"{_TEMPORARY}"
    )


def is_utf8(name: str) -> bool:
    """Tell whether DuckDB can open a file of this name: it accepts only UTF-8."""
    return os.fsencode(name) == name.encode(errors="replace")


def sql_text(text: str) -> str:
    """Return a text as an SQL literal, for what cannot be a parameter."""
    return "'" + text.replace("'", "''") + "'"


def json_pointer(key: str) -> str:
    """Return the JSON pointer (RFC 6901) to a member of an object, whatever its key is."""
    return f"/{key.replace('~', '~0').replace('/', '~1')}"


def sql_name(name: str) -> str:
    """Return the name of a column as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _scratch_directory() -> Iterator[Path]:
    try:
        directory = TemporaryDirectory(prefix="collector-", ignore_cleanup_errors=True)
    except OSError as error:
        raise scratch_refuses(error) from error
    with directory as scratch:
        if not is_utf8(scratch):
            raise StorageError(f"{scratch}: its name is no UTF-8; set TMPDIR to one whose name is")
        yield Path(scratch)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
