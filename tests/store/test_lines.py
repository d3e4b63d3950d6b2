import json
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.http.envelope import Checked, check_envelope
from collector.store import lines
from collector.store.lines import (
    ErrorLine,
    ResultLine,
    answer_at,
    error_line,
    parse_error,
    parse_result,
    parse_results,
    result_line,
    timestamp,
)
from tests.store.made_runs import ZEROS

_WEEK = Window(date(2026, 1, 1), date(2026, 1, 7))
_AT = datetime(2026, 11, 23, 2, 0, 1, 234_999, tzinfo=UTC)
_READ = Counters(1, 0, 0, 0, 0, {})
_SANTIAGO = timezone(timedelta(hours=-3))


def _answer(statistics: bytes = b'{"total": 1}') -> Answer:
    return Answer(statistics, _READ, fetched_at=_AT, requests=9)


def _failure(message: str = "HTTP 503", body: str | None = "<p>down</p>") -> Failure:
    return Failure(FailureKind.HTTP, 503, message, body, _AT, 9)


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
    failure = Failure(FailureKind.TIMEOUT, None, "no answer", None, _AT, 1)
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
    answer = msgspec.structs.replace(_answer(), fetched_at=moment)
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
    answer = Answer(json.dumps(data).encode(), _READ, fetched_at=moment, requests=1)
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
    failure = Failure(kind, None, message, body, _AT, 1)
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


# Reading lines back.

_COUNTERS = ("total", "sended", "pending", "fails", "campaign")
_ZEROS: dict[str, Any] = {**dict.fromkeys(_COUNTERS, 0), "actions": {}}
_ONE = {**_ZEROS, "total": 1}
_GOOD = result_line(Cell("1", _WEEK), _answer(orjson.dumps(_ZEROS | {"actions": {"READ": 1}})), 2)
_GOOD_ERROR = error_line(Cell("1", _WEEK), _failure(), 5)


def _counters(**counts: Any) -> Counters:  # noqa: ANN401 - counts and actions
    return Counters(**{**_ZEROS, **counts})


def _key(cell: Cell) -> tuple[str, str | None, str | None]:
    return cell.company_id, *(None if day is None else day.isoformat() for day in cell.window)  # type: ignore[return-value]


def test_a_result_line_is_read() -> None:
    """Its key unchanged, and the counters."""
    assert parse_result(_GOOD) == ResultLine(
        company_id="1",
        from_date="2026-01-01",
        until_date="2026-01-07",
        fetched_at=datetime(2026, 11, 23, 2, 0, 1, 234_000, tzinfo=UTC),
        requests=2,
        statistics=_counters(actions={"READ": 1}),
    )


def test_an_error_line_is_read() -> None:
    """Its key and the kind of the failure."""
    line = ErrorLine("1", "2026-01-01", "2026-01-07", FailureKind.HTTP)
    assert parse_error(_GOOD_ERROR) == line


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_is_read(kind: FailureKind) -> None:
    """As the same kind."""
    failure = Failure(kind, None, "", None, _AT, 1)
    read = parse_error(error_line(Cell("1", SERVER_DEFAULT), failure, 1))
    assert read == ErrorLine("1", None, None, kind)


_COUNTS = st.integers(0, 3) | st.integers(2**53 - 2, 2**64 + 2) | st.integers(0, 10**308)
_EXTRAS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**308)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """Make answers that the collector accepts, odd ones too."""
    data = {
        **draw(st.dictionaries(_TEXTS, _EXTRAS, max_size=3)),
        **dict.fromkeys(_COUNTERS, 0),
        **draw(st.dictionaries(st.sampled_from(_COUNTERS), _COUNTS)),
        "actions": draw(st.dictionaries(_TEXTS, _COUNTS, max_size=3)),
    }
    data = dict(draw(st.permutations(list(data.items()))))
    envelope = {"code": 200, "more": draw(_EXTRAS), "data": data, "message": "Ok"}
    text = json.dumps(
        envelope, indent=draw(st.sampled_from([None, 0, 2])), ensure_ascii=draw(st.booleans())
    )
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r", "\t"]))).encode()


def _read_back(cell: Cell, checked: Checked, attempts: int) -> ResultLine:
    """Write the line of an accepted answer, and read it: that must be possible."""
    answer = Answer(checked.statistics, checked.counters, _AT, 1)
    read = parse_result(result_line(cell, answer, attempts))
    assert read is not None
    return read


