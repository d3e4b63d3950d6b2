from collector.core.outcome import Blame
from collector.pace import RateController
from collector.pace.refusals import CompanyThrottling, ThrottledScope


def test_the_second_refusal_after_others_were_let_in_is_its_own() -> None:
    """And all that follow; the rate before the first one is known."""
    outcasts = CompanyThrottling()
    read = [outcasts.refused("7", epoch, 50.0 - epoch) for epoch in range(5)]
    assert read == [
        ThrottledScope.EVERYBODYS,
        ThrottledScope.JUST_FOUND,
        *[ThrottledScope.ITS_OWN] * 3,
    ]
    assert outcasts.rate_before == 50.0


def test_refusals_before_one_blockade_count_once() -> None:
    """All that is under way when a limit is met is refused, of one company or of many."""
    outcasts = CompanyThrottling()
    assert {outcasts.refused("7", 3, 50.0) for _ in range(100)} == {ThrottledScope.EVERYBODYS}


def test_a_company_that_is_let_in_is_like_any_other() -> None:
    """Once known as well: what it was refused for is over."""
    outcasts = CompanyThrottling()
    for epoch in range(4):
        outcasts.refused("7", epoch, 50.0)
    outcasts.accepted("8")
    assert outcasts.refused("7", 5, 50.0) is ThrottledScope.ITS_OWN
    outcasts.accepted("7")
    assert outcasts.refused("7", 6, 50.0) is ThrottledScope.EVERYBODYS


def test_memory_is_bounded() -> None:
    """The oldest of a thousand companies is forgotten."""
    outcasts = CompanyThrottling()
    for number in range(5000):
        outcasts.refused(str(number), 0, 50.0)
    assert len(outcasts._records) == 1024  # noqa: SLF001 - memory has no other face


def test_an_outcast_gives_the_rate_back_and_stops_nobody() -> None:
    """Refused twice, the rate is what it was; from then on it is a failure of its own."""
    control = RateController(50.0, companies=10, probe_seconds=35)
    now, blames, rates = 1000.0, list[Blame](), list[float]()
    for turn in range(600):
        now = max(now, control.leave_at())
        permit = control.depart(now)
        if turn % 50 == 49 and control.open_cause is None:
            blames.append(control.refused(permit, now + 0.01, "7"))
        else:
            control.answered(permit, now + 0.01, str(turn % 7))
        rates.append(control.rate)
    assert blames[0] is Blame.RATE
    assert set(blames[1:]) == {Blame.CELL}
    assert min(rates) < 49
    assert rates[-1] == 50.0
    assert control.open_cause is None
