"""Sums of what the API counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.report.model.cells import Company, WindowSpan

__all__ = ["CompanyShare", "Delivery", "SpanDelivery"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sums of the API's counters, spelled as the API spells them, and of its actions by name.

    `total` should be `sended` + `pending` + `fails`. `received` is the action RECEIVED, `pressed`
    the action PRESS_ACTION; `actions` has all of them, these two included.
    """

    total: int = 0
    sended: int = 0
    pending: int = 0
    fails: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Notifications that arrived."""
        return self.actions.get("RECEIVED", 0)

    @property
    def pressed(self) -> int:
        """Notifications on which somebody pressed."""
        return self.actions.get("PRESS_ACTION", 0)


@dataclass(frozen=True, slots=True)
class SpanDelivery:
    """The sums of a span, over all companies; `answers` cells are in them.

    Without an answer the sums are 0, and say nothing.
    """

    span: WindowSpan
    delivery: Delivery
    answers: int


@dataclass(frozen=True, slots=True)
class CompanyShare:
    """A company with fails: `fails` of `total` over all its answers (0 < fails <= total)."""

    company: Company
    total: int
    fails: int
