"""The cells that have a line now, compared with what an attempt has counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.core.text import counted
from collector.plan import CellSet, Part
from collector.store.files import Listing, PartFiles
from collector.store.ledger import Ledger
from collector.store.lines import parse_error, parse_result
from collector.store.manifest import answers_recorded
from collector.store.repair import damaged_spans

__all__ = ["Recount", "recount", "vanished"]


class Recount(NamedTuple):
    """Cells by state: answered before the attempt, and settled by it; and why cells failed."""

    kept: Counter[CellState]
    cells: Counter[CellState]
    failure_kinds: Counter[FailureKind]


def recount(files: PartFiles, part: Part, before: bytes) -> Recount:
    """Count the cells of a part by their lines.

    `before` are the cells that were answered before the attempt, see `CellSet.packed`. Changes
    nothing. Blocks, for it reads all lines. Raises `OSError`.
    """
    answered = CellSet.unpacked(before, len(part.plan))
    found = Recount(Counter(), Counter(), Counter())
    ledger, failed = Ledger(part.plan), CellSet(len(part.plan))

    def take(line: bytes) -> bool:
        result = parse_result(line)
        index = None if result is None else ledger.place(result)
        if result is not None and index is not None and index in part:
            counts = found.kept if index in answered else found.cells
            counts[CellState.EMPTY if result.statistics.is_empty else CellState.DATA] += 1
        return result is not None

    def take_error(line: bytes) -> bool:
        error = parse_error(line)
        index = None if error is None else ledger.find(error)
        if error is None or index is None or index not in part or index in ledger.done:
            return error is not None
        if failed.add(index):
            found.cells[CellState.FAILED] += 1
            found.failure_kinds[error.kind] += 1
        return True

    for other in Listing.of(files.directory).reserved_for(files).parts(files):
        damaged_spans(other.statistics, take)
    damaged_spans(files.errors, take_error)
    return found


def vanished(attempts: Sequence[Mapping[str, Any]], kept: int) -> str | None:
    """Return the warning if fewer cells have a line than the last attempt has recorded.

    `attempts` are the entries of the manifest, `kept` is the number of answered cells now.
    """
    if not attempts:
        return None
    last = attempts[-1]
    answered = answers_recorded(last, "kept") + answers_recorded(last, "cells")
    if kept >= answered:
        return None
    return (
        f"{counted(answered, 'cell')} had an answer when the last attempt ended, and "
        f"{counted(kept, 'has', 'have')} a line now: lines were removed or "
        "damaged; the cells without a line are requested again"
    )
