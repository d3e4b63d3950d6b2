"""The entry of the command line: runs a command, and turns errors into messages and exit codes."""

import os
import sys
import traceback
from contextlib import suppress
from typing import Final, NoReturn, TextIO

from cyclopts import CycloptsError

from collector.cli.app import app
from collector.cli.printing import complain, require_output, unwritable
from collector.core.errors import CollectorError, ExitCode

__all__ = ["main"]

_HELP_OR_VERSION: Final = frozenset({"--help", "-h", "--version", "-V"})
_BY_SIGNAL: Final = frozenset({ExitCode.SIGHUP, ExitCode.SIGINT, ExitCode.SIGTERM})


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with the command's exit code."""
    _ignore_key_log()
    code = _run(arguments)
    for stream in (sys.stdout, sys.stderr):
        _flush_or_discard(stream, is_ended=code in _BY_SIGNAL)
    sys.exit(code)


def _ignore_key_log() -> None:
    """Take `SSLKEYLOGFILE` out of the environment, also for processes that this one starts.

    Every context of TLS that Python makes by default opens that file, the first of them while
    aiohttp is imported, which therefore must come later.
    """
    if os.environ.pop("SSLKEYLOGFILE", ""):
        complain(
            "warning: SSLKEYLOGFILE is ignored: whatever can read that file could decrypt the "
            "access token; unset it for this command"
        )


def _run(arguments: list[str] | None) -> int:
    is_help = _is_help_or_version(sys.argv[1:] if arguments is None else arguments)
    try:
        if is_help:
            require_output()
        result = app(arguments)
    except CycloptsError as error:
        hint = "collector: see collector --help, or collector COMMAND --help"
        complain(*str(error).split("\n"), hint)
        return ExitCode.BAD_INPUT
    except CollectorError as error:
        complain(*error.lines)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.SIGINT
    except (BrokenPipeError, SystemExit):
        # Only the help is printed without `printing`: its reader has closed the pipe
        # (`collector --help | head`), which rich turns into a SystemExit.
        return ExitCode.COMPLETE
    except Exception as error:  # noqa: BLE001 - the last resort: a bug has its own code
        return _unexpected(error, is_help=is_help)
    return int(result or ExitCode.COMPLETE)


def _is_help_or_version(words: list[str]) -> bool:
    """Tell whether the command line library prints what these words ask for, not a command."""
    return not words or words[0] == "help" or not _HELP_OR_VERSION.isdisjoint(words)


def _unexpected(error: Exception, *, is_help: bool) -> ExitCode:
    """Report a bug, or a full disk on which the command line library prints help or version."""
    if isinstance(error, OSError) and is_help:
        complain(str(unwritable(error)))
        return ExitCode.STORAGE
    from collector.core.secrets import redacted

    complain("this is a bug in the collector", *redacted(traceback.format_exc()).split("\n"))
    return ExitCode.BUG


def _flush_or_discard(stream: TextIO | None, *, is_ended: bool) -> None:
    """Flush a stream, and discard what cannot be written.

    If the interpreter's own flush failed at exit, the exit code would change. After a signal the
    rest is discarded at once: a reader that takes nothing must not hold the process.
    """
    if stream is None:
        return
    if not is_ended:
        with suppress(OSError, ValueError):
            stream.flush()
            return
    # The buffer still holds the text: let the flush at exit write it to /dev/null.
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
