"""How fast a run is, as people and files of metrics are told."""

from typing import Protocol

from collector.pace.blockade import Cause

__all__ = ["PaceView"]


class PaceView(Protocol):
    """What is shown of the rate of a run: a `Gate` has it, and so have several gates together.

    Rates are requests a second; see `Gate` for each.
    """

    @property
    def rate(self) -> float: ...  # noqa: D102 - see the class
    @property
    def ceiling(self) -> float: ...  # noqa: D102
    @property
    def limit(self) -> float | None: ...  # noqa: D102
    @property
    def blockade(self) -> Cause | None: ...  # noqa: D102
    @property
    def closed_for(self) -> float: ...  # noqa: D102
