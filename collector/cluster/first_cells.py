"""The first tries of a run on a cluster: the process that distributes the shards makes them."""

from functools import partial
from typing import Final

from collector.http.first_tries import SAMPLE
from collector.plan import CellSet, Part, Plan, absent_in_turns, cells_in_turns
from collector.plan.date_params import DateQuery
from collector.run.session import Session
from collector.telemetry.stats import RunStats

__all__ = ["try_first_cells"]

_MOST_REQUESTS: Final = 60
"""Requests of this process before the first answer, at most: no more than a run in one process."""


async def try_first_cells(session: Session, plan: Plan, dates: DateQuery, stats: RunStats) -> None:
    """Request cells until one is answered, or until it is known that all fail alike.

    It is the first one as a rule, and none if the verification of the dates was answered. No shard
    could judge that: one may have all the companies that are broken. The shards request these cells
    again. `stats` counts the requests of the `session`, `dates` says how windows are sent. Raises
    `ImplausibleError` if all cells of a small plan fail alike, and what the client raises.
    """
    tries = session.first_tries
    done = CellSet(len(plan))
    client = session.client(dates, partial(next, cells_in_turns(plan, done)))
    for cell in absent_in_turns(done, Part(plan), SAMPLE):
        if tries.is_over or stats.requests >= _MOST_REQUESTS:
            break
        await client.fetch(cell)
    error = tries.error()
    if error is not None:
        raise error
    if not tries.is_over:
        tries.over()
