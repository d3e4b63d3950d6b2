"""Reads the answers of a run by its checkpoint, and writes checkpoints while lines are appended."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from collector import __version__
from collector.plan import Part
from collector.store.checkpoint import Checkpoint
from collector.store.files import PartFiles
from collector.store.prefix import Prefix, PrefixRecord
from collector.store.repair import ByteRange, damaged_spans
from collector.store.results import Found, Results

__all__ = ["Checkpointer"]

_FEWEST_LINES: Final = 50_000
_BYTES_PER_LINE: Final = 100
"""Lines between two checkpoints: at least so many, and one for each 100 bytes of the bits of the
cells. Decoding so many takes 0.14 s, and writing the bits less than 1 % of the time in which the
lines come."""


class Checkpointer:
    """Reads the answers of a part of a run once, then follows the lines that the run appends.

    * `files`, `part`: the part that is collected.
    * `results`: takes each line that no checkpoint is about.
    * `is_stopped`: asked while files are read; when it returns true, `StoppedError` is raised.

    One thread at a time may call it; all methods block. A checkpoint that cannot be written does
    not matter to the run: there are no more attempts, and `finish` returns a remark.
    """

    def __init__(
        self, files: PartFiles, part: Part, results: Results, is_stopped: Callable[[], bool]
    ) -> None:
        self._files, self._part, self._results = files, part, results
        self._is_stopped = is_stopped
        self._prefixes: dict[PartFiles, Prefix] = {}
        self._written: dict[str, PrefixRecord] | None = None
        self._interval = max(_FEWEST_LINES, len(part.plan) // 8 // _BYTES_PER_LINE)
        self._since = 0
        self._trouble: str | None = None

    def read(self, read: Sequence[PartFiles]) -> dict[PartFiles, list[ByteRange]]:
        """Read the answers of parts, the own one last; return the damage. Raises `OSError`."""
        self._written = self._restored(read)
        return {
            other: damaged_spans(
                other.statistics,
                self._results.taker(other),
                self._prefixes.setdefault(other, Prefix()),
            )
            for other in read
        }

    def _restored(self, read: Sequence[PartFiles]) -> dict[str, PrefixRecord] | None:
        """Restore what the checkpoint has recorded; return its files, None if it does not hold."""
        found = Checkpoint.read(self._files.checkpoint, self._part, len(read))
        prefixes = None if found is None else self._unchanged(found, read)
        if found is None or prefixes is None:
            return None
        if not self._results.ledger.done.unpack(found.done):
            return None
        self._prefixes = prefixes
        self._results.restore(Found(found.kept, found.empty, found.newest, found.empty_companies))
        return found.files

    def _unchanged(
        self, found: Checkpoint, read: Sequence[PartFiles]
    ) -> dict[PartFiles, Prefix] | None:
        """Return the bytes that a checkpoint is about; None if they are not all that there is.

        The own file may have more by now.
        """
        prefixes: dict[PartFiles, Prefix] = {}
        if not found.files.keys() <= {other.statistics.name for other in read}:
            return None
        for other in read:
            record = found.files.get(other.statistics.name, Prefix().record())
            prefixes[other] = Prefix()
            with suppress(FileNotFoundError):
                size = other.statistics.stat().st_size
                if size < record.size or (size > record.size and other != self._files):
                    return None
                prefixes[other] = Prefix.of(
                    other.statistics, record.size, is_stopped=self._is_stopped
                )
            if prefixes[other].record() != record:
                return None
        return prefixes

    def after_repair(
        self, damaged: Mapping[PartFiles, Sequence[ByteRange]]
    ) -> "Checkpointer | None":
        """Read the files again from which damage was moved aside, and return what follows the run.

        Returns None if each start is to read all lines, and to tell of what is odd: damage that
        stays, and lines that are doubled or in no plan. Raises `OSError`.
        """
        ledger = self._results.ledger
        for other, spans in damaged.items():
            if spans and other != self._files and not self._files.shard.is_whole:
                return None
            if spans:
                self._prefixes[other] = Prefix.of(other.statistics, is_stopped=self._is_stopped)
        return None if ledger.unplanned or ledger.doubled else self

    def follow(self, lines: Sequence[bytes]) -> None:
        """Record lines of results that are on the disk; write a checkpoint now and then."""
        if self._trouble is not None:
            return
        for line in lines:
            self._results.record(line)
        self._prefixes[self._files].extend(b"".join(lines))
        self._since += len(lines)
        if self._since >= self._interval:
            self.finish()

    def finish(self) -> str | None:
        """Write a checkpoint, unless there is one of all lines; return a remark if that failed."""
        self._since = 0
        if self._trouble is None and self._results.ledger.done:
            files = {other.statistics.name: one.record() for other, one in self._prefixes.items()}
            if self._written != files:
                self._write(files)
        return self._trouble

    def _write(self, files: dict[str, PrefixRecord]) -> None:
        kept, empty, newest, companies = self._results.found()
        checkpoint = Checkpoint(
            collector=__version__,
            plan=self._part.plan.fingerprint,
            shard=str(self._part.shard),
            files=files,
            done=self._results.ledger.done.packed(),
            kept=kept,
            empty=empty,
            newest=newest,
            empty_companies=companies,
        )
        path = self._files.checkpoint
        try:
            checkpoint.write(path)
        except OSError as error:
            self._trouble = (
                f"{path.name}: cannot be written: {error.strerror}; the next start takes longer, "
                "because it reads all lines again"
            )
        else:
            self._written = files
