"""The log of what concerns all shards, in the run directory once one of them has begun there."""

from contextlib import ExitStack, suppress
from typing import Self

from collector.log import EventLog
from collector.store.append_file import AppendFile
from collector.store.files import PartFiles, parts_in

__all__ = ["JointLog"]


class JointLog:
    """Opens that log. Leaving the context closes it.

    A log alone would be taken for that of another program when the run is gone on with.
    """

    def __init__(self, files: PartFiles, events: EventLog) -> None:
        self.is_open = False
        """Whether a shard has begun."""
        self._files = files
        self._events = events
        self._opened = ExitStack()

    def open(self) -> None:
        """Open the log if a shard has begun, and it is not open yet."""
        # A log that cannot be written must not end the run; see `EventLog`.
        with suppress(OSError):
            if self.is_open or not any(
                files.manifest.exists() for files in parts_in(self._files.directory)
            ):
                return
            self.is_open = True
            file = AppendFile.open(self._files.log)
            self._opened.callback(file.close)
            self._opened.enter_context(self._events.into(file.append))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
