from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collector.core.outcome import Counters
from collector.dates.probe import Finding, Until, Verdict, verify_dates
from collector.dates.probe.company import verify_company
from collector.dates.probe.questions import settled_span
from collector.plan.date_params import DATE_FORMATS, DateFormat
from tests.dates.probe.fake_api import QUERY, FakeApi, counters, dense, empty, run

_MODES: Final[dict[str, dict[str, Any]]] = {
    "included": {},
    "excluded": {"until_excluded": True},
    "both": {"ignores": frozenset({"from_date", "until_date"})},
    "from": {"ignores": frozenset({"from_date"})},
    "from excluded": {"ignores": frozenset({"from_date"}), "until_excluded": True},
    "until": {"ignores": frozenset({"until_date"})},
}
_HONEST = ("included", "excluded")
_MOMENTS = {"epoch", "epoch-ms", "YYYY-MM-DDThh:mm:ssZ"}

_EDGES = [
    date(2023, 12, 31),
    date(2024, 2, 29),
    date(2024, 3, 31),
    date(2025, 1, 28),
    date(2025, 1, 29),
    date(2026, 1, 31),
    date(2026, 12, 1),
]
_TODAYS = st.one_of(st.sampled_from(_EDGES), st.dates(date(2023, 1, 1), date(2029, 12, 31)))

_SETTINGS = settings(
    deadline=None,
    # Others each time, where Hypothesis would draw the same again and again (`CI` is set), too.
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def _days(draw: st.DrawFn, today: date) -> dict[int, Counters]:
    """Draw tiny figures on few days: such as look alike by coincidence."""
    end = today.toordinal()
    kind = draw(st.sampled_from(["any", "recent", "days", "every", "none"]))
    if kind == "none":
        return {}
    if kind == "any":
        ages = draw(st.sets(st.integers(0, 120), min_size=1, max_size=8))
    elif kind == "recent":
        ages = draw(st.sets(st.integers(0, 10), min_size=1, max_size=8))
    elif kind == "every":
        ages = set(range(0, 120, draw(st.sampled_from([1, 2, 7, 28, 100]))))
    else:
        numbers = draw(st.sets(st.sampled_from([1, 2, 11, 12, 13, 14, 27, 28, 29]), min_size=1))
        days = ((today - timedelta(age), age) for age in range(120))
        ages = {age for day, age in days if day.day in numbers}
    sizes = draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=1, max_size=5))
    campaigns = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    return {
        end - age: counters(
            sizes[age % len(sizes)], campaigns[age % len(campaigns)], PRESSED=age % len(sizes) % 2
        )
        for age in ages
    }


@st.composite
def _apis(draw: st.DrawFn) -> tuple[FakeApi, str]:
    """Draw an API, and whether it is one that honours dates."""
    today = draw(_TODAYS)
    mode = draw(st.sampled_from(sorted(_MODES)))
    data = {str(number): draw(_days(today)) for number in range(draw(st.integers(1, 3)))}
    api = FakeApi(
        data,
        today,
        spelling=draw(st.sampled_from(DATE_FORMATS)),
        without_from=draw(st.sampled_from(["beginning", "week"])),
        without_until=draw(st.sampled_from(["end", "today", "week"])),
        unreadable=draw(st.sampled_from(["refuse", "zeros"])),
        default_ends=draw(st.sampled_from([0, -1])),
        distinct=draw(st.booleans()),
        **_MODES[mode],
    )
    return api, mode


def _judge(finding: Finding, api: FakeApi, *, is_honest: bool) -> None:
    """Fail if a finding says what is not true."""
    if not is_honest:
        assert finding.dates is not Verdict.HONOURED
        assert finding.until is Until.INCONCLUSIVE
        return
    assert finding.dates is not Verdict.IGNORED
    excluded = api.until_excluded and api.spelling not in _MOMENTS
    truth = Until.EXCLUDED if excluded else Until.INCLUDED
    assert finding.until in {truth, Until.INCONCLUSIVE}
    if finding.dates is Verdict.INCONCLUSIVE:
        assert finding.until is Until.INCONCLUSIVE


