"""How a run ended, and the message about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from collector.core.errors import (
    ClusterError,
    CollectorError,
    ExitCode,
    OutageError,
    ShortageError,
    UnusableError,
)

__all__ = ["End", "end_by", "end_of", "without_answers"]

_KEPT: Final = "what was collected so far is kept"
_RESUME: Final = (
    f"{_KEPT}; run the same command again to resume when the service is "
    "back (--max-outage sets how long a run waits for that)"
)
_RESUME_HERE: Final = (
    f"{_KEPT}; run the same command again to resume when other processes "
    "need less, or with a lower --concurrency"
)
_RESUME_THERE: Final = f"then run the same command again; {_KEPT}"


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `error` is the message that says why it stopped early.

    `cause` is the class of the error that stopped it, if one did.
    """

    exit_code: ExitCode
    error: str | None = None
    cause: type[CollectorError] | None = None


def end_by(error: CollectorError, redact: Callable[[str], str]) -> End:
    """Return the end of a run that an expected error stopped; its text has no secrets."""
    text = str(error)
    if isinstance(error, UnusableError):
        text = f"{text}, then run the same command again"
    elif isinstance(error, OutageError):
        text = f"{text}; {_RESUME}"
    elif isinstance(error, ShortageError):
        text = f"{text}; {_RESUME_HERE}"
    elif isinstance(error, ClusterError):
        text = f"{text}, {_RESUME_THERE}"
    return End(error.exit_code, redact(text), type(error))


def end_of(
    error: BaseException, redact: Callable[[str], str], log: FilteringBoundLogger, path: Path
) -> End:
    """Return the end of a run that an error stopped, expected or not.

    The traceback of one that is not expected goes to the log, whose file is at `path`.
    """
    if isinstance(error, CollectorError):
        return end_by(error, redact)
    log.error("bug", exc_info=error)
    return End(
        ExitCode.BUG,
        f"a bug in the collector ({type(error).__name__}); the traceback is in {path}; {_KEPT}",
    )


def without_answers(end: End) -> End:
    """Return the end of a run that has no answers: its message does not say that they are kept."""
    if end.error is None:
        return end
    error = end.error.replace(_KEPT, "nothing was collected").replace(" again to resume", " again")
    return replace(end, error=error)
