"""What is known of the meaning of dates, and what shows it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Until", "Verdict"]


class Verdict(StrEnum):
    """Whether the server answers for the days that it is asked for."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    """Or not understood: in whatever way, its answers are of other days than were asked for."""
    INCONCLUSIVE = "inconclusive"


class Until(StrEnum):
    """Whether the day that `until` names is part of the answer."""

    INCLUDED = "included"
    EXCLUDED = "excluded"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the sentences that show how it came about.

    If it `is_final`, other days and companies would not tell more, though it be inconclusive.
    """

    dates: Verdict
    until: Until
    evidence: tuple[str, ...]
    is_final: bool = False

    @property
    def leaves_until_open(self) -> bool:
        """Whether dates are honoured, and only the end of a window is unknown."""
        return self.dates is Verdict.HONOURED and self.until is Until.INCONCLUSIVE

    @property
    def is_conclusive(self) -> bool:
        """Whether it is known if the dates are honoured."""
        return self.dates is not Verdict.INCONCLUSIVE
