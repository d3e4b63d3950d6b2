from collections.abc import Callable
from math import inf

import pytest

from tests.pace.sender import START, Sender


def rising(start: float, step: float) -> Callable[[], float]:
    """Return latencies that become longer and longer."""
    latencies = iter(range(10**9))
    return lambda: start + next(latencies) * step


def test_a_growing_queue_stops_growth_and_cuts() -> None:
    """Every answer later than the previous one, at the same rate: the server is below the rate."""
    sender = Sender(20)
    sender.run(5, lambda: 0.1)
    sender.run(10, rising(0.1, 0.015), until=lambda: bool(sender.news))
    assert sender.events == ["server_queues"]
    assert sender.cause() is None
    assert 0.6 * 20 < sender.control.rate < 0.98 * 20
    rate = sender.control.rate
    assert sender.news[0][1] == {"rate": round(rate, 2)}
    first, second = sender.sends(2)
    assert second.at - first.at == pytest.approx(1 / (0.998 * rate), rel=1e-6)
    sender.run(3, lambda: 1.2)
    assert sender.events == ["server_queues"]
    assert sender.control.rate == rate


def test_a_queue_gets_5_seconds_before_it_is_taken_for_another_one() -> None:
    """It has to have the time to become shorter."""
    sender = Sender(50)
    sender.run(5, lambda: 0.1)
    met = list[float]()

    def is_met_again() -> bool:
        if len(met) < sender.events.count("server_queues"):
            met.append(sender.now)
        return len(met) == 2

    sender.run(60, rising(0.1, 0.006), until=is_met_again)
    assert 5.0 <= met[1] - met[0] < 7.0


def test_a_service_that_has_become_slower_is_no_queue_for_ever() -> None:
    """Two cuts have not helped, so it is not the rate; growth continues after the hold."""
    sender = Sender(50)
    sender.run(5, lambda: 0.1)
    sender.run(20, lambda: 0.5)
    assert sender.events == ["server_queues"] * 2
    sender.run(40, lambda: 0.5)
    assert sender.events == ["server_queues"] * 2
    assert sender.control.rate == 50


@pytest.mark.parametrize("tenths", range(10, 31))
def test_an_open_circuit_does_not_make_the_server_look_slow(tenths: int) -> None:
    """No request is accepted meanwhile, so the answers of those seconds do not measure the server.

    nginx's `limit_req` with a burst delays first, and then refuses.
    """
    sender = Sender(50)
    sender.run(5, lambda: 0.05)
    sender.run(tenths / 10, rising(0.05, 0.006), until=lambda: bool(sender.news))
    sender.refuse(pause=1)
    sender.answer()
    sender.run(3, lambda: 0.6)
    assert sender.control.rate > 0.7 * 50


def test_after_an_outage_an_old_queue_is_forgotten() -> None:
    """At few requests per second, too, the rate returns when the server answers as fast as ever."""
    sender = Sender(8)
    sender.run(10, lambda: 0.1)
    sender.run(60, rising(0.1, 0.04), until=lambda: "server_queues" in sender.events)
    sender.go_down()
    sender.answer()
    assert sender.cause() is None
    sender.run(120, lambda: 0.1)
    assert sender.control.rate == 8


def test_a_queue_that_becomes_shorter_only_stops_slow_start() -> None:
    """Until it is gone."""
    sender, rates = Sender(inf), list[tuple[float, float]]()

    def latency() -> float:
        since = sender.now - START - 3
        return 0.1 if since < 0 else max(0.1, 0.6 - 0.05 * since)

    def note() -> bool:
        rates.append((sender.now - START, sender.control.rate))
        return False

    sender.run(20, latency, until=note)
    assert len({rate for now, rate in rates if 5.5 < now < 9}) == 1
    assert sender.news == []
    assert rates[-1][1] > 3 * max(rate for now, rate in rates if now < 9)
