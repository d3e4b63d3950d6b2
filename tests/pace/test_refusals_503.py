from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.refusals import Reading, Status503Classifier

NOW = 1000.0
RATE = 50.0
ERROR, REFUSAL, FALSE_ALARM = Reading.ERROR, Reading.REFUSAL, Reading.FALSE_ALARM


def pair(
    classifier: Status503Classifier, now: float, rate: float = RATE
) -> tuple[Reading, Reading]:
    """Classify two 503s shortly after each other."""
    return classifier.classify(now, rate), classifier.classify(now + 0.1, rate)


def test_a_single_503_is_an_error_and_a_second_soon_after_is_a_refusal() -> None:
    """A limiter that is met refuses again within moments."""
    assert pair(Status503Classifier(), NOW) == (ERROR, REFUSAL)


@pytest.mark.parametrize(
    ("rate", "apart", "reading"),
    [
        (50.0, 2.0, REFUSAL),
        (50.0, 2.1, ERROR),
        (30.0, 2.0, REFUSAL),
        (30.0, 2.1, ERROR),
        (10.0, 6.0, REFUSAL),
        (10.0, 6.1, ERROR),
        (0.1, 15.0, REFUSAL),
        (0.1, 15.1, ERROR),
    ],
)
def test_together_is_2_seconds_or_60_requests(rate: float, apart: float, reading: Reading) -> None:
    """What is longer, 15 seconds at most: at 1 per second, 2 seconds would hold but 2 requests."""
    classifier = Status503Classifier()
    classifier.classify(NOW, rate)
    assert classifier.classify(NOW + apart, rate) is reading


def test_after_6_cuts_in_a_row_it_was_not_the_rate() -> None:
    """The rate before the first of them is known, whatever it was later."""
    classifier, rate = Status503Classifier(), RATE
    for number in range(6):
        assert pair(classifier, NOW + 5 * number, rate) == (ERROR, REFUSAL)
        assert classifier.rate_before == RATE
        rate *= 0.9
    assert pair(classifier, NOW + 30, rate) == (ERROR, FALSE_ALARM)
    assert classifier.rate_before == RATE


@pytest.mark.parametrize(
    ("rate", "apart", "last"),
    [
        (50.0, 9.9, FALSE_ALARM),
        (50.0, 10.2, REFUSAL),
        (20.0, 9.8, FALSE_ALARM),
        (20.0, 10.2, REFUSAL),
        (10.0, 19.8, FALSE_ALARM),
        (10.0, 20.2, REFUSAL),
        (1.0, 59.0, FALSE_ALARM),
        (1.0, 61.0, REFUSAL),
    ],
)
def test_in_a_row_is_within_10_seconds_or_200_requests(
    rate: float, apart: float, last: Reading
) -> None:
    """A minute at most: a limit that is met every now and then is a limit."""
    classifier = Status503Classifier()
    for number in range(6):
        assert pair(classifier, NOW + apart * number, rate)[1] is REFUSAL
    assert pair(classifier, NOW + apart * 6, rate)[1] is last


def test_a_quiet_time_begins_the_count_of_cuts_anew() -> None:
    """And the rate before the first of them."""
    classifier = Status503Classifier()
    for number in range(5):
        pair(classifier, NOW + 3 * number, 80.0)
    for number in range(6):
        assert pair(classifier, NOW + 60 + 3 * number, 60.0)[1] is REFUSAL
    assert classifier.rate_before == 60.0
    assert pair(classifier, NOW + 60 + 18, 60.0)[1] is FALSE_ALARM


@pytest.mark.parametrize(("bans", "last"), [(0, FALSE_ALARM), (1, REFUSAL), (6, REFUSAL)])
def test_a_cut_after_which_nothing_was_accepted_does_not_count(bans: int, last: Reading) -> None:
    """After a ban the rate returns to where it was, so the next one shows nothing new."""
    classifier = Status503Classifier()
    for number in range(6):
        assert pair(classifier, NOW + 5 * number)[1] is REFUSAL
        if number >= 6 - bans:
            classifier.accepted_nothing()
    assert pair(classifier, NOW + 30)[1] is last


def alarm_falsely(classifier: Status503Classifier, now: float) -> float:
    """Let pairs come every 3 seconds until that is a false alarm, and return when."""
    readings = [pair(classifier, now + 3 * number)[1] for number in range(7)]
    assert readings == [REFUSAL] * 6 + [FALSE_ALARM]
    return now + 3 * 6 + 0.1


def test_distrust_lasts_a_minute_and_doubles_up_to_an_hour() -> None:
    """Meanwhile all 503s are errors; afterwards it all begins anew."""
    classifier, now = Status503Classifier(), NOW
    for lasts in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        now = alarm_falsely(classifier, now)
        for share in (0.01, 0.5, 0.99):
            assert pair(classifier, now + share * lasts) == (ERROR, ERROR)
        now += lasts + 0.01


def test_after_the_distrust_the_count_begins_anew() -> None:
    """Also where 200 requests take longer than it lasts."""
    classifier = Status503Classifier()
    for began in (NOW, NOW + 70):
        readings = [classifier.classify(began + number, 1.0) for number in range(8)]
        assert readings == [ERROR, *[REFUSAL] * 6, FALSE_ALARM]


def test_until_a_second_503_would_be_a_refusal_it_is_no_time_to_go_faster() -> None:
    """2 seconds or 60 requests after one, 15 at most; never while 503s are errors anyway."""
    classifier = Status503Classifier()
    assert classifier.may_be_limited_until(RATE) == -inf
    classifier.classify(NOW, RATE)
    assert classifier.may_be_limited_until(RATE) == NOW + 2
    assert classifier.may_be_limited_until(1.0) == NOW + 15
    end = alarm_falsely(classifier, NOW + 60)
    classifier.classify(end + 30, RATE)
    assert classifier.may_be_limited_until(RATE) == end + 2


@given(st.lists(st.floats(2.01, 100), max_size=30), st.floats(30, 1000))
def test_scattered_503s_are_errors(apart: list[float], rate: float) -> None:
    """However many there are."""
    classifier, now = Status503Classifier(), NOW
    for seconds in apart:
        now += seconds
        assert classifier.classify(now, rate) is ERROR
