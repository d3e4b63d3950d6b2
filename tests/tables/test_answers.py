import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.store.recorded_run import find_runs
from collector.tables.actions import Actions
from collector.tables.answers import Answers
from tests.store.made_runs import at_work, line, make_run
from tests.tables.databases import empty_database
from tests.tables.newest_rows import by_latest, by_tables, remarks_on_values

_SPELT = line("1", 1)
_GOOD = line("2", 2, total=9, actions={"B": 1})
_LINE = line("1", 1, total=5, actions={"A": 7})


def _changed(old: bytes, new: bytes) -> bytes:
    assert old in _LINE
    return _LINE.replace(old, new)


_TOTAL, _ACTION, _ATTEMPTS = b'"total": 5', b'"A": 7', b'"attempts":1'
_ID, _AT = b'"company_id":"1"', b"2026-11-23T02:00:01.000Z"
_ODD: dict[str, bytes] = {
    "a torn tail": _LINE + _GOOD[:-20],
    "no last line break": _LINE + _GOOD[:-1],
    "zeros at the end": _LINE + bytes(4096),
    "zeros amid lines": bytes(4096) + b"\n" + _LINE,
    "zeros before a line": bytes(4096) + _LINE,
    "a torn line amid others": _LINE[:50] + _LINE + _GOOD,
    "garbage behind": _LINE[:-1] + b"xyz\n",
    "a comma behind": _LINE[:-1] + b",\n",
    "two on a line": _LINE[:-1] + b" " + _GOOD,
    "one over two lines": _changed(_ATTEMPTS, b'"attempts":\n1'),
    "two and one over two": _LINE[:-1] + _GOOD + _changed(_ATTEMPTS, b'"attempts":\n1'),
    "CR LF": _LINE[:-1] + b"\r\n" + _GOOD[:-1] + b"\r\n",
    "CR": _LINE[:-1] + b"\r" + _GOOD,
    "a CR within": _changed(_ATTEMPTS, b'"attempts":\r1'),
    "blank lines": b"\n" + _LINE + b"\n\n",
    "a line of spaces": b"  \t\n" + _LINE,
    "a vertical tab": b"\x0b" + _LINE,
    "spaces around": b" " + _LINE[:-1] + b" \n",
    "a byte-order mark": b"\xef\xbb\xbf" + _LINE,
    "an array": b"[" + _LINE[:-1] + b"]\n",
    "no objects": b'"x"\n5\nnull\n[]\n{}\n' + _LINE,
    "a number for an id": _changed(_ID, b'"company_id":1'),
    "a list for an id": _changed(_ID, b'"company_id":["1"]'),
    "null for an id": _changed(_ID, b'"company_id":null'),
    "a text for a count": _changed(_TOTAL, b'"total": "5"'),
    "a fraction": _changed(_TOTAL, b'"total": 5.5'),
    "a float": _changed(_TOTAL, b'"total": 5.0'),
    "an exponent": _changed(_TOTAL, b'"total": 1e2'),
    "true": _changed(_TOTAL, b'"total": true'),
    "a negative count": _changed(_TOTAL, b'"total": -5'),
    "minus zero": _changed(_TOTAL, b'"total": -0'),
    "null for a count": _changed(_TOTAL, b'"total": null'),
    "a leading zero": _changed(_TOTAL, b'"total": 05'),
    "null for actions": _changed(b'{"A": 7}', b"null"),
    "a list of actions": _changed(b'{"A": 7}', b"[]"),
    "an empty list, all zero": _SPELT.replace(b'"actions": {}', b'"actions": [ ]') + _GOOD,
    "null for actions, all zero": _SPELT.replace(b'"actions": {}', b'"actions": null') + _GOOD,
    "no actions, all zero": _SPELT.replace(b', "actions": {}', b"") + _GOOD,
    "null for an action": _changed(_ACTION, b'"A": null'),
    "a text for an action": _changed(_ACTION, b'"A": "7"'),
    "a fraction for an action": _changed(_ACTION, b'"A": 7.5'),
    "a negative action": _changed(_ACTION, b'"A": -7'),
    "an action twice": _changed(_ACTION, b'"A": 7, "A": 8'),
    "an action twice, escaped": _changed(_ACTION, b'"A": 7, "\\u0041": 8'),
    "actions twice": _changed(b'"actions": {"A": 7}', b'"actions": {"A": 7}, "actions": {"B": 7}'),
    "a count twice": _changed(_TOTAL, b'"total": 5, "total": 6'),
    "an id twice": _changed(_ID, b'"company_id":"1","company_id":"3"'),
    "statistics twice": _changed(b'"statistics":', b'"statistics":{"total":1},"statistics":'),
    "another case": _changed(_TOTAL, b'"total": 5, "Total": 6, "TOTAL": 7'),
    "only in another case": _changed(_TOTAL, b'"Total": 5'),
    "a key with escapes": _changed(_TOTAL, b'"t\\u006ftal": 5'),
    "unknown fields": _changed(_ATTEMPTS, b'"attempts":1,"x":[{"total":1.5}],"y":null'),
    "NaN": _changed(_ATTEMPTS, b'"attempts":1,"x":NaN'),
    "infinity": _changed(_ATTEMPTS, b'"attempts":1,"x":-Infinity'),
    "a comma too many": _changed(_ACTION, b'"A": 7,'),
    "a comment": _changed(_ATTEMPTS, b'/* */"attempts":1'),
    "depth": _changed(_ATTEMPTS, b'"attempts":1,"x":' + b"[" * 1500 + b"]" * 1500),
    "a huge unknown number": _changed(_ATTEMPTS, b'"attempts":1,"x":1e999'),
    "a text for attempts": _changed(_ATTEMPTS, b'"attempts":"1"'),
    "a fraction for attempts": _changed(_ATTEMPTS, b'"attempts":1.5'),
    "negative attempts": _changed(_ATTEMPTS, b'"attempts":-1'),
    "endless attempts": _changed(_ATTEMPTS, b'"attempts":1' + b"0" * 30),
    "no attempts": _changed(_ATTEMPTS + b",", b""),
    "a moment without zone": _changed(_AT, b"2026-11-23T02:00:01.000"),
    "a day for a moment": _changed(_AT, b"2026-11-23"),
    "no moment": _changed(_AT, b"infinity"),
    "a number for a moment": _changed(b'"' + _AT + b'"', b"1795000000"),
    "hour 24": _changed(_AT, b"2026-11-23T24:00:00.000Z"),
    "a leap second": _changed(_AT, b"2016-12-31T23:59:60.000Z"),
    "an offset": _changed(_AT, b"2026-11-23T02:00:01.000+05:30"),
    "microseconds": _changed(_AT, b"2026-11-23T02:00:01.123456Z"),
    "nanoseconds": _changed(_AT, b"2026-11-23T02:00:01.123456789Z"),
    "nearly a second": _changed(_AT, b"2026-11-23T02:00:01.9999999Z"),
    "one beyond a millisecond": _changed(_AT, b"2026-11-23T02:00:01.0000009Z"),
    "small letters": _changed(_AT, b"2026-11-23t02:00:01.000z"),
    "the first day": _LINE.replace(b"2026-11-01", b"0001-01-01"),
    "the last day": _LINE.replace(b"2026-11-01", b"9999-12-31"),
    "days in the wrong order": _changed(b'"until_date":"2026-11-01"', b'"until_date":"2026-10-01"'),
    "a missing day": _changed(b'"until_date":"2026-11-01",', b""),
    "a NUL in an id": _changed(_ID, b'"company_id":"a\\u0000b"'),
    "a control in an id": _changed(_ID, b'"company_id":"a\x01b"'),
    "a lone surrogate": _changed(_ID, b'"company_id":"a\\ud800b"'),
    "a lone surrogate, unknown": _changed(_ATTEMPTS, b'"attempts":1,"x":"\\udc00"'),
    "a lone surrogate as a key": _changed(_ATTEMPTS, b'"attempts":1,"\\udc00":1'),
    "a pair of surrogates": _changed(_ID, b'"company_id":"a\\ud83d\\ude00b"'),
    "no UTF-8": _changed(_ID, b'"company_id":"\xff"'),
    "encoded surrogates": _changed(_ID, b'"company_id":"\xed\xa0\x80"'),
    "an unknown escape": _changed(_ATTEMPTS, b'"attempts":1,"x":"\\q"'),
    "foreign letters": _changed(_ACTION, '"Ñandú 𝄞": 7'.encode()),
    "a line of 2 MB": _changed(_ATTEMPTS, b'"attempts":1,"x":"%b"' % (b"y" * 2_000_000)) + _GOOD,
    "a line of 5 MB": _changed(_ATTEMPTS, b'"attempts":1,"x":"%b"' % (b"y" * 5_000_000)) + _GOOD,
    "a GZIP header": b"\x1f\x8b\x08\x00" + _LINE,
    "nothing": b"",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", _ODD.values(), ids=_ODD.keys())
def test_what_latest_leaves_out_is_left_out(tmp_path: Path, text: bytes) -> None:
    """And nothing else, in the same order, with the same values and the same remark."""
    run = make_run(tmp_path / "a")
    other = line("0", 3, total=3, actions={"A": 2})
    (run / "statistics.jsonl").write_bytes(other + text)
    latest = by_latest(run)
    assert by_tables(run) == latest
    assert latest.rows[0].counters[0] == 3 or not text  # what is before it is not lost


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (b'"2026-1-1"', b'"2026-1-1"'),
        (b'" 2026-11-01"', b'"2026-11-01"'),
        (b'"2026/11/01"', b'"2026-11-01"'),
        (b'"2026-11-01"', b'"2026-11-01T00:00:00"'),
        (b'"20261101"', b'"20261101"'),
        (b'"2026-02-30"', b'"2026-02-30"'),
        (b'"epoch"', b'"infinity"'),
        (b'"10000-01-01"', b'"10000-01-01"'),
        (b'""', b'""'),
        (b'"2026-11-01"', b"null"),
        (b"null", b'"2026-11-01"'),
    ],
)
def test_days_that_are_none_are_damage(tmp_path: Path, first: bytes, last: bytes) -> None:
    """No column can hold them, and no collector has written them; latest prints such a line."""
    text = _changed(
        b'"from_date":"2026-11-01","until_date":"2026-11-01"',
        b'"from_date":%b,"until_date":%b' % (first, last),
    )
    run = make_run(tmp_path / "a", [_GOOD, text])
    assert len(by_latest(run).rows) == 2
    got = by_tables(run)
    assert [row.company_id for row in got.rows] == ["2"]
    assert got.remarks == [
        f"{run}/statistics.jsonl: {len(text)} bytes are damaged, and were left out"
    ]


