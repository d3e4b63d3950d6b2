"""What is known of dates when a run begins, and what it may be mixed with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.core.errors import DatesError
from collector.dates.probe import Finding, Until, Verdict
from collector.dates.record import (
    doubts,
    ignored,
    is_verified,
    recorded,
    refuse_mixing,
    refuse_spoilt,
    trusted,
)
from collector.plan.date_params import DateQuery
from collector.store.manifest import DatesRecord

_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
_AS_IT_IS = DateQuery("from_date", "until_date")
_NEXT_DAY = DateQuery("from_date", "until_date", until_exclusive=True)
_RUN = Path("output/night")


def _record(
    dates: Verdict = Verdict.HONOURED,
    until: Until = Until.INCLUDED,
    query: DateQuery = _AS_IT_IS,
) -> DatesRecord:
    return recorded(Finding(dates, until, ("because",)), query, _AT, 4)


def test_a_record_says_what_was_found_and_what_it_cost() -> None:
    """In the words of the manifest."""
    assert _record() == DatesRecord(
        verdict="honoured",
        until="included",
        until_exclusive=False,
        checked_at="2026-11-24T02:00:00.000Z",
        requests=4,
        evidence=["because"],
    )


@pytest.mark.parametrize("query", [_AS_IT_IS, _NEXT_DAY])
@pytest.mark.parametrize(
    ("until", "exclusive"),
    [(Until.INCLUDED, False), (Until.EXCLUDED, True), (Until.INCONCLUSIVE, None)],
)
def test_a_verification_takes_precedence_over_the_option(
    query: DateQuery,
    until: Until,
    exclusive: bool | None,  # noqa: FBT001 - a table
) -> None:
    """The option counts where nothing was verified."""
    expected = query.until_exclusive if exclusive is None else exclusive
    assert _record(until=until, query=query).until_exclusive == expected


@pytest.mark.parametrize(
    ("record", "query", "words"),
    [
        (_record(), _AS_IT_IS, None),
        (_record(until=Until.EXCLUDED), _AS_IT_IS, None),
        (_record(until=Until.EXCLUDED), _NEXT_DAY, None),
        (_record(), _NEXT_DAY, "--until-exclusive is set, but the API includes the last day"),
        (_record(until=Until.INCONCLUSIVE), _AS_IT_IS, "includes until_date; it is taken for incl"),
        (
            _record(until=Until.INCONCLUSIVE, query=_NEXT_DAY),
            _NEXT_DAY,
            "includes until_date; it is taken for left out",
        ),
        (
            _record(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE),
            _AS_IT_IS,
            "whether the API honours the dates (because); look at the figures",
        ),
    ],
)
def test_people_are_told_what_is_doubtful(
    record: DatesRecord, query: DateQuery, words: str | None
) -> None:
    """And nothing when nothing is."""
    told = doubts(record, query)
    assert len(told) == (words is not None)
    assert words is None or words in told[0]


@pytest.mark.parametrize("query", [_AS_IT_IS, _NEXT_DAY])
def test_trust_takes_the_option_for_what_it_says(query: DateQuery) -> None:
    """Nothing was asked and nothing verified; the user wanted that, so there is no remark."""
    record = trusted(query)
    assert record == DatesRecord(
        verdict="trusted", until="trusted", until_exclusive=query.until_exclusive
    )
    assert not is_verified(record)
    assert doubts(record, query) == []


@pytest.mark.parametrize("until", Until)
@pytest.mark.parametrize("dates", Verdict)
def test_only_what_is_honoured_need_not_be_verified_again(dates: Verdict, until: Until) -> None:
    """Though the end of a window may still be open."""
    assert is_verified(_record(dates, until)) == (dates is Verdict.HONOURED)
    assert not is_verified(None)


@pytest.mark.parametrize(
    "before",
    [
        None,
        _record(),
        _record(until=Until.INCONCLUSIVE),
        _record(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE),
        trusted(_AS_IT_IS),
    ],
)
def test_the_same_meaning_may_be_resumed(before: DatesRecord | None) -> None:
    """Directories written before dates were verified sent the last day unchanged."""
    for now in (_record(), _record(until=Until.INCONCLUSIVE), trusted(_AS_IT_IS)):
        refuse_mixing(before, now, _RUN, is_known=True)
    for now in (_record(until=Until.EXCLUDED), trusted(_NEXT_DAY)):
        with pytest.raises(DatesError, match="of a window sent as it is, and now it would be"):
            refuse_mixing(before, now, _RUN, is_known=True)


def test_lines_of_the_next_day_are_not_mixed_either() -> None:
    """Whichever came first, and the directory is named."""
    excluded = _record(until=Until.EXCLUDED)
    refuse_mixing(excluded, excluded, _RUN, is_known=True)
    refuse_mixing(trusted(_NEXT_DAY), excluded, _RUN, is_known=True)
    with pytest.raises(DatesError, match=r"output/night: .* sent as the day after it, and now"):
        refuse_mixing(excluded, _record(), _RUN, is_known=True)


@pytest.mark.parametrize(
    "now",
    [
        _record(until=Until.EXCLUDED),
        _record(until=Until.INCONCLUSIVE),
        _record(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE),
        trusted(_AS_IT_IS),
        trusted(_NEXT_DAY),
    ],
)
def test_where_it_is_unknown_only_a_verified_last_day_that_is_included_helps(
    now: DatesRecord,
) -> None:
    """It is unknown how the last day was sent when the lines were fetched."""
    refuse_mixing(None, _record(), _RUN, is_known=False)
    with pytest.raises(DatesError, match=r"output/night: it is not known .* run\.json is missing"):
        refuse_mixing(None, now, _RUN, is_known=False)


def test_a_directory_of_ignored_dates_is_spoilt() -> None:
    """Its lines are of other days than they say, and the reason is kept."""
    before = _record(until=Until.EXCLUDED)
    spoilt = ignored(before, "all the same", _AT)
    assert (spoilt.verdict, spoilt.until_exclusive) == ("ignored", True)
    assert (spoilt.checked_at, spoilt.requests) == ("2026-11-24T02:00:00.000Z", 0)
    assert not is_verified(spoilt)
    with pytest.raises(DatesError, match=r"ignored the dates .*\(all the same\); give another"):
        refuse_spoilt(spoilt, _RUN)
    refuse_spoilt(before, _RUN)
    refuse_spoilt(trusted(_AS_IT_IS), _RUN)
    refuse_spoilt(None, _RUN)
    assert not ignored(None, "all the same", _AT).until_exclusive
