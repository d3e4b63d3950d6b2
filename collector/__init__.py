"""Collects push-notification statistics for many companies, and loses none of them.

For Python programs: `collect` runs a collection in the running event loop, `read_answers` reads
what runs have collected. See docs/python.md. The names are imported on first use, because the
command imports this module at each start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collector.core.errors import (
        AttributionError,
        ClusterError,
        CollectorError,
        CredentialsError,
        DatesError,
        ExitCode,
        IgnoredDatesError,
        ImplausibleError,
        InputError,
        LockedError,
        OutageError,
        ShortageError,
        StorageError,
        UnusableError,
    )
    from collector.core.outcome import Counters
    from collector.http.credentials import AccessToken, ClientCredentials
    from collector.library.answers import CellAnswer, UnreadWarning, read_answers
    from collector.library.collect import collect
    from collector.library.result import CellCounts, RunResult

__all__ = [
    "AccessToken",
    "AttributionError",
    "CellAnswer",
    "CellCounts",
    "ClientCredentials",
    "ClusterError",
    "CollectorError",
    "Counters",
    "CredentialsError",
    "DatesError",
    "ExitCode",
    "IgnoredDatesError",
    "ImplausibleError",
    "InputError",
    "LockedError",
    "OutageError",
    "RunResult",
    "ShortageError",
    "StorageError",
    "UnreadWarning",
    "UnusableError",
    "__version__",
    "collect",
    "read_answers",
]

__version__ = "0.2.0"

_HOMES: Final = {
    "AccessToken": "http.credentials",
    "CellAnswer": "library.answers",
    "CellCounts": "library.result",
    "ClientCredentials": "http.credentials",
    "Counters": "core.outcome",
    "RunResult": "library.result",
    "UnreadWarning": "library.answers",
    "collect": "library.collect",
    "read_answers": "library.answers",
}
"""The module of each name that is no error."""


def __getattr__(name: str) -> object:
    """Import a name of `__all__`. Raises `AttributeError` for any other name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'core.errors')}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    """Return the names that a notebook completes."""
    return __all__
