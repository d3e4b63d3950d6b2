"""What the process that distributes the shards of a run has read of its directory, for all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.core.cell import CellState
from collector.plan import AnsweredCells, CellSet, Part
from collector.store.files import FileStamp, PartFiles
from collector.store.manifest import DatesRecord

__all__ = ["Elsewhere", "HandedOver", "Surveyed"]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The answers in files that no shard of this run writes; read once, in place of by each shard.

    * `stamps`: these files by their names, as they were before they were read.
    * `done`: the cells that have a line there, see `CellSet.packed`: a bit per cell at most.
    """

    stamps: Mapping[str, FileStamp]
    done: bytes


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a shard need not find out by itself.

    * `dates`: the record of dates of the run.
    * `surveyed`: the answers of other files; None if the shard has to read them.
    * `answered`: the cells of the shard that `surveyed` has, by state.
    """

    dates: DatesRecord | None
    surveyed: Surveyed | None = None
    answered: Mapping[CellState, int] = field(default_factory=dict)

    def done(self, others: Iterable[PartFiles], part: Part) -> CellSet | None:
        """Return the cells that have a line in the files of `others`; None if they must be read.

        Raises `OSError`.
        """
        if self.surveyed is None or self.surveyed.stamps != _stamps_of(others):
            return None
        return CellSet.unpacked(self.surveyed.done, len(part.plan))


class Elsewhere(AnsweredCells):
    """The answers in files that no shard of a run writes, filled while a directory is surveyed.

    * `remarks`: warnings for the user about these files.
    """

    def __init__(self, size: int, total: int | None) -> None:
        """Begin with none of `size` cells. `total` is the number of shards, None if unknown yet."""
        super().__init__(CellSet(size), CellSet(size))
        self.remarks: list[str] = []
        self.is_all = total is None
        """Whether all files are elsewhere: no shard has written any yet."""
        self._total = total
        self._stamps: dict[str, FileStamp] = {}

    def has(self, files: PartFiles) -> bool:
        """Tell whether these files are among those that no shard writes."""
        return files.shard.total != self._total

    def begin(self, parts: Iterable[PartFiles]) -> None:
        """Record the files as they are before they are read. Raises `OSError`."""
        self._stamps = _stamps_of(filter(self.has, parts))

    def surveyed(self, total: int) -> Surveyed | None:
        """Return this for the shards; None if their number is another one than was expected."""
        if self._total not in {None, total}:
            return None
        return Surveyed(self._stamps, self.done.packed())


def _stamps_of(parts: Iterable[PartFiles]) -> dict[str, FileStamp]:
    """Return the stamps of the files of answers that exist, by their names. Raises `OSError`."""
    paths = [files.statistics for files in parts]
    found = ((path.name, FileStamp.of(path)) for path in paths)
    return {name: stamp for name, stamp in found if stamp is not None}
