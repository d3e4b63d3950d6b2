"""A sender for the tests of the controller: it moves the clock and keeps the events."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import cycle
from typing import Any

import pytest

from collector.core.outcome import Blame
from collector.pace import Cause, Permit, RateController

START = 1000.0
PROBE_SECONDS = 35.0
PATIENCE = 1800.0
RTT = 0.02


class Sender:
    """Sends as soon as it may, and moves the clock; keeps the events of the controller."""

    def __init__(self, ceiling: float = 50.0, *, companies: int = 10, **more: Any) -> None:  # noqa: ANN401
        self.now = START
        self.news: list[tuple[str, dict[str, Any]]] = []
        self.control = RateController(
            ceiling,
            companies=companies,
            probe_seconds=PROBE_SECONDS,
            notify=lambda event, **fields: self.news.append((event, fields)),
            **more,
        )
        self._names = cycle([f"{number}" for number in range(40)])

    def send(self) -> Permit:
        """Wait until a permit is due, and send a request."""
        self.now = max(self.now, self.control.next_at())
        return self.control.issue_permit(self.now)

    def sends(self, number: int) -> list[Permit]:
        """Send several requests one after the other."""
        return [self.send() for _ in range(number)]

    def run(
        self,
        seconds: float,
        latency: Callable[[], float] = lambda: RTT,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        """Send, and let every request be answered, for so many seconds or until something is so."""
        ends, pending = self.now + seconds, list[tuple[float, Permit]]()
        while not until():
            leaves = max(self.now, self.control.next_at())
            if pending and pending[0][0] <= min(leaves, ends):
                self.now, permit = heappop(pending)
                self.control.answered(permit, self.now)
            elif leaves > ends:
                self.now = ends
                return
            else:
                permit = self.send()
                heappush(pending, (self.now + latency(), permit))

    def answer(self, permit: Permit | None = None) -> None:
        """Let a request, or the next one, be answered after a round trip."""
        permit = permit or self.send()
        self.now = max(self.now, permit.at + RTT)
        self.control.answered(permit, self.now)

    def refuse(self, permit: Permit | None = None, pause: float = 0.0) -> Blame:
        """Let a request, or the next one, be refused after a round trip."""
        permit = permit or self.send()
        self.now = max(self.now, permit.at + RTT)
        return self.control.refused(permit, self.now, pause=pause)

    def unavailable(self, permit: Permit | None = None, *, is_evidence: bool = True) -> Blame:
        """Let a request, or the next one, meet a 503."""
        permit = permit or self.send()
        self.now = max(self.now, permit.at + RTT)
        return self.control.unavailable(
            permit, self.now, next(self._names), is_evidence=is_evidence
        )

    def fail(
        self,
        permit: Permit | None = None,
        company: str | None = None,
        *,
        is_evidence: bool = True,
        was_accepted: bool = False,
    ) -> Blame:
        """Let a request, or the next one, fail."""
        permit = permit or self.send()
        self.now = max(self.now, permit.at + RTT)
        return self.control.failed(
            permit,
            self.now,
            company or next(self._names),
            is_evidence=is_evidence,
            was_accepted=was_accepted,
        )

    def go_down(self) -> None:
        """Let 8 requests fail, so that there is an outage."""
        for _ in range(8):
            self.fail()
        assert self.cause() is Cause.FAILING

    def meet_503s(self) -> None:
        """Let two requests in a row meet a 503, so that it is taken for a refusal."""
        self.unavailable()
        self.unavailable()
        assert self.cause() is Cause.UNAVAILABLE

    def cause(self) -> Cause | None:
        """Return why only probes may be sent; a call, because it changes between two calls."""
        return self.control.open_cause

    @property
    def waits(self) -> float:
        """Seconds until the next permit is due."""
        return self.control.next_at() - self.now

    @property
    def events(self) -> list[str]:
        """The names of the news."""
        return [event for event, _ in self.news]


# Open


def open_circuit(sender: Sender, cause: Cause) -> None:
    """Open the circuit for a cause."""
    if cause is Cause.REFUSED:
        sender.refuse()
    elif cause is Cause.UNAVAILABLE:
        sender.meet_503s()
    else:
        sender.go_down()


CAUSES = pytest.mark.parametrize("cause", list(Cause))
