"""Extras: the optional dependencies that some commands need."""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.core.errors import InputError

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str, *packages: str) -> Iterator[None]:
    """Import the packages of an extra inside the block.

    Raises `InputError`, which names the extra, when one of its `packages` cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in packages:
            raise
        raise InputError(
            f"{error.name} is not installed, and this command needs it; install it with: "
            f"pip install 'collector[{extra}]'"
        ) from error
