from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any, Literal, get_args

import pytest

from collector.core.outcome import Failure, FailureKind
from collector.dates.probe import Found, Question, QuestionReply, SpentError, Until, Verdict
from collector.dates.probe.search import NAMES, search
from collector.dates.probe.verification import Known
from collector.plan.date_params import DATE_FORMATS, DateFormat
from tests.dates.probe.fake_api import QUERY, FakeApi, asking, counters, dense, failure, run

_TODAY = date(2026, 11, 24)
_PAIRS = [
    NAMES[0],
    ("startDate", "endDate"),
    ("fecha_desde", "fecha_hasta"),
    ("since", "final_date"),
]


def _search(api: FakeApi, ids: list[str] | None = None, most: int = 1000) -> Found | None:
    return run(search(ids or ["1"], QUERY, api.today, Known()), api, most)


def _assert_found(found: Found | None, names: tuple[str, str], spelling: DateFormat) -> None:
    assert found is not None
    assert found.query == replace(
        QUERY, from_param=names[0], until_param=names[1], date_format=spelling
    )
    assert found.finding.dates is Verdict.HONOURED
    assert found.finding.until is Until.INCLUDED


_Unreadable = Literal["refuse", "zeros", "missing"]
_Alone = Literal["range", "refuse", "default"]
_SERVERS: list[tuple[_Unreadable, _Alone]] = list(product(get_args(_Unreadable), get_args(_Alone)))


def _is_quick(names: int, spelling: int, server: int) -> bool:
    """Tell whether it is one of those in which each two are together at least once."""
    return server % len(_PAIRS) == (names + spelling) % len(_PAIRS)


@pytest.mark.parametrize(
    ("names", "spelling", "unreadable", "alone"),
    [
        pytest.param(
            *(names, spelling, *server),
            marks=() if _is_quick(n, s, k) else pytest.mark.torture,
        )
        for n, names in enumerate(_PAIRS)
        for s, spelling in enumerate(DATE_FORMATS)
        for k, server in enumerate(_SERVERS)
    ],
)
def test_each_name_and_spelling_is_found(
    names: tuple[str, str],
    spelling: DateFormat,
    unreadable: _Unreadable,
    alone: _Alone,
) -> None:
    """Whatever the server does with what it cannot read; zeros need more questions."""
    for today in (_TODAY, date(2026, 1, 29), date(2028, 2, 29)):
        data = {"1": dense(today)}
        api = FakeApi(data, today, names, spelling, unreadable=unreadable, alone=alone)
        _assert_found(_search(api), names, spelling)
        assert len(api.asked) <= (30 if unreadable == "refuse" else 44)


