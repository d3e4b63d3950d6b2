"""Commands that need more than the core install, and what they say when it is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.core.errors import InputError

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str, *packages: str) -> Iterator[None]:
    """Let the block import what an extra installs.

    Raises `InputError` naming the extra when one of its packages cannot be imported.
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
