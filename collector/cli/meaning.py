"""What exit codes and records mean, in a few words for people."""

from collections.abc import Mapping
from typing import Final

from collector.errors import ExitCode
from collector.store.manifest import DatesRecord

__all__ = ["MEANING", "dates_text", "meaning"]

MEANING: Final[Mapping[int, str]] = {
    ExitCode.COMPLETE: "every cell has an answer",
    ExitCode.SOME_FAILED: "finished, but some cells failed",
    ExitCode.BAD_INPUT: "bad input, nothing was sent",
    ExitCode.CREDENTIALS: "credentials missing or refused",
    ExitCode.STOPPED_EARLY: "stopped early",
    ExitCode.STORAGE: "the output cannot be written",
    ExitCode.LOCKED: "another run holds the directory",
    ExitCode.DATES: "dates are not honoured, or have come to mean something else",
    ExitCode.BUG: "a bug",
    ExitCode.SIGHUP: "interrupted by SIGHUP, for the terminal was closed",
    ExitCode.SIGINT: "interrupted by SIGINT",
    ExitCode.SIGTERM: "interrupted by SIGTERM",
}


def meaning(code: int, error: str | None = None, *, shards: str = "") -> str:
    """Return what an exit code means, or the error that said more; nothing for an unknown code.

    `shards` says for people of which it is, such as `shard 0/2`, if it is not of the whole run.
    """
    if shards and code == ExitCode.COMPLETE:
        return f"every cell of {shards} has an answer"
    text = error or MEANING.get(code, "")
    return f"{text} ({shards})" if shards else text


def dates_text(dates: DatesRecord) -> str:
    """Return what is known of the dates of a run: `honoured, last day included (4 requests)`."""
    if dates.is_doubted:
        return f"doubted: {'; '.join(dates.evidence)}; the same command again finds out"
    if dates.checked_at is None:
        return f"{dates.verdict}, not looked at"
    last_day = "sent as the day after it" if dates.until_exclusive else "sent as it is"
    return f"{dates.verdict}, last day {dates.until} and {last_day} ({dates.requests} requests)"