_LARGEST: Final = 2**63 - 1


@pytest.mark.parametrize("is_action", [False, True])
@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("count", [2**53 + 1, _LARGEST])
def test_large_counts_are_exact(
    tmp_path: Path, count: int, *, is_action: bool, is_later: bool
) -> None:
    """In a counter or an action, of the first run or of a later one."""
    large = line("1", 1, actions={"A": count}) if is_action else line("1", 1, total=count)
    runs = [make_run(tmp_path / "a", [large]), make_run(tmp_path / "b", [_GOOD])]
    if is_later:
        runs.reverse()
    assert by_tables(*runs) == by_latest(*runs)


@pytest.mark.parametrize("count", [_LARGEST + 1, 2**64, 10**38, 10**307])
def test_a_count_that_no_column_can_hold_is_left_out_and_named(tmp_path: Path, count: int) -> None:
    """All other values of its line are there, and those of all other lines."""
    large = line("1", 1, total=count, sended=3, actions={"A": count, "B": 5, "C\n": count})
    default = line("1", None, fails=count)
    run = make_run(tmp_path / "a", [_GOOD, large, default])
    got = by_tables(run)
    assert got == by_latest(run)
    assert [(row.company_id, row.counters, row.actions) for row in got.rows] == [
        ("1", [0, 0, 0, None, 0], {}),
        ("1", [None, 3, 0, 0, 0], {"B": 5}),
        ("2", [9, 0, 0, 0, 0], {"B": 1}),
    ]
    said = "too large for a 64-bit integer, and left out"
    hint = "collector latest shows the values"
    assert remarks_on_values(run) == [
        f'{run}: company "1", server default: {said}: "fails"; {hint}',
        (f'{run}: company "1", 2026-11-01: {said}: "total, actions.A, actions.C<U+000A>"; {hint}'),
    ]


