"""What the exit codes mean, in a few words for people."""

from typing import Final

from collector.errors import ExitCode

__all__ = ["MEANING"]

MEANING: Final = {
    ExitCode.COMPLETE: "every cell has an answer",
    ExitCode.SOME_FAILED: "finished, but some cells failed",
    ExitCode.BAD_INPUT: "bad input, nothing was sent",
    ExitCode.CREDENTIALS: "credentials missing or refused",
    ExitCode.STOPPED_EARLY: "stopped early",
    ExitCode.STORAGE: "the output cannot be written",
    ExitCode.LOCKED: "another run holds the directory",
    ExitCode.DATES: "the API does not honour the dates",
    ExitCode.BUG: "a bug",
    ExitCode.SIGINT: "interrupted by SIGINT",
    ExitCode.SIGTERM: "interrupted by SIGTERM",
}
