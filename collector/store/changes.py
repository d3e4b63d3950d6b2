"""How an answer differs from another one of the same cell.

Compared are the documented counters and every action. Fields of `statistics` that nobody knows are
not: what a difference between them would mean, nobody knows either.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from collector.core.outcome import COUNTERS, Counters

__all__ = ["COUNTERS", "AnsweredCell", "Change", "Changes", "changes_between", "read_cell"]


class AnsweredCell(msgspec.Struct, gc=False):
    """A cell and its answer, as its line has them: days and moments are text; days may be None."""

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
        """By how much it rose; what is not there counts as 0."""
        return (self.new or 0) - (self.old or 0)


class Changes(NamedTuple):
    """What differs: the counters in their usual order, the actions ordered by their names."""

    counters: Mapping[str, Change]
    actions: Mapping[str, Change]


_decoder: Final = msgspec.json.Decoder(AnsweredCell)


def read_cell(line: bytes) -> AnsweredCell:
    """Read a line that `collector.store.lines.parse_result` has found whole."""
    return _decoder.decode(line)


def changes_between(old: Counters, new: Counters) -> Changes | None:
    """Return how two answers differ; None when they do not.

    The order of the actions is no difference, nor is an action that comes or goes with 0.
    """
    if old == new:  # quick, and true of nearly every cell
        return None
    pairs = map(Change, old.numbers(), new.numbers())
    counters = dict(zip(COUNTERS, pairs, strict=True))
    actions = {
        name: Change(old.actions.get(name), new.actions.get(name))
        for name in sorted(old.actions.keys() | new.actions.keys())
    }
    changes = Changes(_different(counters), _different(actions))
    return changes if any(changes) else None


def _different(changes: Mapping[str, Change]) -> dict[str, Change]:
    return {name: change for name, change in changes.items() if change.difference}
