import json
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.models import SERVER_DEFAULT, Answer, Cell, Failure, FailureKind, Window
from collector.store.lines import error_line, result_line, timestamp

_WEEK = Window(date(2026, 1, 1), date(2026, 1, 7))
_AT = datetime(2026, 11, 23, 2, 0, 1, 234_999, tzinfo=UTC)
_SANTIAGO = timezone(timedelta(hours=-3))


def _answer(statistics: bytes = b'{"total": 1}') -> Answer:
    return Answer(statistics, is_empty=False, fetched_at=_AT, requests=9)


def _failure(message: str = "HTTP 503", body: str | None = "<p>down</p>") -> Failure:
    return Failure(FailureKind.HTTP, 503, message, body, 1.5, _AT, 9)


def test_a_result_line_is_as_designed() -> None:
    """Byte for byte: the keys, their order, no spaces; the attempts are those of the cell."""
    assert result_line(Cell("1", _WEEK), _answer(), 2) == (
        b'{"company_id":"1","from_date":"2026-01-01","until_date":"2026-01-07",'
        b'"fetched_at":"2026-11-23T02:00:01.234Z","attempts":2,"statistics":{"total": 1}}\n'
    )


def test_the_answer_goes_in_verbatim() -> None:
    """Big numbers, their spelling, the order of keys, unknown fields: nothing is rendered anew."""
    data = rb'{ "z":1.0e0,"a" : 123456789012345678901234567890, "\u00f1":[1,  2], "%s":"%d%%" }'
    line = result_line(Cell("1", _WEEK), _answer(data), 1)
    assert line.endswith(b'"statistics":' + data + b"}\n")


def test_the_default_window_has_nulls_for_dates() -> None:
    """In results and in errors."""
    cell = Cell("1", SERVER_DEFAULT)
    dates = b'{"company_id":"1","from_date":null,"until_date":null,'
    assert result_line(cell, _answer(), 1).startswith(dates + b'"fetched_at"')
    assert error_line(cell, _failure(), 1).startswith(dates + b'"failed_at"')


def test_an_error_line_is_as_designed() -> None:
    """Byte for byte: the key fields, then what happened."""
    assert error_line(Cell("1", _WEEK), _failure(), 5) == (
        b'{"company_id":"1","from_date":"2026-01-01","until_date":"2026-01-07",'
        b'"failed_at":"2026-11-23T02:00:01.234Z","attempts":5,"kind":"http","status":503,'
        b'"message":"HTTP 503","body":"<p>down</p>"}\n'
    )


def test_an_error_without_an_answer_has_nulls() -> None:
    """There is no status and no body when nothing came."""
    failure = Failure(FailureKind.TIMEOUT, None, "no answer", None, None, _AT, 1)
    line = json.loads(error_line(Cell("1", _WEEK), failure, 1))
    assert (line["kind"], line["status"], line["body"]) == ("timeout", None, None)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 12, 31, 22, 0, tzinfo=_SANTIAGO), "2027-01-01T01:00:00.000Z"),
        (datetime(2026, 1, 2, 3, 4, 59, 999_999, tzinfo=UTC), "2026-01-02T03:04:59.999Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 1_999, tzinfo=UTC), "2026-01-02T03:04:05.001Z"),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            "2025-12-31T18:15:00.000Z",
        ),
    ],
)
def test_timestamps_are_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    """Whatever the zone; milliseconds are cut, so that no moment moves into the next second."""
    assert timestamp(moment) == text
    cell = Cell("1", _WEEK)
    answer = _answer()._replace(fetched_at=moment)
    assert json.loads(result_line(cell, answer, 1))["fetched_at"] == text


@pytest.mark.parametrize(
    "company_id", ['"', "\\", 'a"b\\c', "Ñandú/Sur", "💧", "\u2028", "\x7f", "a\nb", "%s", "a%2Fb"]
)
def test_ids_survive_as_they_are(company_id: str) -> None:
    """Quotes, backslashes, line breaks and all of Unicode."""
    for line in (
        result_line(Cell(company_id, _WEEK), _answer(), 1),
        error_line(Cell(company_id, _WEEK), _failure(), 1),
    ):
        assert json.loads(line)["company_id"] == company_id
        assert line.count(b"\n") == 1


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
_DAYS = st.dates()
_WINDOWS = st.just(SERVER_DEFAULT) | st.builds(Window, _DAYS, _DAYS)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_MOMENTS = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9999, 12, 29),  # noqa: DTZ001 - likewise
    timezones=st.sampled_from([UTC, _SANTIAGO]),
)


def _parse(line: bytes) -> list[tuple[str, Any]]:
    """Read a line that must be one, by two parsers that must agree."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    pairs: list[tuple[str, Any]] = list(json.loads(line).items())
    orjson.loads(line)
    return pairs


def _dates(window: Window) -> list[tuple[str, str | None]]:
    return [
        (name, None if day is None else day.isoformat())
        for name, day in zip(("from_date", "until_date"), window, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(
    _TEXTS, _WINDOWS, _MOMENTS, st.integers(1, 10**6), st.dictionaries(_TEXTS, _JSON, max_size=3)
)
def test_every_result_is_one_line_of_json(
    company_id: str, window: Window, moment: datetime, attempts: int, data: dict[str, Any]
) -> None:
    """Whatever is in it comes back out of it."""
    answer = Answer(json.dumps(data).encode(), is_empty=False, fetched_at=moment, requests=1)
    assert _parse(result_line(Cell(company_id, window), answer, attempts)) == [
        ("company_id", company_id),
        *_dates(window),
        ("fetched_at", timestamp(moment)),
        ("attempts", attempts),
        ("statistics", data),
    ]


@settings(max_examples=40, deadline=None)
@given(_TEXTS, _WINDOWS, st.sampled_from(FailureKind), _TEXTS, st.none() | _TEXTS)
def test_every_error_is_one_line_of_json(
    company_id: str, window: Window, kind: FailureKind, message: str, body: str | None
) -> None:
    """Whatever a server sends as a body."""
    failure = Failure(kind, None, message, body, None, _AT, 1)
    assert _parse(error_line(Cell(company_id, window), failure, 3)) == [
        ("company_id", company_id),
        *_dates(window),
        ("failed_at", "2026-11-23T02:00:01.234Z"),
        ("attempts", 3),
        ("kind", kind.value),
        ("status", None),
        ("message", message),
        ("body", body),
    ]


@given(_MOMENTS)
def test_timestamps_are_at_most_a_millisecond_early(moment: datetime) -> None:
    """They read back as a moment with a zone, never later than the real one."""
    back = datetime.fromisoformat(timestamp(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)


def test_timestamps_sort_as_text() -> None:
    """All of them have the same width."""
    moments = [_AT + timedelta(microseconds=step) for step in range(0, 3_000_000, 50_000)]
    assert all(timestamp(a) < timestamp(b) for a, b in pairwise(moments))
