from collections.abc import Sequence

import pytest

from collector.pace.latency import Advice, LatencyWatch

START = 1000.0
STEADY = [0.1] * 20
RATE = 20.0


def judge(*seconds: Sequence[float]) -> list[tuple[bool, bool]]:
    """Let seconds pass with these latencies, and return what was known of each at its end.

    That is whether the server queued, and whether the rate had to come down.
    """
    watch, known = LatencyWatch(), []
    for number, latencies in enumerate([*seconds, [0.1]]):
        for index, latency in enumerate(latencies):
            advice = watch.add(START + number + index / len(latencies), latency, RATE)
            wants_less = advice is Advice.LESS
            if index == 0:
                known.append((watch.is_queueing, wants_less))
            else:
                assert not wants_less
    return known[1:]


def steady(*latencies: float, rate: int = 20) -> list[list[float]]:
    """Return seconds, each with answers that all take the same time."""
    return [[latency] * rate for latency in latencies]


def cuts(known: list[tuple[bool, bool]]) -> list[int]:
    """Return the numbers of the seconds after which the rate had to come down."""
    return [number for number, (_, wants_less) in enumerate(known) if wants_less]


def test_a_queue_that_does_not_become_shorter_wants_a_lower_rate() -> None:
    """The first slower second is a queue, the next one shows what becomes of it."""
    known = judge(*steady(0.1, 0.1, 0.4, 0.7, 0.1, 0.4, 0.1))
    assert known == [
        (False, False),
        (False, False),
        (True, False),
        (True, True),
        (False, False),
        (True, False),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("then", "wants_less"), [(0.9, True), (0.5, True), (0.495, True), (0.485, False), (0.35, False)]
)
def test_10_ms_a_second_shorter_is_short_enough(
    then: float,
    wants_less: bool,  # noqa: FBT001 - a table
) -> None:
    """At 0.97 times what the server works off, a queue loses 30 ms in each second."""
    assert judge(*steady(0.1, 0.5, then))[-1] == (True, wants_less)


def test_a_queue_gets_5_seconds_to_become_shorter() -> None:
    """Before it is taken for one that does not."""
    growing = [0.4 + number / 10 for number in range(8)]
    assert cuts(judge(*steady(0.1, *growing))) == [2, 7]


def test_when_two_cuts_have_not_helped_the_service_has_become_slower() -> None:
    """What it takes now is the new base: no queue, no third cut, until it becomes slower again."""
    known = judge(*steady(0.1, *[0.5] * 30, *[0.9] * 3))
    assert cuts(known) == [2, 7, 33 - 1]
    assert [is_queueing for is_queueing, _ in known] == (
        [False, *[True] * 12, *[False] * 18, *[True] * 3]
    )


def test_what_was_cut_for_nothing_is_told() -> None:
    """With the rate before the first of the cuts, to which it can go back."""
    watch, advices = LatencyWatch(), list[Advice]()
    for second in range(20):
        latency = 0.1 if second < 2 else 0.5
        advices += [
            watch.add(START + second + number / 20, latency, 50.0 - second) for number in range(20)
        ]
    said = [advice for advice in advices if advice is not Advice.NOTHING]
    assert said == [Advice.LESS, Advice.LESS, Advice.NO_QUEUE]
    assert watch.rate_before == 50.0 - 4


def test_cuts_that_helped_are_forgotten() -> None:
    """Each queue may take two of them."""
    known = judge(*steady(*[0.1, 0.5, 0.5, 0.1, 0.1, 0.1] * 4))
    assert cuts(known) == [2, 8, 14, 20]


@pytest.mark.parametrize(
    ("rate", "latency", "is_queueing"),
    [
        (20, 0.30, False),
        (20, 0.32, True),
        (40, 0.195, False),
        (40, 0.205, True),
        (100, 0.149, False),
        (100, 0.151, True),
        (200, 0.149, False),
        (200, 0.151, True),
        (4, 1.0, False),
        (4, 1.2, True),
    ],
)
def test_a_queue_is_half_as_much_latency_again_and_4_requests(
    rate: int,
    latency: float,
    is_queueing: bool,  # noqa: FBT001 - a table
) -> None:
    """As Vegas reckons: rate * (latency - base latency); the base is 100 ms here."""
    assert judge(*steady(0.1, latency, rate=rate))[-1] == (is_queueing, False)


