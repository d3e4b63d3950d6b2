"""Writes checkpoints of a part while lines are appended."""

from collections.abc import Sequence
from typing import Final

from collector import __version__
from collector.plan import AnsweredCells, Part
from collector.store.checkpoint import Checkpoint
from collector.store.files import PartFiles
from collector.store.results import Results

__all__ = ["Checkpointer"]

_FEWEST_LINES: Final = 50_000
_BYTES_PER_LINE: Final = 100
"""Lines between two checkpoints: at least so many, and one for each 100 bytes of the two bits
of the cells. Decoding so many takes 0.14 s, and writing them less than 1 % of the time in which the
lines come."""


class Checkpointer:
    """Follows the lines that a run appends to the file of its part.

    * `files`, `part`: the part that is collected.
    * `results`: what the start has read; takes each line.

    One thread at a time may call it; all methods block. A checkpoint that cannot be written does
    not matter to the run: there are no more attempts, and `finish` returns a remark. Nor is there
    one of lines that a start would tell of, because it would not see them any more.
    """

    def __init__(self, files: PartFiles, part: Part, results: Results) -> None:
        self._files, self._part, self._results = files, part, results
        self._written = results.restored
        self._interval = max(_FEWEST_LINES, 2 * len(part.plan) // 8 // _BYTES_PER_LINE)
        self._since = 0
        self._trouble: str | None = None
        self._is_off = False

    def follow(self, lines: Sequence[bytes]) -> None:
        """Record lines of results that are on the disk; write a checkpoint now and then."""
        if self._trouble is not None or self._is_off:
            return
        for line in lines:
            # False for one of a clock that is decades off, in a run without dates.
            self._is_off = not self._results.record(line) or self._is_off
        self._is_off = self._is_off or self._results.is_odd
        self._results.prefix.extend(b"".join(lines))
        self._since += len(lines)
        if self._since >= self._interval:
            self.finish()

    def finish(self) -> str | None:
        """Write a checkpoint, unless there is one of all lines; return a remark if that failed."""
        self._since = 0
        results, cells = self._results, self._results.cells
        is_new = cells is not None and results.prefix.size != self._written
        if cells is not None and is_new and self._trouble is None and not self._is_off:
            self._write(cells)
        return self._trouble

    def _write(self, cells: AnsweredCells) -> None:
        checkpoint = Checkpoint(
            collector=__version__,
            plan=self._part.plan.fingerprint,
            shard=str(self._part.shard),
            lines=self._results.prefix.record(),
            done=cells.done.packed(),
            empty=cells.empty.packed(),
            newest=self._results.newest_read,
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
            self._written = checkpoint.lines.size
