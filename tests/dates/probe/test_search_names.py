from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Literal

import pytest

from collector.dates.probe.questions import settled_span
from collector.dates.probe.search import NAMES, find_names, with_all_names
from collector.settings.parsers import check_parameter_name
from tests.dates.probe.fake_api import QUERY, FakeApi, counters, dense, run

_TODAY = date(2026, 11, 24)
_WINDOW = settled_span(_TODAY).window
_FROM = list(dict.fromkeys(name for name, _ in NAMES))
_UNTIL = list(dict.fromkeys(name for _, name in NAMES))
_OWN = replace(QUERY, from_param="mine", until_param="thine")


def test_no_name_stands_for_both_ends_and_no_pair_is_there_twice() -> None:
    """Otherwise one request could not carry all of them."""
    assert max(Counter(NAMES).values()) == 1
    assert not set(_FROM) & set(_UNTIL)


@pytest.mark.parametrize("name", [*_FROM, *_UNTIL])
def test_each_name_can_be_set(name: str) -> None:
    """What is found can be given to the collector as an option."""
    check_parameter_name(str, name)


def test_all_names_are_sent_at_once_with_one_window() -> None:
    """Those that are set come first; the first day under one half, the last under the other."""
    parameters = with_all_names(_OWN, _WINDOW)
    assert list(parameters) == ["mine", *_FROM, "thine", *_UNTIL]
    assert {parameters[name] for name in ("mine", *_FROM)} == {"2026-09-01"}
    assert {parameters[name] for name in ("thine", *_UNTIL)} == {"2026-09-28"}
    assert len(with_all_names(QUERY, _WINDOW)) == len(_FROM) + len(_UNTIL)


@pytest.mark.parametrize("without_until", ["today", "week"])
@pytest.mark.parametrize("from_param", [*_FROM, "mine"])
def test_every_pair_is_found_in_few_questions(
    from_param: str, without_until: Literal["today", "week"]
) -> None:
    """Mixed ones too; the names that are set and the vendor's own in one question or two."""
    for until_param in ["thine"] if from_param == "mine" else _UNTIL:
        names = (from_param, until_param)
        api = FakeApi({"1": dense(_TODAY)}, _TODAY, names=names, without_until=without_until)
        wanted = api.reply_to("1", with_all_names(_OWN, _WINDOW))
        api.asked.clear()
        found = run(find_names("1", _OWN, _WINDOW, wanted), api)
        assert found == replace(_OWN, from_param=from_param, until_param=until_param)
        assert len(api.asked) <= {("mine", "thine"): 1, NAMES[0]: 2}.get(names, 10)


def test_the_likeliest_names_are_asked_for_once_if_they_are_set() -> None:
    """They were tried, then."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, names=("since", "until"))
    wanted = api.reply_to("1", with_all_names(QUERY, _WINDOW))
    api.asked.clear()
    run(find_names("1", QUERY, _WINDOW, wanted), api)
    questions = [tuple(question.parameters) for question in api.asked]
    assert questions.count(("from_date", "until_date")) == 1
    assert len(questions) <= 9


def test_refused_names_are_not_the_ones() -> None:
    """A 400 for the first pairs does not end it."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, names=("desde", "hasta"))
    wanted = api.reply_to("1", with_all_names(_OWN, _WINDOW))
    api.refuses = lambda names: names == {"mine", "thine"}
    found = run(find_names("1", _OWN, _WINDOW, wanted), api)
    assert (found.from_param, found.until_param) == ("desde", "hasta")


def test_an_answer_that_no_names_bring_does_not_take_more_questions() -> None:
    """The names found then are wrong; the caller verifies them."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, names=("nobodys", "names"))
    run(find_names("1", _OWN, _WINDOW, counters(99999)), api)
    assert len(api.asked) <= 10
