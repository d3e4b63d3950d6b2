"""The age of the answers of a run without dates."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from collector.core.errors import InputError
from collector.plan import today_in
from collector.store.lines import timestamp

__all__ = ["Age", "refuse_stale_default"]

_STALE_HOURS: Final = 12
"""Hours after its last answer in which an unfinished run without dates can be continued."""


@dataclass(frozen=True, slots=True)
class Age:
    """The age of an answer in hours, and whether its day has ended in the run's time zone."""

    hours: float
    is_of_another_day: bool

    @classmethod
    def of(cls, moment: datetime, timezone: str | None) -> Self:
        """Return the age, by now, of an answer of that moment, for a run with that time zone."""
        now = datetime.now(UTC)
        hours = (now - moment).total_seconds() / 3600
        return cls(hours, today_in(timezone, moment) != today_in(timezone, now))


def refuse_stale_default(directory: Path, newest: datetime, age: Age, *, is_complete: bool) -> None:
    """Raise `InputError` if answers without dates are too old to count as today's.

    `newest` is the moment of the last one, `age` its age; `is_complete` says that no cell is
    missing. The server's default window moves with the day. A user who resumes an unfinished run
    within half a day wants that; to find everything "done already" on another day is an error.
    """
    if age.hours > _STALE_HOURS or (is_complete and age.is_of_another_day):
        raise InputError(
            f"--output {directory}: holds a run without dates whose last answer is of "
            f"{timestamp(newest)}, and the server answers for other days now; give "
            "another --output"
        )
