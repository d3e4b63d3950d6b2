"""Situations that the collector is tested in, and the figures it must reach."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from benchmarks.rate.seen import Seen
from collector.simulator.settings import SimulatorSettings

__all__ = ["Figure", "Scenario"]


@dataclass(frozen=True)
class Figure:
    """One figure of a run and its bound.

    `value` receives what the server saw of the run, and of the run `beside` it if there is one.
    """

    label: str
    value: Callable[[Seen, Seen | None], float]
    wanted: str
    is_reached: Callable[[float], bool]
    form: str = ".1%"

    def show(self, value: float) -> str:
        """Return the value as the table shows it, marked if the bound is not reached."""
        return f"{value:{self.form}}{'' if self.is_reached(value) else ' (!)'}"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The server's behaviour, the call of the collector, and the figures to measure.

    `changes` are pairs: seconds after the start, and the server settings that change (`revoke`
    ends all tokens). `kills` are the times at which the collector is killed and restarted, in
    seconds. Without `cells` there are as many as the time allows. `ceiling` is `--rate`, `inf` for
    `auto`. `beside` is a run that this one is compared with. In virtual time it is run with the
    client if it `has_client`, which takes ten times as long; then there are no kills.
    """

    name: str
    settings: SimulatorSettings
    figures: tuple[Figure, ...]
    seconds: float = 210.0
    ceiling: float = inf
    concurrency: int = 64
    timeout: float = 30.0
    cells: int | None = None
    changes: tuple[tuple[float, dict[str, Any]], ...] = field(default=())
    kills: tuple[float, ...] = ()
    beside: "Scenario | None" = None
    has_client: bool = False
    is_virtual: bool = True
    is_real: bool = True
