"""Outcomes that are held back until they are known to belong to their cells."""

from collections.abc import Callable

from collector.core.confirmation import Confirmation
from collector.core.outcome import Outcome
from collector.run.queue import WorkItem

__all__ = ["HeldOutcomes", "Settled"]

Settled = tuple[WorkItem, Outcome]
"""A cell in progress, and its final outcome."""


class HeldOutcomes:
    """Final outcomes whose connection is not confirmed yet.

    * `on_confirmed`: called when outcomes were added to `confirmed`.
    * `on_refuted`: called with each cell whose outcome may be the answer to another request.
    """

    def __init__(
        self, on_confirmed: Callable[[], None], on_refuted: Callable[[WorkItem], None]
    ) -> None:
        self._on_confirmed = on_confirmed
        self._on_refuted = on_refuted
        self._held: dict[Confirmation, list[Settled]] = {}
        self._withdrawn: set[Confirmation] = set()
        self.confirmed: list[Settled] = []
        """Outcomes that are ready to be taken with `take_confirmed`."""

    @property
    def count(self) -> int:
        """Outcomes that wait for their confirmation."""
        return sum(map(len, self._held.values()))

    @property
    def connections(self) -> int:
        """Connections with outcomes that wait."""
        return len(self._held)

    @property
    def is_watched(self) -> bool:
        """Whether it will soon be known of some of them, without another request."""
        return any(confirmation.is_watched for confirmation in self._held)

    def hold(self, item: WorkItem, outcome: Outcome) -> None:
        """Keep the final outcome of a cell until its connection is confirmed."""
        if item.confirms is not None:
            self._withdrawn.discard(item.confirms)
            item.confirms = None
        confirmation = outcome.confirmation
        held = self._held.get(confirmation)
        if held is None:
            held = self._held[confirmation] = []
            held.append((item, outcome))
            confirmation.when_known(self._known)
        else:
            held.append((item, outcome))

    def take_confirmed(self) -> list[Settled]:
        """Remove and return the outcomes that are confirmed, in the order in which they came."""
        confirmed, self.confirmed = self.confirmed, []
        return confirmed

    def withdraw(self) -> WorkItem | None:
        """Return a cell to request again, so that its new request confirms an idle connection.

        That is one cell for each connection that has unconfirmed answers and no request. The new
        request may leave on another of them. So the first stays idle, and is left out only until
        the cell has its outcome: then nothing else may confirm it.
        """
        for confirmation, held in self._held.items():
            if confirmation.is_idle and held and confirmation not in self._withdrawn:
                self._withdrawn.add(confirmation)
                item, _ = held.pop()
                item.confirms = confirmation
                return item
        return None

    def _known(self, confirmation: Confirmation) -> None:
        held = self._held.pop(confirmation)
        if confirmation.is_confirmed:
            self.confirmed += held
            self._on_confirmed()
        else:
            for item, _ in held:
                self._on_refuted(item)
