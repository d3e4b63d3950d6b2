from collections import Counter

import pytest

from collector.simulator import Fault, SimulatorSettings
from collector.simulator.faults import FaultDraw

SHARES = {
    Fault.STATUS_500: "share_500",
    Fault.RESET: "share_resets",
    Fault.HANG: "share_hangs",
    Fault.TRUNCATED: "share_truncated",
    Fault.NOT_JSON: "share_not_json",
}


def draws(settings: SimulatorSettings, count: int) -> list[Fault | None]:
    """Draw for `count` requests."""
    draw = FaultDraw(settings)
    return [draw.draw() for _ in range(count)]


def test_by_default_nothing_goes_wrong() -> None:
    """A healthy API has no faults."""
    assert set(draws(SimulatorSettings(), 100)) == {None}


@pytest.mark.parametrize(("fault", "name"), SHARES.items())
def test_a_share_of_one_is_every_request(fault: Fault, name: str) -> None:
    """Each option brings its own fault and no other."""
    settings = SimulatorSettings(**{name: 1.0})  # type: ignore[arg-type]
    assert set(draws(settings, 100)) == {fault}


def test_faults_come_in_their_shares() -> None:
    """Over 10,000 requests each share is met to a hundredth, and the rest goes well."""
    settings = SimulatorSettings(
        share_500=0.3, share_resets=0.1, share_hangs=0.05, share_truncated=0.1, share_not_json=0.2
    )
    counts = Counter(draws(settings, 10_000))
    for fault, name in SHARES.items():
        assert counts[fault] / 10_000 == pytest.approx(getattr(settings, name), abs=0.01)
    assert counts[None] / 10_000 == pytest.approx(0.25, abs=0.01)


def test_the_seed_decides_which_requests_meet_a_fault() -> None:
    """The same seed tells the same story; another one, another."""
    first, second = (SimulatorSettings(seed=seed, share_500=0.5) for seed in (1, 2))
    assert draws(first, 200) == draws(first, 200)
    assert draws(first, 200) != draws(second, 200)
