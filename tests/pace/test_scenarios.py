"""The whole controller against virtual servers: hours of virtual time, the bounds of the docs."""

from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

import pytest

from benchmarks.rate.scenario import Scenario
from benchmarks.rate.scenarios import HALVED_AND_DOUBLED, SCENARIOS
from benchmarks.rate.virtual import run_virtually
from collector.simulator import SimulatorSettings

_VIRTUAL = [scenario for scenario in SCENARIOS if scenario.is_virtual]


def api(**settings: Any) -> SimulatorSettings:  # noqa: ANN401 - see SimulatorSettings
    """Make a server with the usual latency."""
    return SimulatorSettings(port=0, **{"latency": 0.05, "jitter": 0.02, **settings})


def situation(**more: Any) -> Scenario:  # noqa: ANN401 - see Scenario
    """Make a scenario without figures."""
    return Scenario(**{"name": "a test", "figures": (), "settings": api(), **more})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, pytest.param(12, marks=pytest.mark.torture)])
@pytest.mark.parametrize("scenario", _VIRTUAL, ids=lambda scenario: scenario.name)
def test_every_scenario_keeps_its_bounds(scenario: Scenario, seed: int) -> None:
    """The figures of docs/rate-control.md, with other seeds than those in the table."""
    seen = run_virtually(scenario, seed)
    beside = None if scenario.beside is None else run_virtually(scenario.beside, seed)
    for figure in scenario.figures:
        value = figure.value(seen, beside)
        assert figure.is_reached(value), f"{figure.label}: {figure.show(value)}"


_DOUBLED = {140: [pytest.mark.slow], 161: [], 182: [pytest.mark.slow]}


@pytest.mark.parametrize(
    "doubled",
    [
        pytest.param(doubled, marks=_DOUBLED.get(doubled, [pytest.mark.torture]))
        for doubled in range(140, 210, 7)
    ],
)
def test_a_doubled_limit_is_found_whenever_it_is_doubled(doubled: int) -> None:
    """At the beginning of a hold, in the middle of growth, just after a refusal."""
    changes = ((80.0, {"rate_limit": 25.0}), (float(doubled), {"rate_limit": 50.0}))
    seen = run_virtually(replace(HALVED_AND_DOUBLED, seconds=doubled + 100.0, changes=changes))
    assert seen.back_after(80.0, doubled, 0.9 * 25) <= 60
    assert seen.back_after(doubled, doubled + 100.0, 0.9 * 50) <= 60


class Bounds(NamedTuple):
    """A limit, and how well it has to be used after half a minute."""

    limit: float
    burst: int
    least: float
    most_refused: float


_LIMITS = [
    Bounds(5.0, 5, 0.95, 0.02),
    Bounds(25.0, 20, 0.95, 0.005),
    Bounds(200.0, 20, 0.95, 0.002),
]
_QUICK = {
    (25.0, 1.0, 503): [],
    (5.0, 0.005, 503): [pytest.mark.slow],
    (5.0, 1.0, 429): [pytest.mark.slow],
    (200.0, 0.005, 429): [pytest.mark.slow],
}
"""Each limit, latency and status, and the smallest limit with both of the others."""


@pytest.mark.parametrize(
    ("bounds", "latency", "status"),
    [
        pytest.param(
            *(bounds, latency, status),
            id=f"{bounds.limit:g}-{latency}-{status}",
            marks=_QUICK.get((bounds.limit, latency, status), [pytest.mark.torture]),
        )
        for bounds in _LIMITS
        for latency in (0.005, 0.2, 1.0)
        for status in (429, 503)
    ],
)
def test_other_limits_and_latencies(status: int, latency: float, bounds: Bounds) -> None:
    """An unannounced limit is used, whatever its size and however far the server is."""
    limit, burst, least, most_refused = bounds
    seen = run_virtually(
        situation(
            settings=api(latency=latency, rate_limit=limit, burst=burst, limit_status=status),
            concurrency=2000,
        )
    )
    # A slow server answers late, so that it takes longer until refusals arrive.
    begin = 30.0 + 30.0 * latency
    assert seen.used(limit, begin, seen.seconds) >= least - 0.05 * latency
    assert seen.refused_share(begin, seen.seconds) <= most_refused * (1 + 5 * latency)
    assert seen.failed_cells == 0


@pytest.mark.slow
def test_a_limit_of_a_thousand_a_second() -> None:
    """It takes half a minute to be found from 10 per second on, and is used then."""
    seen = run_virtually(
        situation(settings=api(rate_limit=1000.0, burst=50), concurrency=2000, seconds=90.0)
    )
    assert seen.used(1000, 40, 90) >= 0.93
    assert seen.refused_share(0, 90) <= 0.001


def test_a_ceiling_below_the_limit_is_never_refused() -> None:
    """`--rate 40` at a limit of 50 is 40 per second, from the first second on."""
    seen = run_virtually(situation(settings=api(rate_limit=50.0, burst=5), ceiling=40.0))
    assert not seen.refused
    assert seen.used(40, 0, seen.seconds) >= 0.99


