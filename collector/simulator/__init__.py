"""The embedded API: a local server that speaks both endpoints, with switchable faults.

The folder reads in the direction a request takes: `server` listens, `limit` admits or
refuses, `tokens` checks the bearer, `faults` decides what goes wrong, `dates` and
`statistics` make the answer, `replies` writes it, `records` counts what happened. All but
`server` are pure: time and randomness are passed in. `settings` is the single source of the
flags of `collector simulate`.
"""

from collector.simulator.faults import Fault
from collector.simulator.records import Counts, RequestRecord
from collector.simulator.server import Simulator
from collector.simulator.settings import SettingsError, SimulatorSettings
from collector.simulator.statistics import statistics_of

__all__ = [
    "Counts",
    "Fault",
    "RequestRecord",
    "SettingsError",
    "Simulator",
    "SimulatorSettings",
    "statistics_of",
]
