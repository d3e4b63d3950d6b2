import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import MOST_NAMES, Answer, Counters
from collector.telemetry.names import AnswerNames, Drift, NamesRecord, drift_of

_AT = datetime(2026, 11, 30, tzinfo=UTC)


def _answer(*further: str, actions: tuple[str, ...] = ()) -> Answer:
    counters = Counters(1, 1, 0, 0, 1, dict.fromkeys(actions, 1))
    return Answer(b"{}", counters, _AT, 1, further=further)


def _names(
    answers: int,
    fields: Mapping[str, int] | None = None,
    actions: Mapping[str, int] | None = None,
    with_data: int | None = None,
) -> AnswerNames:
    """Return the names of so many answers, all of them with data if nothing else is said."""
    return AnswerNames(
        [
            NamesRecord(
                answers=answers,
                with_data=answers if with_data is None else with_data,
                fields=dict(fields or {}),
                actions=dict(actions or {}),
            )
        ]
    )


def _drift(now: AnswerNames, *earlier: AnswerNames, is_whole: bool = True) -> Any:  # noqa: ANN401
    return drift_of(now, earlier, is_whole=is_whole)


def test_each_name_is_counted_once_for_each_answer_that_has_it() -> None:
    """And a record of them says the same."""
    names = AnswerNames()
    names.count([_answer("late", actions=("RECEIVED",)), _answer(actions=("RECEIVED",))], 2)
    names.count([_answer("late", "x", actions=("RECEIVED", "CLOSED")), _answer()], 1)
    record = names.record()
    assert (record.answers, record.with_data) == (4, 3)
    assert (record.fields, record.actions) == ({"late": 2, "x": 1}, {"RECEIVED": 3, "CLOSED": 1})
    assert AnswerNames([record, record]).record().fields == {"late": 4, "x": 2}


def test_with_more_names_than_200_none_is_recorded() -> None:
    """They are data then; the actions beside them are still told, and nothing is compared."""
    many = [_answer(f"campaign_{number}", actions=("RECEIVED",)) for number in range(MOST_NAMES)]
    names = AnswerNames()
    names.count(many, len(many))
    assert len(names.fields or {}) == MOST_NAMES
    names.count([_answer("one_more")], 1)
    names.count(many, len(many))
    assert (names.fields, names.actions) == (None, {"RECEIVED": 400})
    full, empty = _names(401), AnswerNames([names.record()])
    assert _drift(empty) == Drift(is_partial=True)
    assert _drift(empty, full) == Drift(is_partial=True)
    assert _drift(_names(401, {"late": 401}), empty) == Drift(
        (), ("actions.RECEIVED",), is_partial=True
    )


def test_what_is_not_compared_is_told_and_is_no_zero() -> None:
    """A series of 0 would say that nothing has changed."""
    unknown = Drift(is_partial=True)
    assert unknown.counts() == {"new": None, "gone": None}
    assert "more than 200 fields or actions" in (unknown.remark or "")
    assert "no longer there" not in (unknown.remark or "")
    both = Drift((), ("actions.CLOSED",), is_partial=True)
    assert both.counts() == {"new": None, "gone": 1}
    assert "actions.CLOSED" in (both.remark or "")
    assert "are not compared" in (both.remark or "")
    assert Drift(("late",)).counts() == {"new": 1, "gone": 0}


def test_a_run_with_too_many_names_does_not_mute_the_others() -> None:
    """It would for ten nights."""
    many = AnswerNames([NamesRecord(answers=50, with_data=50, fields=None, actions={})])
    assert _drift(_names(50, {"late": 50}), many, _names(50)) == Drift(("late",), ())


@given(st.lists(st.text(min_size=1, max_size=100), max_size=20))
def test_a_name_is_harmless_and_short(texts: list[str]) -> None:
    """Whatever the server sends: no control character, 64 characters that are not escaped."""
    names = AnswerNames()
    for _ in range(2):
        names.count([_answer(*dict.fromkeys(texts))], 1)
    for name in names.fields or {}:
        assert name.isprintable()
        assert len(name) <= 64 * len("<U+10FFFF>")
    assert sum((names.fields or {}).values()) == 2 * len(set(texts))
    encoded = msgspec.json.encode(names.record(Drift(tuple(names.fields or ()))))
    assert json.loads(encoded)["fields"] == names.fields


def test_names_that_no_earlier_run_had_are_new() -> None:
    """Fields, and actions that are not documented; one earlier run that had them is enough."""
    now = _names(50, {"late": 50, "odd": 1}, {"RECEIVED": 50, "CLOSED": 2, "BOUNCED": 1})
    before = _names(50, {}, {"RECEIVED": 50})
    assert _drift(now, before) == Drift(("late", "odd", "actions.BOUNCED"), ())
    assert _drift(now, before, _names(50, {"late": 1}, {"RECEIVED": 50})) == Drift(
        ("odd", "actions.BOUNCED"), ()
    )
    assert _drift(now, before, is_whole=False).new == ("late", "odd", "actions.BOUNCED")
    assert _drift(now, now) == Drift()


def test_a_name_that_each_earlier_run_had_is_gone() -> None:
    """If at least ten answers of this run should have it."""
    before = _names(50, {"late": 50, "rare": 5}, {"RECEIVED": 50, "CLOSED": 25})
    assert _drift(_names(50), before) == Drift((), ("late", "actions.CLOSED", "actions.RECEIVED"))
    assert _drift(_names(19), before).gone == ("late", "actions.RECEIVED")
    assert _drift(_names(100), before).gone[:2] == ("late", "rare")
    assert _drift(_names(50, {"late": 1}, {"RECEIVED": 1, "CLOSED": 1}), before) == Drift()
    assert _drift(_names(50), before, _names(50)) == Drift()


@pytest.mark.parametrize(
    ("now", "before", "is_whole"),
    [
        (_names(9), _names(50, {"late": 50}), True),
        (_names(50), _names(50, {"late": 50}), False),
        (_names(50, with_data=0), _names(50, {}, {"RECEIVED": 50}), True),
        (_names(50, with_data=9), _names(50, {}, {"RECEIVED": 50}), True),
    ],
    ids=["few answers", "cells are missing", "a night of zeros", "hardly any campaign"],
)
def test_what_proves_nothing_makes_no_name_gone(
    now: AnswerNames, before: AnswerNames, *, is_whole: bool
) -> None:
    """The remark would come again and again, and users stop reading it."""
    assert _drift(now, before, is_whole=is_whole) == Drift()


def test_without_an_earlier_run_nothing_is_compared() -> None:
    """Nor with one that has fewer than ten answers, and nor is a run without answers."""
    now = _names(50, {"late": 50})
    assert _drift(now) is None
    assert _drift(now, _names(9)) is None
    assert _drift(AnswerNames(), _names(50)) is None
    # A tiny run beside a large one still shows what is known.
    assert _drift(now, _names(9, {"late": 9}), _names(50)) == Drift()


def test_the_remark_is_one_line_with_a_few_names() -> None:
    """However many there are, and however long."""
    assert Drift().remark is None
    many = tuple(f"{'x' * 64}{number}" for number in range(200))
    remark = Drift(many, ("actions.CLOSED",)).remark
    assert remark is not None
    assert "and 195 more" in remark
    assert 'no longer there: "actions.CLOSED"' in remark
    assert len(remark) < 600