@settings(deadline=None)
@given(_TEXTS, _WINDOWS, st.integers(1, 10**6), _bodies())
def test_every_accepted_answer_is_read_back(
    company_id: str, window: Window, attempts: int, body: bytes
) -> None:
    """A line that the collector wrote is never taken for damage, and is as empty as before."""
    cell = Cell(company_id, window)
    checked = check_envelope(body)
    assert isinstance(checked, Checked)
    read = _read_back(cell, checked, attempts)
    assert (read.company_id, read.from_date, read.until_date) == _key(cell)
    assert read.requests == attempts
    data = json.loads(checked.statistics)
    assert read.statistics == Counters(**{name: data[name] for name in _ZEROS})
    assert read.statistics == checked.counters


_SPELLED = b"""{"code":200,"data":{"total":-0,"sended":0,"pending":18446744073709551616,
"fails":0,"c\\u0061mpaign":1,"actions":{"A":0,"A":2},"x":[1e-9,{}]},"code":200}"""


@settings(deadline=None)
@given(st.integers(0, len(_SPELLED) - 1), st.binary(max_size=3), st.integers(0, 3))
@example(0, b"{", 1)
@example(_SPELLED.index(b"184"), b"0", 20)
@example(_SPELLED.index(b"[1e"), b"[" * 300 + b"]" * 300, 9)
@example(_SPELLED.index(b'"x"'), b'"total":7,"total":0,', 0)
def test_a_garbled_answer_is_refused_or_read_back(at: int, put: bytes, cut: int) -> None:
    """Nothing passes the check of an answer that the check of a line would refuse later."""
    checked = check_envelope(_SPELLED[:at] + put + _SPELLED[at + cut :])
    if isinstance(checked, Checked):
        assert _read_back(Cell("1", _WEEK), checked, 1).statistics == checked.counters


def test_the_deepest_accepted_answer_is_read_back() -> None:
    """However deep an unknown field goes; beyond that the stack decides."""
    data = orjson.dumps(_ZEROS)[:-1]
    accepted = 0
    for depth in range(10, 800, 10):
        extra = b"[" * depth + b"]" * depth
        checked = check_envelope(b'{"code":200,"data":%b,"x":%b}}' % (data, extra))
        if isinstance(checked, Checked):
            accepted = depth
            assert _read_back(Cell("1", _WEEK), checked, 1).statistics.is_empty
    assert accepted > 300


@settings(deadline=None)
@given(_TEXTS, _WINDOWS, st.sampled_from(FailureKind), _TEXTS, st.none() | _TEXTS)
def test_every_error_is_read_back(
    company_id: str, window: Window, kind: FailureKind, message: str, body: str | None
) -> None:
    """Its key and its kind, whatever a server said."""
    cell = Cell(company_id, window)
    failure = Failure(kind, 503, message, body, _AT, 1)
    assert parse_error(error_line(cell, failure, 3)) == ErrorLine(*_key(cell), kind)


@pytest.mark.parametrize("name", _COUNTERS)
@pytest.mark.parametrize("count", [1, 2**64])
def test_one_count_is_enough_for_data(name: str, count: int) -> None:
    """A counter or an action; zeros are none, however many there are."""
    assert _counters().is_empty
    assert _counters(actions={"A": 0, "B": 0}).is_empty
    assert not _counters(**{name: count}).is_empty
    assert not _counters(actions={"A": 0, "B": count}).is_empty


def test_a_cut_line_is_damaged() -> None:
    """At every byte, the line break included; a line cannot be done without its end."""
    for cut in range(len(_GOOD)):
        assert parse_result(_GOOD[:cut]) is None
        assert parse_result(_GOOD[:cut] + b"\n") is None or cut == len(_GOOD) - 1
    for cut in range(len(_GOOD_ERROR)):
        assert parse_error(_GOOD_ERROR[:cut]) is None
        assert parse_error(_GOOD_ERROR[:cut] + b"\n") is None or cut == len(_GOOD_ERROR) - 1


def test_a_zeroed_line_is_damaged() -> None:
    """As a machine that lost its power leaves it: the end, the middle or all of it is zero."""
    for line, parse in ((_GOOD, parse_result), (_GOOD_ERROR, parse_error)):
        for start in range(len(line)):
            assert parse(line[:start].ljust(len(line), b"\0")) is None
            assert parse(line[:start] + b"\0" + line[start + 1 :]) is None


