"""How a run ended, and the message about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
from collector.core.outcome import FailureKind
from collector.http.silence import Silence

__all__ = ["End", "end_by", "end_by_bug", "is_the_services_failure"]

_ANSWERED: Final = frozenset(FailureKind) - {FailureKind.TIMEOUT, FailureKind.CONNECTION}
"""Kinds of failure with a whole answer."""

_RESUME: Final = (
    "what was collected so far is kept; run the same command again to resume when the service is "
    "back (--max-outage sets how long a run waits for that)"
)
_RESUME_HERE: Final = (
    "what was collected so far is kept; run the same command again to resume when other processes "
    "need less, or with a lower --concurrency"
)
_RESUME_THERE: Final = "then run the same command again; what was collected so far is kept"


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `error` is the message that says why it stopped early.

    `cause` is the class of the error that stopped it, if one did.
    """

    exit_code: ExitCode
    error: str | None = None
    cause: type[CollectorError] | None = None


def is_the_services_failure(silence: Silence, kinds: Iterable[FailureKind]) -> bool:
    """Return whether cells that failed, for reasons of these kinds, failed by the service.

    The few cells of a small run fail before the circuit breaker knows of an outage.
    """
    no_answer = not _ANSWERED.intersection(kinds)
    return silence.is_unusable or (silence.was_never_answered and no_answer)


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


def end_by_bug(error: BaseException, log: FilteringBoundLogger, path: Path) -> End:
    """Return the end of a run that an unexpected error stopped.

    The traceback goes to the log, whose file is at `path`.
    """
    log.error("bug", exc_info=error)
    return End(
        ExitCode.BUG,
        f"a bug in the collector ({type(error).__name__}); the traceback is in "
        f"{path}; what was collected so far is kept",
    )