@pytest.mark.parametrize("names", NAMES[1:])
def test_a_server_that_refuses_names_it_does_not_know_is_asked_pair_by_pair(
    names: tuple[str, str],
) -> None:
    """In the spelling that is set."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, names, strict=True)
    _assert_found(_search(api), names, "YYYY-MM-DD")
    pairs = [tuple(question.parameters) for question in api.asked if len(question.parameters) == 2]
    assert (QUERY.from_param, QUERY.until_param) not in pairs


def test_a_company_whose_data_are_recent_is_enough() -> None:
    """An empty answer for days long ago differs from that without dates."""
    names = ("desde", "hasta")
    servers: list[dict[str, Any]] = [
        {"alone": "refuse"},
        {"alone": "default"},
    ]
    for more in servers:
        data = {"1": dense(_TODAY, days=7)}
        api = FakeApi(data, _TODAY, names, "YYYYMMDD", **more)
        _assert_found(_search(api), names, "YYYYMMDD")
        # Not in this spelling: a reader may take the day for the month in the last days.
        assert _search(FakeApi(data, _TODAY, names, "DD/MM/YYYY", **more)) is None


def test_a_company_whose_data_are_old_is_enough() -> None:
    """It has nothing without dates."""
    data = {day: counts for day, counts in dense(_TODAY).items() if day < _TODAY.toordinal() - 30}
    api = FakeApi({"1": data}, _TODAY, ("desde", "hasta"), "MM/DD/YYYY")
    _assert_found(_search(api), ("desde", "hasta"), "MM/DD/YYYY")


@pytest.mark.parametrize(
    "more",
    [
        {"names": ("nobodys", "names")},
        {"names": ("from", "to"), "ignores": frozenset({"from"})},
        {"names": ("from", "to"), "ignores": frozenset({"to"})},
        {"names": ("from", "to"), "ignores": frozenset({"to"}), "without_until": "week"},
        {"names": ("nobodys", "names"), "strict": True},
    ],
)
@pytest.mark.parametrize("moves", [False, True])
def test_nothing_is_found_if_there_is_nothing(
    more: dict[str, Any],
    moves: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Also when only one end has an effect, and when the figures move."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, **more)
    if moves:
        api.moves = lambda _: counters(1, 0)
    assert _search(api) is None
    if more == {"names": ("nobodys", "names")}:
        # The default, and each spelling; and the default again where something differs.
        assert len(api.asked) == 1 + len(DATE_FORMATS) * (2 if moves else 1)


@pytest.mark.parametrize("trouble", [failure(404), failure(None, FailureKind.TIMEOUT)])
def test_a_company_that_does_not_answer_is_skipped(trouble: Failure) -> None:
    """The second one is tried; no third."""
    api = FakeApi({"2": dense(_TODAY)}, _TODAY, ("from", "to"), failing={"1": trouble})
    _assert_found(_search(api, ["1", "2"]), ("from", "to"), "YYYY-MM-DD")
    api = FakeApi({"3": dense(_TODAY)}, _TODAY, ("from", "to"))
    assert _search(api, ["1", "2", "3"]) is None
    assert {question.company_id for question in api.asked} == {"1", "2"}


def test_a_company_that_fails_with_dates_is_skipped() -> None:
    """That is no refusal of names or spellings."""
    api = FakeApi({"1": dense(_TODAY), "2": dense(_TODAY)}, _TODAY, ("from", "to"))
    asked: list[Question] = []

    def answer(question: Question) -> QuestionReply:
        asked.append(question)
        is_out = question.company_id == "1" and question.parameters
        return failure(500) if is_out else api.reply(question)

    found = asking(search(["1", "2"], QUERY, _TODAY, Known()), answer)
    _assert_found(found, ("from", "to"), "YYYY-MM-DD")
    assert [question.company_id for question in asked[:3]] == ["1", "1", "2"]


def test_a_second_company_is_not_asked_if_the_first_has_data() -> None:
    """It would be answered in the same way."""
    api = FakeApi({"1": dense(_TODAY), "2": dense(_TODAY)}, _TODAY, ("nobodys", "names"))
    assert _search(api, ["1", "2"]) is None
    assert {question.company_id for question in api.asked} == {"1"}


def test_what_is_known_is_not_asked_again() -> None:
    """A check has asked without dates before."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, ("from", "to"))
    known = Known({"1": api.reply_to("1", {})})
    api.asked.clear()
    found = run(search(["1"], QUERY, _TODAY, known), api)
    _assert_found(found, ("from", "to"), "YYYY-MM-DD")
    # Once, to see whether the figures move.
    assert sum(not question.parameters for question in api.asked) == 1


@pytest.mark.parametrize("most", [0, 1, 2, 5, 8])
def test_it_ends_when_no_more_may_be_asked(most: int) -> None:
    """The caller gets the error."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, ("fecha_desde", "fecha_hasta"))
    with pytest.raises(SpentError):
        _search(api, most=most)
    assert len(api.asked) == most


def test_the_names_that_are_set_are_among_those_tried() -> None:
    """With another spelling they may be honoured, though they are in no list."""
    query = replace(QUERY, from_param="mine", until_param="thine")
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, ("mine", "thine"), "epoch")
    found = run(search(["1"], query, _TODAY, Known()), api)
    _assert_found(found, ("mine", "thine"), "epoch")
