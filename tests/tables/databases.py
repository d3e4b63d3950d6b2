"""An empty database for a test: to open one takes twice as long as most tests work with it."""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.tables.engine import Database, analytical_database

_opened = ExitStack()
atexit.register(_opened.close)


@cache
def _shared() -> Database:
    return _opened.enter_context(analytical_database())


@contextmanager
def empty_database() -> Iterator[Database]:
    """Give a connection of its own to the database of this process, and a scratch directory.

    All tables are of a connection, and go with it.
    """
    with TemporaryDirectory() as scratch, _shared().connection.cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield Database(connection, Path(scratch))
