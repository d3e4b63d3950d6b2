"""`collector help`: the help of the collector, or of one of its commands."""

from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.app import app
from collector.core.errors import ExitCode

__all__ = ["help_of"]

_COMMANDS: Final = tuple(name for name in app if not name.startswith("-"))


def help_of(command: Annotated[str | None, Parameter(choices=_COMMANDS)] = None, /) -> int:
    """Print what --help prints.

    Parameters
    ----------
    command
        Which command; without it, the list of all.
    """
    app.help_print([] if command is None else [command])
    return ExitCode.COMPLETE
