"""Extras: the optional dependencies that some commands need."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import requires
from importlib.util import find_spec
from typing import Final

from collector.core.errors import InputError

__all__ = ["DISTRIBUTION", "import_extra", "needs_extra"]

DISTRIBUTION: Final = "company-statistics-collector"
"""What pip calls this program. On the public index `collector` is a program of others."""


@contextmanager
def needs_extra(extra: str, *packages: str, user: str = "this command") -> Iterator[None]:
    """Import the packages of an extra inside the block; `user` is what needs them.

    Raises `InputError`, which says how to install the extra, when one of its `packages` cannot be
    imported.
    """
    try:
        yield
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in packages:
            raise
        raise InputError(
            f"{error.name} is not installed, and {user} needs it; install it with: "
            f"{_installer()} {_packages_of(extra)}"
        ) from error


def import_extra(extra: str, *packages: str) -> None:
    """Import packages of an extra, so that a missing one is told before the work begins.

    Raises `InputError` as `needs_extra` does.
    """
    with needs_extra(extra, *packages):
        for package in packages:
            import_module(package)


def _installer() -> str:
    """Return the command that installs packages for this Python, wherever it is.

    `pip` alone may be that of another environment. uv makes environments without pip.
    """
    python = shlex.quote(sys.executable)
    if find_spec("pip") is None:
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def _packages_of(extra: str) -> str:
    """Return the packages of an extra as a shell takes them: 'duckdb>=2.0' 'msgspec>=0.20'.

    Not the extra by its name: the index may have something else under the name of this program.
    """
    found = (
        re.fullmatch(r"([^;]+); extra == '(.+)'", text) for text in requires(DISTRIBUTION) or ()
    )
    return " ".join(f"'{match[1]}'" for match in found if match and match[2] == extra)