def test_single_answers_mean_nothing() -> None:
    """Nor do quick ones: a rare answer that takes 5 ms makes no queue of the others' 150."""
    assert judge(STEADY, *[[*[0.1] * 11, *[5.0] * 9]] * 3)[-1] == (False, False)
    assert judge(*[[0.005, *[0.15] * 19]] * 30)[-1] == (False, False)


def test_the_base_is_that_of_the_last_minute() -> None:
    """A service that becomes slower bit by bit does not queue; what is long ago is forgotten."""
    for slow, is_queueing in ((58, True), (62, False)):
        known = judge(STEADY, *steady(*[0.14] * slow), *steady(0.2, rate=100))
        assert known[-1] == (is_queueing, False)


def test_faster_answers_lower_the_base_at_once() -> None:
    """What takes as long as before is a queue then."""
    known = judge(*steady(0.5, 0.5, 0.1, 0.5))
    assert [is_queueing for is_queueing, _ in known] == [False, False, False, True]


@pytest.mark.parametrize("rate", [3.4, 8.0, 50.0, 777.0])
def test_answered_is_the_rate_of_the_answers(rate: float) -> None:
    """A second is not exact, as it ends with an answer; the rate is."""
    watch = LatencyWatch()
    for number in range(int(3 * rate)):
        watch.add(START + number / rate, 0.1, RATE)
    assert watch.answered == pytest.approx(rate)


def test_answers_that_come_all_at_once_are_no_endless_rate() -> None:
    """They count as those of a tenth of a second."""
    watch = LatencyWatch()
    for now in (START, START, START, START + 1):
        watch.add(now, 0.1, RATE)
    assert watch.answered == pytest.approx(20)


def test_a_time_without_answers_does_not_make_the_server_look_slow() -> None:
    """It may have been idle: the answers of a second are counted in seconds of work."""
    watch = LatencyWatch()
    for began in (START, START + 10, START + 11, START + 12):
        for number in range(15):
            watch.add(began + number / 20, 0.1, RATE)
            assert not watch.answered or watch.answered == pytest.approx(20)


def test_two_answers_are_too_few_for_a_judgement() -> None:
    """Two slow ones may be chance; three are not."""
    assert judge(STEADY, [9.0] * 2, [9.0] * 2)[1:] == [(False, False)] * 2
    assert judge(STEADY, [9.0] * 3)[-1] == (True, False)


def test_a_queue_is_forgotten_when_too_few_answers_come_to_see_it() -> None:
    """It describes the last second. An old judgement would stop growth, or cut, for ever."""
    known = judge(*steady(0.1, 0.5, 0.9), *[[0.1, 0.1]] * 10)
    assert known[2] == (True, True)
    assert known[3:] == [(False, False)] * 10


def test_a_restart_begins_another_second_and_knows_of_no_queue() -> None:
    """What came before it does not end in a judgement; the base is still known."""
    watch = LatencyWatch()
    for second, latency in enumerate((0.1, 0.5, 0.9)):
        for number in range(20):
            watch.add(START + second + number / 20, latency, RATE)
    assert watch.is_queueing
    watch.restart()
    seen = [watch.is_queueing, watch.add(START + 3, 0.9, RATE) is Advice.LESS, watch.is_queueing]
    assert seen == [False] * 3
    for number in range(1, 21):
        watch.add(START + 3 + number / 20, 0.9, RATE)
    assert watch.is_queueing


def test_memory_is_bounded() -> None:
    """A minute of seconds, however long it runs."""
    watch = LatencyWatch()
    for number in range(1000):
        watch.add(START + number / 4, 0.1, RATE)
    assert len(watch._medians) == 60  # noqa: SLF001 - memory has no other face
