"""How long a shard works while the process that started the run may have gone."""

import pytest

from collector.cluster.lease import LONGEST_SILENCE, Lease

_CLIENT = "the process that started the run has gone"
_SILENT = "no orders have come from the process that started the run for 60 s"
_SCHEDULER = "the scheduler of the cluster has gone, or is out of reach"


@pytest.mark.parametrize(
    ("silent", "is_connected", "is_awaited", "why"),
    [
        (0.0, True, True, None),
        (LONGEST_SILENCE, True, True, None),
        (LONGEST_SILENCE + 0.1, True, True, _SILENT),
        (LONGEST_SILENCE + 0.1, True, False, _CLIENT),
        (0.0, True, False, _CLIENT),
        (0.0, False, True, _SCHEDULER),
        (LONGEST_SILENCE + 0.1, False, False, _SCHEDULER),
    ],
)
def test_when_a_shard_stops(
    *, silent: float, is_connected: bool, is_awaited: bool, why: str | None
) -> None:
    """At once if it is known that it is not heard, and after a minute if nothing is known."""
    lease = Lease(0.0)
    lease.renew(100.0)
    now = 100.0 + silent
    assert lease.why_over(now, is_connected=is_connected, is_awaited=is_awaited) == why


def test_a_shard_that_hears_nothing_from_the_start() -> None:
    """Its time counts from there."""
    lease = Lease(1000.0)
    assert lease.why_over(1060.0, is_connected=True, is_awaited=True) is None
    assert lease.why_over(1060.1, is_connected=True, is_awaited=True) == _SILENT
