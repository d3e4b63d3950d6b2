import asyncio
import dataclasses

import pytest

from collector.simulator import Simulator, SimulatorSettings
from tests.simulator.bench import Bench, client_of, url_of


def test_a_bucket_goes_by_the_monotonic_clock() -> None:
    """Setting the wall clock changes nothing; a refusal is at once and says how long to wait."""
    settings = SimulatorSettings(rate_limit=0.5, burst=2, retry_after=True, latency=9.0)
    bench = Bench(settings)
    assert [bench.ask() for _ in range(3)] == [200, 200, 429]
    assert bench.decision.delay == 0.0
    assert bench.decision.reply.headers["Retry-After"] == "2"
    bench.clock.now += 100.0
    assert bench.ask() == 429
    bench.monotonic.now += 2.0
    assert bench.ask() == 200


def test_a_window_goes_by_the_wall_clock() -> None:
    """With the status that the settings name, and no Retry-After unless they ask for it."""
    settings = SimulatorSettings(
        rate_limit=1.0, limit_kind="window", limit_window=60.0, limit_status=503
    )
    bench = Bench(settings)
    bench.clock.now = 1019.0
    assert [bench.ask() for _ in range(61)] == [200] * 60 + [503]
    assert "Retry-After" not in bench.decision.reply.headers
    bench.monotonic.now += 100.0
    assert bench.ask() == 503
    bench.clock.now = 1020.0
    assert bench.ask() == 200


def test_a_queue_delays_on_top_of_the_latency() -> None:
    """Each waits for its turn by the monotonic clock, also to be told that it has no access."""
    settings = SimulatorSettings(
        rate_limit=0.5, limit_kind="queue", burst=3, retry_after=True, latency=9.0
    )
    bench = Bench(settings)
    delays = [(bench.ask(access=n != 2), bench.decision.delay) for n in range(5)]
    assert delays == [(200, 9.0), (200, 11.0), (401, 4.0), (200, 15.0), (429, 0.0)]
    assert bench.decision.reply.headers["Retry-After"] == "2"
    bench.clock.now += 100.0
    assert bench.ask() == 429
    bench.monotonic.now += 2.0
    assert (bench.ask(), bench.decision.delay) == (200, 15.0)


def test_every_answer_announces_the_limit() -> None:
    """Accepted, without access, failed or refused; the reset is rounded up to whole seconds."""
    bench = Bench(SimulatorSettings(rate_limit=0.8, burst=3, rate_headers=True, share_500=1.0))
    assert bench.ask() == 500
    assert bench.announced() == {"Limit": "3", "Remaining": "2", "Reset": "2"}
    assert bench.ask(access=False) == 401
    assert bench.announced() == {"Limit": "3", "Remaining": "1", "Reset": "3"}
    assert "WWW-Authenticate" in bench.decision.reply.headers
    bench.service.configure(dataclasses.replace(bench.service.settings, share_500=0.0))
    assert [bench.ask() for _ in range(4)] == [200, 200, 200, 429]
    assert bench.announced() == {"Limit": "3", "Remaining": "0", "Reset": "4"}
    assert "Retry-After" not in bench.decision.reply.headers


def test_a_window_announces_itself_by_the_wall_clock() -> None:
    """The reset is the beginning of the next one."""
    settings = SimulatorSettings(
        rate_limit=1.0, limit_kind="window", limit_window=60.0, rate_headers=True
    )
    bench = Bench(settings)
    bench.clock.now = 1007.5
    assert bench.ask() == 200
    assert bench.announced() == {"Limit": "60", "Remaining": "59", "Reset": "13"}


@pytest.mark.parametrize(
    "settings",
    [
        SimulatorSettings(rate_headers=True),
        SimulatorSettings(rate_limit=1.0),
        SimulatorSettings(rate_limit=1.0, limit_kind="queue", rate_headers=True),
    ],
)
def test_nothing_is_announced_without_a_limit_a_wish_or_an_allowance(
    settings: SimulatorSettings,
) -> None:
    """No limit, not asked for, or a queue."""
    bench = Bench(settings)
    assert bench.ask() == 200
    assert bench.announced() == {}


def test_a_new_configuration_starts_the_limit_anew() -> None:
    """An outage that is switched on and off leaves a full bucket behind."""
    bench = Bench(SimulatorSettings(rate_limit=1.0))
    settings = bench.service.settings
    assert [bench.ask(), bench.ask()] == [200, 429]
    bench.service.configure(dataclasses.replace(settings, down=True))
    assert bench.ask() == 502
    bench.service.configure(settings)
    assert [bench.ask(), bench.ask()] == [200, 429]


async def test_a_queue_holds_requests_back() -> None:
    """On a clock that stands still, six at once leave one by one, and the seventh is refused."""
    settings = SimulatorSettings(port=0, rate_limit=50.0, limit_kind="queue", burst=5)
    loop = asyncio.get_running_loop()
    async with Simulator(settings, monotonic=lambda: 0.0) as sim, client_of(sim) as session:
        asked_at = loop.time()

        async def ask() -> tuple[int, float]:
            async with session.get(url_of(sim)) as response:
                return response.status, loop.time() - asked_at

        answers = sorted(await asyncio.gather(*(ask() for _ in range(7))))
    assert [status for status, _ in answers] == [200] * 6 + [429]
    assert all(seconds >= n / 50 for n, (_, seconds) in enumerate(answers[:6]))


async def test_rate_headers_reach_the_client() -> None:
    """An answer and a refusal carry them."""
    settings = SimulatorSettings(port=0, rate_limit=0.001, burst=2, rate_headers=True)
    async with Simulator(settings) as sim, client_of(sim) as session:
        for status, remaining in ((200, "1"), (200, "0"), (429, "0")):
            async with session.get(url_of(sim)) as response:
                assert response.status == status
                assert response.headers["RateLimit-Limit"] == "2"
                assert response.headers["RateLimit-Remaining"] == remaining
                assert 900 < int(response.headers["RateLimit-Reset"]) <= 2000