@given(st.binary(max_size=60))
@example(b"\n")
@example(b"null\n")
@example(b"[]\n")
@example(b"1\n")
@example(b'"company_id"\n')
@example(b"[" * 2000 + b"\n")
@example(b"\xff\n")
def test_anything_else_is_damaged(line: bytes) -> None:
    """No bytes raise an error, however odd."""
    assert parse_result(line) is None
    assert parse_error(line) is None


def test_a_line_that_is_deeper_than_the_stack_is_damaged() -> None:
    """It is no error either; hypothesis lifts the limit of the stack, so this stands alone."""
    for depth in (900, 1000, 1015, 1020, 1030, 100_000):
        line = b'{"x":' + b"[" * depth + b"]" * depth + b"}\n"
        assert parse_result(line) is None
        assert parse_error(line) is None


_MISSING = object()


def _with(line: bytes, **fields: object) -> bytes:
    """Return a line with some of its fields changed or taken away."""
    changed = {**orjson.loads(line), **fields}
    return orjson.dumps({k: v for k, v in changed.items() if v is not _MISSING}) + b"\n"


def _each(name: str, *values: object) -> list[dict[str, object]]:
    return [{name: value} for value in values]


_NOT_A_DICTIONARY: tuple[object, ...] = (None, 1, "", [])
_NOT_A_COUNT: tuple[object, ...] = (None, "1", 0.5, -1, [])
_BAD_KEYS: list[dict[str, object]] = [
    *_each("company_id", _MISSING, None, 1, [], {}),
    *_each("from_date", _MISSING, 1, [], {}),
    *_each("until_date", _MISSING, 20260101, [], {}),
    {"from_date": 1, "until_date": 2},
    {"company_id": True},
    {"from_date": False, "until_date": False},
    {"from_date": [], "until_date": []},
]


@pytest.mark.parametrize("fields", _BAD_KEYS)
def test_a_line_without_the_key_of_a_cell_is_damaged(fields: dict[str, object]) -> None:
    """The id is text, the days are text or null."""
    assert parse_result(_with(_GOOD, **fields)) is None
    assert parse_error(_with(_GOOD_ERROR, **fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        *_each("fetched_at", _MISSING, None, 1, []),
        *_each("attempts", _MISSING, None, "1", 1.5, []),
        {"attempts": True},
        *_each("statistics", _MISSING, None, 1, "total", [], list(_ZEROS), {}),
        *_each("statistics", *({**_ONE, "actions": value} for value in _NOT_A_DICTIONARY)),
        *_each("statistics", *({**_ZEROS, name: -1} for name in _COUNTERS)),
        *_each("statistics", *({**_ZEROS, "total": value} for value in _NOT_A_COUNT)),
        *_each("statistics", *({**_ZEROS, "actions": {"A": value}} for value in _NOT_A_COUNT)),
        *_each("statistics", *({k: v for k, v in _ONE.items() if k != name} for name in _ZEROS)),
    ],
)
def test_a_result_without_what_a_result_has_is_damaged(fields: dict[str, object]) -> None:
    """What the collector never writes is no result, even if it is JSON."""
    assert parse_result(_with(_GOOD, **fields)) is None


@pytest.mark.parametrize("kind", [_MISSING, None, 1, "", "HTTP", "burglary", [], {}])
def test_an_error_of_no_known_kind_is_damaged(kind: object) -> None:
    """There is a closed set of kinds."""
    assert parse_error(_with(_GOOD_ERROR, kind=kind)) is None


def test_unknown_fields_are_let_pass() -> None:
    """A later collector may write more, and the API may answer more."""
    more = _with(_GOOD, shard=7, statistics={**_ZEROS, "READ": {"a": [None]}})
    read = parse_result(more)
    assert read is not None
    assert read.statistics == _counters()
    assert parse_error(_with(_GOOD_ERROR, shard=7)) == parse_error(_GOOD_ERROR)


