import pytest

from collector.core.outcome import Blame
from collector.pace import RateController
from collector.pace.refusals import CompanyThrottling, ThrottledScope


def read(throttling: CompanyThrottling, accepted: int) -> list[ThrottledScope]:
    """Refuse a company five times, and let requests of others be accepted in between."""
    scopes = []
    for epoch in range(5):
        scopes.append(throttling.refused("7", epoch, 50.0 - epoch))
        for _ in range(accepted):
            throttling.accepted("8")
    return scopes


@pytest.mark.parametrize(("accepted", "chances"), [(0, 2), (9, 2), (19, 2), (20, 1), (100, 1)])
def test_a_refusal_after_20_of_others_were_accepted_is_its_own(accepted: int, chances: int) -> None:
    """Or else the third, and all that follow; the rate before the first one is known."""
    throttling = CompanyThrottling()
    assert read(throttling, accepted) == [
        *[ThrottledScope.ALL_COMPANIES] * chances,
        ThrottledScope.NEW_COMPANY,
        *[ThrottledScope.KNOWN_COMPANY] * (4 - chances),
    ]
    assert throttling.rate_before == 50.0


def test_what_was_sent_before_the_cut_says_nothing_about_the_rate_after_it() -> None:
    """However many of such requests are accepted."""
    throttling = CompanyThrottling()
    throttling.refused("7", 0, 50.0)
    for _ in range(100):
        throttling.accepted("8", is_current=False)
    assert throttling.refused("7", 1, 49.0) is ThrottledScope.ALL_COMPANIES


def test_refusals_before_the_circuit_opened_once_count_once() -> None:
    """All that is under way when a limit is met is refused, of one company or of many."""
    throttling = CompanyThrottling()
    assert {throttling.refused("7", 3, 50.0) for _ in range(100)} == {ThrottledScope.ALL_COMPANIES}


def test_a_company_that_is_accepted_is_like_any_other() -> None:
    """Once known as well: what it was refused for is over."""
    throttling = CompanyThrottling()
    for epoch in range(4):
        throttling.refused("7", epoch, 50.0)
    throttling.accepted("8")
    assert throttling.refused("7", 5, 50.0) is ThrottledScope.KNOWN_COMPANY
    throttling.accepted("7")
    assert throttling.refused("7", 6, 50.0) is ThrottledScope.ALL_COMPANIES


def test_memory_is_bounded() -> None:
    """The oldest of a thousand companies is forgotten."""
    throttling = CompanyThrottling()
    for number in range(5000):
        throttling.refused(str(number), 0, 50.0)
    assert len(throttling._records) == 1024  # noqa: SLF001 - memory has no other face


def test_a_throttled_company_restores_the_rate_and_stops_no_other() -> None:
    """Refused twice, the rate is what it was; from then on it is a failure of its own."""
    control = RateController(50.0, companies=10, probe_seconds=35)
    now, blames, rates = 1000.0, list[Blame](), list[float]()
    for turn in range(600):
        now = max(now, control.next_at())
        permit = control.issue_permit(now)
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
