"""What a worker must find where it runs.

It imports nothing that sends requests: a worker can tell what is wrong even if it cannot send any.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from collector import __version__
from collector.store.files import CLUSTER_LOCK

__all__ = ["Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """The run directory, the text of its lock, and the version of the collector.

    A worker that finds something else has another file system, or another collector. With
    `is_insecure` its address may be one over which the token travels in plain text.
    """

    directory: Path
    lock: bytes
    version: str
    is_insecure: bool = False

    def mismatch(self) -> str | None:
        """Return what is different in this process, or wrong with it; None if nothing is."""
        if self.version != __version__:
            return f"has collector {__version__}, this is {self.version}; install the same there"
        if os.environ.get("SSLKEYLOGFILE"):
            # Dask has opened the file already, and the access token comes over its connections.
            return (
                "was started with SSLKEYLOGFILE: whatever can read that file can decrypt the "
                "access token; start it without"
            )
        try:
            is_same = (self.directory / CLUSTER_LOCK).read_bytes() == self.lock
        except OSError:
            is_same = False
        if is_same:
            return None
        return (
            f"does not see {self.directory}; --output must be on a file system that all its "
            "machines share"
        )
