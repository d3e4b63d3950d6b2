"""The embedded API: a local server that speaks both endpoints, with switchable faults.

A request passes these modules in order: `server` listens, `limit` admits or rejects, `tokens`
checks the bearer token, `faults` draws a fault, `dates` and `statistics` make the answer,
`replies` writes it, `records` counts it. All but `server` are pure: time and randomness are
passed in. `settings` is the single source of the flags of `collector simulate`; `checks` has the
checks of single ones.

`Simulator` is imported on first use: it loads an HTTP server, and the help of
`collector simulate` needs its settings only.
"""

from typing import TYPE_CHECKING

from collector.simulator.checks import SettingsError
from collector.simulator.faults import Fault
from collector.simulator.records import Counts, RequestRecord
from collector.simulator.settings import SimulatorSettings
from collector.simulator.statistics import statistics_of

if TYPE_CHECKING:
    from collector.simulator.server import Simulator

__all__ = [
    "Counts",
    "Fault",
    "RequestRecord",
    "SettingsError",
    "Simulator",
    "SimulatorSettings",
    "statistics_of",
]


def __getattr__(name: str) -> object:
    """Import `Simulator`. Raises `AttributeError` for any other name."""
    if name == "Simulator":
        from collector.simulator.server import Simulator  # noqa: PLC0415 - see above

        return Simulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
