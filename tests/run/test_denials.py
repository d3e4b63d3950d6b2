"""What a 403 without a hint means for a whole collection, in virtual time."""

from typing import Any

import pytest

from benchmarks.rate.collecting import Collection, collect_virtually
from benchmarks.rate.scenario import Scenario
from collector.simulator import SimulatorSettings


def _collect(settings: dict[str, Any], *, companies: int = 1000, **more: Any) -> Collection:  # noqa: ANN401
    served = SimulatorSettings(port=0, latency=0.05, jitter=0.02, **settings)
    scenario = Scenario(**{"name": "denials", "figures": (), "settings": served, **more})
    return collect_virtually(scenario, companies=companies)


def test_a_limit_that_says_no_more_than_403_is_found() -> None:
    """A company that is answered right after it was refused was too early: nothing is lost."""
    done = _collect({"rate_limit": 50, "burst": 20, "limit_status": 403}, seconds=60.0)
    assert done.seen.used(50, 30, 60) >= 0.9
    assert done.seen.refused_share(30, 60) <= 0.06
    assert not done.failed


def test_companies_that_are_denied_slow_down_no_others() -> None:
    """A tenth of all, spread over the list: each fails, and the rate stays what it was."""
    denied = tuple(str(number) for number in range(0, 100, 10))
    settings = {"deny": denied, "deny_status": 403}
    done = _collect(settings, companies=100, ceiling=50.0, cells=1000)
    assert done.failed == dict.fromkeys(denied, 10)
    assert done.answered.total() == 900
    assert not done.events
    assert len(done.seen.sent) <= 1000 + 12 * 10


@pytest.mark.parametrize("status", [302, 403])
def test_a_ban_that_does_not_end_ends_the_last_cells(status: int) -> None:
    """They are waited for some minutes, and are charged then, as in an outage."""
    all_denied = {"deny": tuple(str(number) for number in range(12)), "deny_status": status}
    done = _collect(
        {},
        companies=12,
        ceiling=20.0,
        concurrency=8,
        cells=96,
        seconds=1800.0,
        changes=((4.0, all_denied),),
    )
    assert done.answered.total() + done.failed.total() == 96
    assert done.failed
    assert len(done.seen.sent) < 250
