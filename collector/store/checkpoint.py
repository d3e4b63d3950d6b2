"""The checkpoint of a run: what its lines have shown, so that a start need not decode them again.

The lines alone decide what is done, and a checkpoint is a cache of them. It holds only if the bytes
that it is about are there: their SHA-256 is compared (`collector.store.checkpointer`).
"""

import errno
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from collector import __version__
from collector.core.own_files import open_own
from collector.plan import Part
from collector.store.atomic import replace_file
from collector.store.prefix import PrefixRecord

__all__ = ["Checkpoint"]

_OURS: Final = b"collector checkpoint "
_HEAD: Final = _OURS + b"1\n"
"""How a checkpoint begins, and one of the form that this collector knows."""

_DIGEST_DIGITS: Final = 64

_OVERHEAD: Final = 1024 * 1024
_PER_FILE: Final = 256
"""Bytes that a checkpoint may have beside its bits, and for each file that it is about."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the first bytes of files of answers have shown; `files` are these bytes by name.

    `done` are the done cells as `CellSet.packed` returns them. Of those that belong to the shard
    `kept` are so many, and `empty` of them empty; `empty_companies` are two companies of these at
    most. `newest` is when the last one was fetched, of a run without dates. All of that is by the
    collector of this version, for the plan of this fingerprint.
    """

    collector: str
    plan: str
    shard: str
    files: dict[str, PrefixRecord]
    done: bytes
    kept: _Count
    empty: _Count
    newest: Annotated[datetime, msgspec.Meta(tz=True)] | None
    empty_companies: Annotated[tuple[str, ...], msgspec.Meta(max_length=2)]

    @classmethod
    def read(cls, path: Path, part: Part, files: int) -> "Checkpoint | None":
        """Read the checkpoint of a part, of as many files at most.

        Returns None if there is none, or it is damaged, or of another collector, plan or shard.
        """
        # Compressed bits are hardly more than the bits, and base64 makes a third more of them.
        most = len(part.plan) // 4 + _OVERHEAD + _PER_FILE * files
        try:
            with open(path, "rb", opener=open_own) as stream:
                content = stream.read(most + 1)
        except OSError:
            # A cache that cannot be read is as good as none.
            return None
        body = content[len(_HEAD) + _DIGEST_DIGITS + 1 :]
        if len(content) > most or content != _encoded(body):
            return None
        try:
            found = msgspec.json.decode(body, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return found if found.is_of(part) else None

    def is_of(self, part: Part) -> bool:
        """Tell whether this collector has made it for this part of this plan."""
        is_of_plan = self.plan == part.plan.fingerprint and self.shard == str(part.shard)
        return is_of_plan and self.collector == __version__

    def write(self, path: Path) -> None:
        """Replace the file atomically. It is not synced: its digest shows whether it is whole.

        Raises `OSError`, also if there is a file that the collector has not written.
        """
        with suppress(FileNotFoundError), open(path, "rb", opener=open_own) as stream:
            if stream.read(len(_OURS)) != _OURS:
                raise OSError(errno.EEXIST, "a file of another program has its name", str(path))
        replace_file(path, [_encoded(msgspec.json.encode(self))], is_durable=False)


def _encoded(body: bytes) -> bytes:
    return b"%b%b\n%b" % (_HEAD, sha256(body).hexdigest().encode(), body)