@pytest.mark.parametrize(
    "value",
    [b'"\xff"', b'"\\ud800"', b"NaN", b'"\x00"', b'"\xed\xa0\x80"', b'{"\xff":1}'],
)
def test_damage_in_an_unknown_field_is_damage(value: bytes) -> None:
    """What the collector itself does not look at must be readable for others all the same."""
    for line, parse in ((_GOOD, parse_result), (_GOOD_ERROR, parse_error)):
        for start in (b'{"', b'{"x":0,"'):
            assert parse(line.replace(b'{"', start, 1)) is not None
        assert parse(line.replace(b"{", b'{"x":%b,' % value, 1)) is None
    statistics = b'"statistics":{'
    assert parse_result(_GOOD.replace(statistics, statistics + b'"x":%b,' % value)) is None


def test_a_result_is_no_error_and_the_other_way_round() -> None:
    """A line in the wrong file is damage there."""
    assert parse_result(_GOOD_ERROR) is None
    assert parse_error(_GOOD) is None


_MEMBERS = [
    '"company_id":"1"',
    '"company_id":",\\"statistics\\":"',
    '"from_date":null',
    '"until_date":"{"',
    '"fetched_at":"2026-11-23T02:00:01.234Z"',
    '"fetched_at" : "2026-11-23T02:00:02Z"',
    '"attempts":1',
    '"x":{"y":1,"statistics":2}',
    '"statistics":{"total":1,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0}',
    '"statistics":{"total":2,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0}',
    '"stat\\u0069stics" :{"total":3,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0}',
    '"statistics" :{"total":5,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0}',
    '"statistics":{"statistics":{},"total":4,"sended":0,"pending":0,"fails":0,"actions":{}}',
]
_members = st.lists(st.sampled_from(_MEMBERS), max_size=4)


@given(_members, _members, _members)
@example([_MEMBERS[10]], [_MEMBERS[11]], [_MEMBERS[7]])
def test_equal_bytes_from_the_answer_on_are_equal_answers(
    first: list[str], second: list[str], both: list[str]
) -> None:
    """Whatever members lines have, in whatever order, and however often."""
    whole = _MEMBERS[0], *_MEMBERS[2:5], _MEMBERS[6]
    lines = ["{" + ",".join([*whole, *own, *both]) + "}\n" for own in (first, second)]
    written = [line.encode() for line in lines]
    one, other = map(parse_result, written)
    ends = [line[answer_at(line) :] for line in written]
    if one is not None and other is not None and ends[0] == ends[1]:
        assert one.statistics == other.statistics


def test_the_answer_of_a_usual_line_is_found() -> None:
    """So that lines which differ in their time only are equal from there on."""
    line = result_line(Cell("1", _WEEK), _answer(), 2)
    assert answer_at(line)
    assert line[answer_at(line) :].startswith(b',"statistics":{')


_LINE = result_line(Cell("1", _WEEK), _answer(json.dumps(ZEROS).encode()), 1)
_PIECES = [
    *[_LINE] * 5,
    _LINE.replace(b'"1"', '"\u00e9"'.encode()),
    _LINE.replace(b'"1"', b'"\\u00e9"'),
    _LINE.replace(b'"statistics":', b'"x":"\xff","statistics":'),
    _LINE.replace(b'"total": 0', b'"total": -1'),
    _LINE.replace(b'"company_id"', b' "company_id"'),
    _LINE[:-1],
    _LINE[:-2],
    _LINE[:-2] + b',"x":[{}\n',
    b"]}\n",
    b"," + _LINE,
    b'{"company_id":1}\n',
    b"{}\n",
    b"{\n",
    b"\n",
    b"\r",
    b"\0",
    _LINE.replace(b'"attempts":1', b'"x":"}'),
    b'{"company_id":"',
]
"""Lines, and what two values on a line and a value on two lines can be made of."""


@settings(max_examples=500)
@given(st.lists(st.sampled_from(_PIECES), max_size=9), st.integers(1, 9))
@example([_LINE[:-1], _LINE, _LINE[:-2] + b',"x":[{}\n', b"," + _LINE, b"]}\n"], 9)
@example([_LINE[:-1], _LINE, _LINE[:-2] + b',"x":[{}\n', b"," + _LINE[:-1] + b"]}\n"], 9)
def test_lines_that_are_decoded_at_once_are_those_decoded_one_by_one(
    pieces: list[bytes], together: int
) -> None:
    """Whatever of them is damaged; values are of one line each."""
    made = b"".join(pieces).splitlines(keepends=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_TOGETHER", together)
        read = list(parse_results(made))
    assert [line for some, _ in read for line in some] == made
    assert [one for _, results in read for one in results] == list(map(parse_result, made))
