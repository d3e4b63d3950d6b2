"""Companies that are refused for themselves, while others are let in."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ["Outcasts", "Whose"]

_TIMES: Final = 2
_REMEMBERED: Final = 1024


class Whose(Enum):
    """Whom a refusal is about."""

    EVERYBODYS = auto()
    """All: the rate is too high."""
    JUST_FOUND = auto()
    """This company, and so were its refusals before, for which the rate came down."""
    ITS_OWN = auto()
    """This company, as is known."""


@dataclass(slots=True)
class _Record:
    times: int
    epoch: int
    rate_before: float


class Outcasts:
    """Tells a limit for everybody from a company that is always refused.

    After a cut of the rate a retry passes. A company that is refused again, after others were let
    in, is refused for itself: that says nothing about the rate. Once it is let in it is like any
    other. Memory is bounded.
    """

    __slots__ = ("_records", "rate_before")

    def __init__(self) -> None:
        self.rate_before = 0.0
        """The rate (requests a second) before the first refusal of the one just found."""
        self._records: dict[str, _Record] = {}

    def let_in(self, company_id: str) -> None:
        """Take note that a company was let in."""
        if self._records:
            self._records.pop(company_id, None)

    def refused(self, company_id: str, epoch: int, rate: float) -> Whose:
        """Read a refusal that came when `epoch` blockades had been, at a rate."""
        record = self._records.get(company_id)
        if record is None:
            if len(self._records) >= _REMEMBERED:
                del self._records[next(iter(self._records))]
            self._records[company_id] = _Record(1, epoch, rate)
            return Whose.EVERYBODYS
        if record.times >= _TIMES:
            return Whose.ITS_OWN
        if epoch == record.epoch:
            return Whose.EVERYBODYS
        record.times += 1
        record.epoch = epoch
        if record.times < _TIMES:
            return Whose.EVERYBODYS
        self.rate_before = record.rate_before
        return Whose.JUST_FOUND
