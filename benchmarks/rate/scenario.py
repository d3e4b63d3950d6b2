"""A situation that the collector is put into, and what is wanted of it."""

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

    `value` gets what was seen of the run, and of the one beside it if there is one.
    """

    label: str
    value: Callable[[Seen, Seen | None], float]
    wanted: str
    is_reached: Callable[[float], bool]
    form: str = ".1%"

    def show(self, value: float) -> str:
        """Return the value as the table has it, marked if it is not what was wanted."""
        return f"{value:{self.form}}{'' if self.is_reached(value) else ' (!)'}"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What the server does, how the collector is called, and the figures that count.

    `changes` are (seconds after the start, settings of the server that change; `revoke` ends all
    tokens). `kills` are when the collector is killed and started again, in seconds. Without `cells`
    there are as many as the time allows. `ceiling` is `--rate`, `inf` for `auto`. `beside` is a run
    that this one is compared with.
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
    is_virtual: bool = True
    is_real: bool = True