@given(_apis())
@_SETTINGS
def test_a_verdict_is_never_wrong(drawn: tuple[FakeApi, str]) -> None:
    """However few and small the figures are: it is true, or it is that nothing is known."""
    api, mode = drawn
    query = replace(QUERY, date_format=api.spelling)
    finding = run(verify_dates(list(api.data), query, api.today), api)
    _judge(finding, api, is_honest=mode in _HONEST)
    assert finding.evidence


@given(_apis(), st.booleans())
@_SETTINGS
def test_a_verdict_is_never_wrong_for_a_reader_that_guesses(
    drawn: tuple[FakeApi, str],
    is_dashed: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    """Days up to the 12th are taken for months, whatever else the server honours."""
    api, _ = drawn
    api.lenient = True
    api.spelling = "DD-MM-YYYY" if is_dashed else "DD/MM/YYYY"
    query = replace(QUERY, date_format=api.spelling)
    finding = run(verify_dates(list(api.data), query, api.today), api)
    assert finding.dates is not Verdict.HONOURED


@given(_apis(), st.sampled_from(DATE_FORMATS))
@_SETTINGS
def test_a_spelling_that_is_not_understood_is_never_honoured(
    drawn: tuple[FakeApi, str], date_format: DateFormat
) -> None:
    """Refused, or answered with zeros; a spelling that is understood is no matter of this test."""
    api, _ = drawn
    if {date_format, api.spelling} <= {"YYYYMMDD", "epoch", "epoch-ms"}:
        return
    if date_format == api.spelling:
        return
    finding = run(
        verify_dates(list(api.data), replace(QUERY, date_format=date_format), api.today), api
    )
    assert finding.dates is not Verdict.HONOURED


@given(_TODAYS, st.sampled_from(sorted(_MODES)), st.integers(1, 5), st.booleans())
@_SETTINGS
def test_a_company_with_data_on_every_day_is_always_enough(
    today: date,
    mode: str,
    size: int,
    distinct: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    """Even with tiny figures that are alike every day; 4 questions, 6 if one end is ignored."""
    end = today.toordinal()
    data = {day: counters(size, 1) for day in range(end - 200, end + 1)}
    api = FakeApi({"1": data}, today, distinct=distinct, **_MODES[mode])
    finding = run(verify_dates(["1"], QUERY, today), api)
    _judge(finding, api, is_honest=mode in _HONEST)
    assert finding.is_conclusive
    assert (finding.until is Until.INCONCLUSIVE) == (mode not in _HONEST)
    assert len(api.asked) == (4 if mode in {"included", "excluded"} else 6)


@given(_apis(), st.integers(0, 24))
@_SETTINGS
def test_it_ends_when_no_more_may_be_asked_and_is_not_wrong_then(
    drawn: tuple[FakeApi, str], most: int
) -> None:
    """Whenever that is."""
    api, mode = drawn
    query = replace(QUERY, date_format=api.spelling)
    finding = run(verify_dates(list(api.data), query, api.today), api, most)
    _judge(finding, api, is_honest=mode in _HONEST)
    assert len(api.asked) <= most


@given(_apis())
@_SETTINGS
def test_what_is_asked_ahead_changes_no_finding(drawn: tuple[FakeApi, str]) -> None:
    """Of figures that do not move; it takes one question more for each company, at most."""
    api, _ = drawn
    query = replace(QUERY, date_format=api.spelling)
    ids = list(api.data)
    in_turn = run(verify_dates(ids, query, api.today), api)
    turns = len(api.asked)
    api.asked.clear()
    ahead = run(verify_dates(ids, query, api.today, asks_ahead=True), api)
    assert ahead == in_turn
    assert turns <= len(api.asked) <= turns + len(ids)


def _week_from_the_first_day() -> FakeApi:
    """Give a server that ignores `until` and answers for a week, as if it cut windows."""
    days = [1, 2, 11]
    data = {
        date(2023, month, day).toordinal(): counters(1) for month in (10, 11, 12) for day in days
    }
    ignored = frozenset({"until_date"})
    return FakeApi({"0": data}, date(2023, 12, 31), ignores=ignored, without_until="week")


@given(_apis())
@example((FakeApi({"0": {date(2026, 9, 2).toordinal(): counters(1)}}, date(2026, 11, 24)), ""))
@example((_week_from_the_first_day(), "until"))
@_SETTINGS
def test_few_questions_find_the_day_with_data(drawn: tuple[FakeApi, str]) -> None:
    """22 for one company at most; none is asked twice, but the one that shows figures that move."""
    api, _ = drawn
    # Explicit examples are the same servers each time that this is called.
    api.asked.clear()
    query = replace(QUERY, date_format=api.spelling)
    company_id = next(iter(api.data))
    run(verify_company(company_id, query, settled_span(api.today)), api)
    assert len(api.asked) <= 22
    windows = [tuple(question.parameters.items()) for question in api.asked]
    assert len(windows) - len(set(windows)) <= 1


def _moving(hits: list[bool], size: Counters) -> Any:  # noqa: ANN401
    return lambda number: size if hits[number % len(hits)] else empty()


@given(
    _TODAYS,
    st.lists(st.booleans(), min_size=1, max_size=9),
    st.sampled_from([counters(1, 0), counters(2, 1, PRESSED=1), counters(0, 0, PRESSED=1)]),
    st.sampled_from(sorted(_MODES)),
)
@_SETTINGS
def test_figures_that_move_today_do_not_matter_for_days_that_have_settled(
    today: date, hits: list[bool], size: Counters, mode: str
) -> None:
    """A company with settled days is judged by those."""
    api = FakeApi({"1": dense(today)}, today, moves=_moving(hits, size), **_MODES[mode])
    finding = run(verify_dates(["1"], QUERY, today), api)
    _judge(finding, api, is_honest=mode in _HONEST)
    assert finding.is_conclusive or mode not in _HONEST


@given(
    _apis(),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.sampled_from(["answer", "refuse"]),
    st.sampled_from([None, None, 2, 7, 10, 31, 60]),
    st.sampled_from([None, None, 1, 7, 10, 14]),
    st.lists(st.booleans(), max_size=9),
    st.sampled_from([None, *DATE_FORMATS]),
)
@example(
    (FakeApi({"0": {date(2026, 11, 24).toordinal(): counters(1)}}, date(2026, 11, 24)), "included"),
    0,
    "refuse",
    None,
    None,
    [],
    None,
)
@_SETTINGS
def test_a_verdict_is_never_wrong_even_about_odd_servers(  # noqa: PLR0913, PLR0917 - all that is odd
    drawn: tuple[FakeApi, str],
    skew: int,
    future: Literal["answer", "refuse"],
    days_back: int | None,
    longest: int | None,
    hits: list[bool],
    sent: DateFormat | None,
) -> None:
    """They are a day off, reject much, ignore what they cannot read, and figures change."""
    api, mode = drawn
    if sent is not None and {sent, api.spelling} <= {"YYYYMMDD", "epoch", "epoch-ms"}:
        sent = None
    api.future, api.days_back, api.longest = future, days_back, longest
    api.unreadable = "missing"
    if hits:
        api.moves = _moving(hits, counters(1))
    query = replace(QUERY, date_format=sent or api.spelling)
    finding = run(verify_dates(list(api.data), query, api.today - timedelta(days=skew)), api)
    _judge(finding, api, is_honest=mode in _HONEST and query.date_format == api.spelling)


@pytest.mark.torture
@pytest.mark.parametrize(
    "always",
    [
        test_a_verdict_is_never_wrong,
        test_a_verdict_is_never_wrong_for_a_reader_that_guesses,
        test_a_verdict_is_never_wrong_even_about_odd_servers,
        test_a_spelling_that_is_not_understood_is_never_honoured,
        test_a_company_with_data_on_every_day_is_always_enough,
        test_figures_that_move_today_do_not_matter_for_days_that_have_settled,
        test_few_questions_find_the_day_with_data,
        test_it_ends_when_no_more_may_be_asked_and_is_not_wrong_then,
    ],
)
def test_the_same_of_thousands_of_servers(always: Callable[[], None]) -> None:
    """Each time others are drawn."""
    for _ in range(30):
        always()