def test_values_that_were_left_out_are_remarked_within_bounds(tmp_path: Path) -> None:
    """Of the newest answers only, at most ten cells; names are cut."""
    lines = [line(f"{number:02}", 1, total=2**63) for number in range(13)]
    old = make_run(tmp_path / "a", [*lines, line("13", 1, actions={"A" * 5000: 2**63})])
    new = make_run(tmp_path / "b", [line("00", 1, 60, total=7)])
    remarks = remarks_on_values(old, new)
    assert len(remarks) == 11
    assert 'company "01"' in remarks[0]
    assert remarks[-1] == "3 more cells have values that are too large, and left out"
    again = [line(f"{number:02}", 1, 60, total=7) for number in range(14)]
    assert remarks_on_values(old, make_run(tmp_path / "c", again)) == []
    (remark,) = remarks_on_values(
        make_run(tmp_path / "d", [line("1" * 500, 1, actions={"A" * 5000: 2**63})])
    )
    assert len(remark) < 500


def test_of_a_tie_the_run_that_is_named_later_stays(tmp_path: Path) -> None:
    """And in one run the line that stands later; so it is where a file had to be read by lines."""
    one = make_run(tmp_path / "a", [line("1", 1, total=1)])
    other = make_run(tmp_path / "b", [line("1", 1, total=3), line("1", 1, total=2)])
    odd = make_run(tmp_path / "c", [b"\n", line("1", 1, total=5), line("1", 1, total=4)])
    for runs, total in [((one, other), 2), ((other, one), 1), ((other, odd), 4), ((odd, one), 1)]:
        got = by_tables(*runs)
        assert [row.counters[0] for row in got.rows] == [total]
        assert got == by_latest(*runs)


