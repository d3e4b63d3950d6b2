"""Faults: a seeded draw for each request."""

import random
from enum import StrEnum

from collector.simulator.settings import SimulatorSettings

__all__ = ["Fault", "FaultDraw"]


class Fault(StrEnum):
    """What can go wrong with a statistics request."""

    STATUS_500 = "status_500"
    """Answered with 500 and an error envelope."""
    RESET = "reset"
    """The connection is reset (TCP RST) without an answer."""
    HANG = "hang"
    """No answer comes until the client leaves or the server stops."""
    TRUNCATED = "truncated"
    """Content-Length announces the whole body, half of it comes, the connection closes."""
    NOT_JSON = "not_json"
    """A maintenance page in HTML with status 200."""
    STATUS_401 = "status_401"
    """Answered with 401, although the token is good."""


class FaultDraw:
    """Draws the fault of one request after the other, from the seed of the settings.

    The n-th draw has the same fault in every run with the same settings. Draws are independent:
    after a fault the next request has the same chances.
    """

    __slots__ = ("_random", "_thresholds")

    def __init__(self, settings: SimulatorSettings) -> None:
        shares = {
            Fault.STATUS_500: settings.share_500,
            Fault.RESET: settings.share_resets,
            Fault.HANG: settings.share_hangs,
            Fault.TRUNCATED: settings.share_truncated,
            Fault.NOT_JSON: settings.share_not_json,
            Fault.STATUS_401: settings.share_401,
        }
        self._thresholds: list[tuple[float, Fault]] = []
        upper = 0.0
        for fault, share in shares.items():
            upper += share
            if share:
                self._thresholds.append((upper, fault))
        self._random = random.Random(f"faults/{settings.seed}")  # noqa: S311 - repeatable, no secret

    def draw(self) -> Fault | None:
        """Return the fault of the next request, or None."""
        if not self._thresholds:
            return None
        point = self._random.random()
        return next((fault for upper, fault in self._thresholds if point < upper), None)
