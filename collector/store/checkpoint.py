"""The checkpoint of a part: what its lines have shown, so that a start need not decode them again.

The lines alone decide what is done, and a checkpoint is a cache of them. It holds only if the bytes
that it is about are there: their SHA-256 is compared (`collector.store.results`).
"""

import errno
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec

from collector import __version__
from collector.core.own_files import open_own
from collector.plan import AnsweredCells, CellSet, Plan
from collector.store.atomic import replace_file
from collector.store.files import PartFiles
from collector.store.prefix import PrefixRecord

__all__ = ["Checkpoint"]

_OURS: Final = b"collector checkpoint "
_HEAD: Final = _OURS + b"2\n"
"""How a checkpoint begins, and one of the form that this collector knows."""

_DIGEST_DIGITS: Final = 64

_OVERHEAD: Final = 1024 * 1024
"""Bytes that a checkpoint may have beside its bits."""

_READ_AT_ONCE: Final = 64 * 1024


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the first bytes of the file of answers of a part have shown; `lines` are these bytes.

    `done` are the cells that have a line there, `empty` those of them whose answer is empty, both
    as `CellSet.packed` returns them; all belong to the shard, and each has one line. `newest` is
    when the last one was fetched, of a run without dates. All of that is by the collector of this
    version, for the plan of this fingerprint.
    """

    collector: str
    plan: str
    shard: str
    lines: PrefixRecord
    done: bytes
    empty: bytes
    newest: Annotated[datetime, msgspec.Meta(tz=True)] | None

    @classmethod
    def read(cls, files: PartFiles, plan: Plan) -> "Checkpoint | None":
        """Read the checkpoint of a part of a plan.

        Returns None if there is none, or it is damaged, or of another collector, plan or shard.
        """
        # Compressed bits are hardly more than the bits, and base64 makes a third more of them.
        most = 2 * (len(plan) // 4) + _OVERHEAD
        try:
            with open(files.checkpoint, "rb", opener=open_own) as stream:
                content = stream.read(most + 1)
        except OSError:
            # A cache that cannot be read is as good as none.
            return None
        # No copy: it has the bits of all cells.
        body = memoryview(content)[len(_HEAD) + _DIGEST_DIGITS + 1 :]
        if len(content) > most or not content.startswith(_heading(body)):
            return None
        try:
            found = msgspec.json.decode(body, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        is_of_plan = found.plan == plan.fingerprint and found.shard == str(files.shard)
        return found if is_of_plan and found.collector == __version__ else None

    def cells(self, plan: Plan) -> AnsweredCells | None:
        """Return the cells; None if it has other bits than a collector writes."""
        try:
            sets = [CellSet.unpacked(packed, len(plan)) for packed in (self.done, self.empty)]
        except ValueError:
            return None
        return AnsweredCells(*sets)

    def write(self, path: Path) -> None:
        """Replace the file atomically. It is not synced: its digest shows whether it is whole.

        Raises `OSError`, also if there is a file that the collector has not written.
        """
        with suppress(FileNotFoundError), open(path, "rb", opener=open_own) as stream:
            if not _is_ours(stream):
                raise OSError(errno.EEXIST, "a file of another program has its name", str(path))
        body = msgspec.json.encode(self)
        replace_file(path, [_heading(body), body], is_durable=False)


def _is_ours(stream: BinaryIO) -> bool:
    """Tell whether a file is a checkpoint, or what a loss of power has left of one.

    What was not synced may be no bytes, or zeros.
    """
    piece = stream.read(len(_OURS))
    if piece == _OURS:
        return True
    while piece and not piece.strip(b"\0"):
        piece = stream.read(_READ_AT_ONCE)
    return not piece


def _heading(body: bytes | memoryview) -> bytes:
    return b"%b%b\n" % (_HEAD, sha256(body).hexdigest().encode())