def test_only_actions_of_the_newest_answers_are_named(tmp_path: Path) -> None:
    """Ordered by their bytes; those of answers that were replaced are not."""
    old = make_run(tmp_path / "a", [line("1", 1, actions={"gone": 1}), line("2", 1)])
    new = make_run(tmp_path / "b", [line("1", 1, 9, actions={"é": 1, "z": 2, "Z": 3, "": 0})])
    with empty_database() as database:
        answers = Answers(database)
        answers.read(find_runs([old, new]))
        assert answers.actions() == Actions(("", "Z", "z", "é"))
    with empty_database() as database:
        answers = Answers(database)
        answers.read(find_runs([old]))
        assert answers.actions() == Actions(("gone",))


def test_a_run_in_progress_is_read_as_far_as_its_lines_are_whole(tmp_path: Path) -> None:
    """The line that it is just writing is no damage."""
    run = make_run(tmp_path / "a", [_LINE, _GOOD[:-20]])
    with at_work(run):
        got = by_tables(run)
    assert ([row.company_id for row in got.rows], got.remarks) == (["1"], [])
    assert by_tables(run).remarks


def test_a_run_without_lines_has_none(tmp_path: Path) -> None:
    """Nothing was answered, or their file is gone: then both say so."""
    run = make_run(tmp_path / "a")
    assert by_tables(run) == ([], [])
    (run / "statistics.jsonl").unlink()
    assert by_tables(run) == by_latest(run)
    assert len(by_latest(run).remarks) == 1


def test_a_doubled_line_is_in_place_of_no_other(tmp_path: Path) -> None:
    """The lines are as many as were recorded, and a cell has none; both say so."""
    old, run = make_run(tmp_path / "a", [_LINE]), make_run(tmp_path / "b", [_LINE] * 2)
    record = json.loads((run / "run.json").read_bytes())
    record["attempts"][-1]["ended_at"] = record["attempts"][-1]["started_at"]
    record["attempts"][-1]["cells"] = {"data": 2}
    (run / "run.json").write_text(json.dumps(record))
    got = by_tables(old, run)
    assert [text.partition(":")[2].partition(":")[0] for text in got.remarks] == [" 1 line is gone"]
    assert got == by_latest(old, run)