def test_a_ceiling_above_the_limit_is_come_back_to() -> None:
    """`--rate 60`: refused at 50 while that is the limit, 60 again when there is none."""
    seen = run_virtually(
        situation(
            settings=api(rate_limit=50.0, burst=5),
            ceiling=60.0,
            changes=((100.0, {"rate_limit": None}),),
        )
    )
    assert 0.95 <= seen.used(50, 30, 100) <= 1.0
    assert seen.used(60, 150, 210) >= 0.99
    assert seen.busiest(1.0) <= 62


@pytest.mark.parametrize("ceiling", [50.0, pytest.param(inf, marks=pytest.mark.slow)])
def test_a_run_that_begins_when_the_quota_is_used_up(ceiling: float) -> None:
    """Killed and restarted with an open circuit: what others used says nothing about the rate."""
    seen = run_virtually(
        situation(
            settings=api(rate_limit=50.0, limit_kind="window", limit_window=60.0),
            ceiling=ceiling,
            seconds=400.0,
            # Whatever the minute is, no request is accepted when the second process begins.
            changes=(
                (1.0, {"limit_kind": "bucket", "rate_limit": 0.001}),
                (40.0, {"limit_kind": "window", "rate_limit": 50.0}),
            ),
            kills=(10.0,),
        )
    )
    assert seen.used(50, 160, 400) >= 0.85
    assert seen.refused_share(160, 400) <= 0.003


def test_bursts_are_never_sent_whatever_fails() -> None:
    """Errors of every kind: no 100 ms above 8 and no second above 52, retries included."""
    seen = run_virtually(
        situation(
            settings=api(share_500=0.3, share_resets=0.2, share_hangs=0.05),
            ceiling=50.0,
            timeout=2.0,
            concurrency=256,
        )
    )
    assert seen.busiest() <= 8
    assert seen.busiest(1.0) <= 52


_NOTHING = {"rate_limit": 0.001, "limit_kind": "window", "limit_window": 10_000.0}
"""Ten requests, and then none for hours."""


@pytest.mark.parametrize(
    ("outage", "back"),
    [
        ({"share_resets": 1.0}, {"share_resets": 0.0}),
        ({**_NOTHING, "limit_status": 429}, {"rate_limit": None}),
        *(
            pytest.param(outage, back, marks=pytest.mark.slow)
            for outage, back in (
                ({"share_hangs": 1.0}, {"share_hangs": 0.0}),
                ({"share_500": 1.0}, {"share_500": 0.0}),
                ({"share_not_json": 1.0}, {"share_not_json": 0.0}),
                ({**_NOTHING, "limit_status": 503}, {"rate_limit": None}),
            )
        ),
    ],
    ids=("resets", "429", "hangs", "500", "html", "503"),
)
@pytest.mark.parametrize("ceiling", [pytest.param(10.0, marks=pytest.mark.torture), 50.0])
def test_half_an_hour_of_any_outage(
    outage: dict[str, Any], back: dict[str, Any], ceiling: float
) -> None:
    """At most 200 requests are lost in it, no cell is used up, and it resumes within a minute."""
    seen = run_virtually(
        situation(
            ceiling=ceiling, seconds=2160.0, changes=((200.0, outage), (2000.0, back)), timeout=10.0
        )
    )
    # Those in flight when it begins were sent before.
    assert seen.sent_between(200.5, 2000.0) <= 200
    assert seen.failed_cells == 0
    assert seen.sent_between(2000.0, 2060.0) > 4 * ceiling


def test_an_api_that_flaps_is_not_stormed() -> None:
    """Ten minutes, 10 s up and 20 s down: few requests go into each time that it is down."""
    changes = [
        (60.0 + 30.0 * turn + offset, {"down": down})
        for turn in range(20)
        for offset, down in ((0.0, True), (20.0, False))
    ]
    seen = run_virtually(situation(ceiling=50.0, seconds=700.0, changes=tuple(changes)))
    into = [seen.sent_between(at, at + 20.0) for at, change in changes if change["down"]]
    assert max(into) <= 30
    assert seen.failed_cells == 0


@pytest.mark.parametrize("share", [pytest.param(0.002, marks=pytest.mark.slow), 0.02, 0.1])
def test_errors_that_come_by_chance_do_not_slow_requests_down(share: float) -> None:
    """500s that have nothing to do with the rate leave it as it is."""
    seen = run_virtually(situation(settings=api(share_500=share), ceiling=50.0))
    assert seen.used(50, 10, seen.seconds) >= 0.99


def test_a_server_that_is_slow_for_all_is_no_queue() -> None:
    """The latency goes from 50 to 250 ms and stays: the rate does too."""
    seen = run_virtually(situation(ceiling=50.0, changes=((60.0, {"latency": 0.25}),)))
    assert seen.used(50, 60, seen.seconds) >= 0.9
    assert seen.used(50, 150, seen.seconds) >= 0.97


def test_the_same_seed_sees_the_same() -> None:
    """So that a failure can be looked at again."""
    scenario = SCENARIOS[1]
    assert run_virtually(scenario, 7).sent == run_virtually(scenario, 7).sent
