"""Differences between two answers of one cell.

The documented counters and all actions are compared. Unknown fields of `statistics` are not: what a
difference in them means is unknown.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from collector.core.outcome import COUNTERS, Counters

__all__ = ["AnsweredCell", "Change", "Changes", "changes_between", "fingerprint", "read_cell"]


class AnsweredCell(msgspec.Struct, gc=False):
    """A cell and its answer, as in the line: days and times are text; days may be None."""

    company_id: str
    from_date: str | None
    until_date: str | None
    fetched_at: str
    statistics: Counters


class Change(NamedTuple):
    """A count before and after; None is an action that the answer does not have."""

    old: int | None
    new: int | None

    @property
    def difference(self) -> int:
        """The increase, negative for a decrease; a missing action counts as 0."""
        return (self.new or 0) - (self.old or 0)


class Changes(NamedTuple):
    """The counts that differ: counters in their usual order, actions ordered by name."""

    counters: Mapping[str, Change]
    actions: Mapping[str, Change]


_decoder: Final = msgspec.json.Decoder(AnsweredCell)


def read_cell(line: bytes) -> AnsweredCell:
    """Decode a line that `collector.store.lines.parse_result` accepts."""
    return _decoder.decode(line)


def changes_between(old: Counters, new: Counters) -> Changes | None:
    """Return the differences of two answers; None if there are none.

    Neither the order of the actions is a difference, nor an action of 0 that only one of them has.
    """
    if old == new:  # quick, and true for nearly every cell
        return None
    counters = {
        name: Change(one, other)
        for name, one, other in zip(COUNTERS, old.numbers(), new.numbers(), strict=True)
        if one != other
    }
    unlike = {name for name, _ in old.actions.items() ^ new.actions.items()}
    changes = ((name, old.actions.get(name), new.actions.get(name)) for name in sorted(unlike))
    # An action that is not there counts as 0.
    actions = {name: Change(one, other) for name, one, other in changes if one or other}
    return Changes(counters, actions) if counters or actions else None


def fingerprint(counts: Counters) -> int:
    """Return a number that is equal for answers without a difference, in one process; never 0."""
    actions = frozenset(item for item in counts.actions.items() if item[1])
    return hash((counts.numbers(), actions)) or 1
