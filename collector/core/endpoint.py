"""The endpoint that is collected: where it is, and what its files are called."""

from typing import Final, NamedTuple

__all__ = ["STATISTICS", "Endpoint"]


class Endpoint(NamedTuple):
    """An endpoint that answers for one company in one window.

    `path` is below the base address; `{company_id}` in it is one segment. `stem` is the name of the
    file with its answers, without the ending. What its `data` must hold is `Counters` of
    `collector.core.outcome`.
    """

    path: str
    stem: str


STATISTICS: Final = Endpoint("campaigns/api/v1/company/{company_id}/statistics", "statistics")