def test_lines_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """The text names the file."""
    run = make_run(tmp_path / "a")
    path = run / "statistics.jsonl"
    path.unlink()
    path.symlink_to("/proc/self/mem")  # nothing can be read at its beginning
    with pytest.raises(InputError, match=f"^{path}: cannot be read: Input/output error"):
        by_tables(run)


def test_windows_that_overlap_are_found(tmp_path: Path) -> None:
    """Those that only touch do not; the server's default overlaps with any other."""
    made = [line("1", 1), line("1", 2)]
    longer = line("2", 3).replace(b'"until_date":"2026-11-03"', b'"until_date":"2026-11-05"')
    for number, (more, found) in enumerate(
        [
            ([longer], None),
            ([longer, line("1", 4)], ("2026-11-03..2026-11-05", "2026-11-04")),
            ([line("1", None)], ("server default", "2026-11-02")),
        ]
    ):
        run = make_run(tmp_path / str(number), [*made, *more])
        with empty_database() as database:
            answers = Answers(database)
            answers.read(find_runs([run]))
            assert answers.overlap() == found


_names = st.sampled_from(["A", "a", "a/b~c", "~1", 'x"y', "", "\n", "\0", "0", "é", "{", "\\"])
_ids = st.sampled_from(["1", "007", "-1", "1e5", "2024-01", "é", "\0", "'", "𝄞", "true", ""])
_counts = st.integers(0, 3) | st.integers(0, 10**20)
_made_line = st.builds(
    line,
    _ids | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    st.none() | st.integers(1, 3),
    st.sampled_from([0, 0.001, 1]),
    total=_counts,
    campaign=_counts,
    actions=st.dictionaries(_names, _counts, max_size=3),
    more=st.none() | st.text(max_size=2),
)


@st.composite
def _files(draw: st.DrawFn) -> list[bytes]:
    """Make files of one to three runs; in half of them bytes are changed, put in or taken out."""
    files = []
    for lines in draw(st.lists(st.lists(_made_line, max_size=6), min_size=1, max_size=3)):
        text = b"".join(lines)
        for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
            at = draw(st.integers(0, len(text)))
            gone = draw(st.sampled_from([0, 1, 7]))
            piece = draw(st.sampled_from([b"", b"\n", b"\0", b",", b".", b" ", b"-", b'"', b"9"]))
            text = text[:at] + piece + text[at + gone :]
        files.append(text)
    return files


def _have_real_days(files: Sequence[bytes]) -> bool:
    """Tell whether a change has left the days alone: of others latest and the tables differ."""
    days = {b"null", *(b'"2026-11-%02d"' % day for day in range(1, 4))}
    return all(
        piece[:12] in days or piece[:4] == b"null"
        for text in files
        for name in (b'"from_date":', b'"until_date":')
        for piece in text.split(name)[1:]
    )


@settings(deadline=None, max_examples=settings().max_examples // 2)
@given(_files().filter(_have_real_days))
def test_whatever_the_files_are_the_rows_are_those_of_latest(files: list[bytes]) -> None:
    """Same cells, same order, same values, same remarks; damage of any kind included."""
    with TemporaryDirectory() as name:
        paths = []
        for number, text in enumerate(files):
            path = make_run(Path(name) / str(number))
            (path / "statistics.jsonl").write_bytes(text)
            paths.append(path)
        assert by_tables(*paths) == by_latest(*paths)


def test_actions_that_appear_late_are_included(tmp_path: Path) -> None:
    """Far beyond what any sample of the beginning would show."""
    made = [line(str(number), 1, actions={"A": number}) for number in range(3000)]
    run = make_run(tmp_path / "a", [*made, line("x", 1, actions={"late": 1, "A": 2})])
    assert by_tables(run) == by_latest(run)
