"""Lines that another version of the collector has written."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.core.outcome import Counters
from collector.http.envelope import Checked, check_envelope
from collector.store.changes import AnsweredCell, read_cell
from collector.store.lines import ResultLine, parse_result
from tests.edited_package import edited_package, run_in
from tests.store.made_runs import make_run

# As 0.1.0 has written them, byte for byte.
_DATA = (
    b'{"company_id":"1","from_date":"2026-11-01","until_date":"2026-11-01",'
    b'"fetched_at":"2026-11-23T20:02:27.226Z","attempts":1,"statistics":{"total":945,"sended":789,'
    b'"pending":38,"fails":118,"actions":{"RECEIVED":517,"PRESS_ACTION":161,"CLOSED":18,'
    b'"UNKNOWN":3},"campaign":3}}\n'
)
_EMPTY = (
    b'{"company_id":"2","from_date":null,"until_date":null,'
    b'"fetched_at":"2026-11-23T20:02:28.001Z","attempts":3,"statistics":{"total": 0, "sended": 0, '
    b'"pending": 0, "fails": 0, "actions": {}, "campaign": 0}}\n'
)
_ACTIONS = {"RECEIVED": 517, "PRESS_ACTION": 161, "CLOSED": 18, "UNKNOWN": 3}


def test_lines_of_0_1_0_are_read() -> None:
    """With all that they say."""
    assert parse_result(_DATA) == ResultLine(
        "1",
        "2026-11-01",
        "2026-11-01",
        datetime(2026, 11, 23, 20, 2, 27, 226_000, tzinfo=UTC),
        1,
        Counters(945, 789, 38, 118, 3, _ACTIONS),
    )
    assert read_cell(_EMPTY) == AnsweredCell(
        "2", None, None, "2026-11-23T20:02:28.001Z", Counters(0, 0, 0, 0, 0, {})
    )


def test_the_counters_of_0_1_0_are_required_for_ever() -> None:
    """Each line has them; one that lacks one is damaged, and must not pass as zeros."""
    required = {"total", "sended", "pending", "fails", "campaign", "actions"}
    line = json.loads(_DATA)
    for name in required:
        statistics = {key: value for key, value in line["statistics"].items() if key != name}
        damaged = json.dumps({**line, "statistics": statistics}).encode() + b"\n"
        assert parse_result(damaged) is None


@pytest.mark.parametrize("value", [b"7", b"null", b'"7"', b"-1", b'{"a":[]}'])
def test_counters_that_this_version_does_not_know_are_ignored(value: bytes) -> None:
    """A later version has written the line, or the API has sent more than it documents."""
    later = _DATA.replace(b'"campaign"', b'"delivered":%b,"campaign"' % value)
    assert later != _DATA
    assert parse_result(later) == parse_result(_DATA)
    assert read_cell(later) == read_cell(_DATA)


def test_an_answer_must_have_every_counter() -> None:
    """The check of an answer is as strict as that of a line of this version."""
    body = b'{"code":200,"data":%b}'
    whole = b'{"total":1,"sended":1,"pending":0,"fails":0,"campaign":1,"actions":{}}'
    assert isinstance(check_envelope(body % whole), Checked)
    assert not isinstance(check_envelope(body % whole.replace(b"fails", b"failed")), Checked)


_ONE_MORE = ("core/outcome.py", '    actions: _Actions = cast("dict[str, int]", None)\n')
"""Where the list of counters ends."""

_SCRIPT = """
import json, sys
from pathlib import Path
from msgspec.structs import asdict
from collector.core.outcome import COUNTERS
from collector.export.columns import FIXED
from collector.export.export import Rows
from collector.http.envelope import Checked, check_envelope
from collector.store.changes import changes_between, read_cell
from collector.store.coverage import read_coverage
from collector.store.lines import parse_result
from collector.store.recorded_run import find_runs
from collector.tables.answers import Answers
from collector.tables.engine import analytical_database
from collector.tables.names import load_names
from collector.tables.plain import plain_actions
from collector.tables.salvage import salvage

run, older, newer, answer = Path(sys.argv[1]), *map(str.encode, sys.argv[2:])
statistics = run / "statistics.jsonl"
with analytical_database() as database:
    answers = Answers(database)
    answers.read(find_runs([run]))
    load_names(database, [])
    rows = Rows(answers)
    found = database.connection.execute(rows.texts, rows.parameters).fetchall()
damaged = salvage(statistics, run / "good")
plain = plain_actions(statistics, lambda: False)
changes = changes_between(read_cell(older).statistics, read_cell(newer).statistics)
print(json.dumps({
    "counters": COUNTERS,
    "older": asdict(parse_result(older).statistics),
    "newer": asdict(parse_result(newer).statistics),
    "is_empty": parse_result(newer).statistics.is_empty,
    "changes": [{name: change for name, change in kind.items()} for kind in changes],
    "is_plain": plain is not None,
    "damaged": damaged,
    "salvaged": [json.loads(line)["statistics"] for line in open(run / "good", "rb")],
    "header": rows.header,
    "rows": found,
    "remarks": [*answers.remarks, *read_coverage(run).remarks],
    "is_answer": [
        isinstance(check_envelope(text), Checked)
        for text in (answer, answer.replace(b'"delivered":0,', b""))
    ],
}))
"""


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Give what a version says that knows one counter more, in a run that two versions wrote."""
    root = tmp_path_factory.mktemp("later")
    file, end = _ONE_MORE
    edited_package(root, file, end, f"{end}    delivered: _Count = 0\n")
    zeros = b'{"total":0,"sended":0,"pending":0,"fails":0,"campaign":0,"actions":{},"delivered":5}'
    newer = _DATA.replace(b"2026-11-01", b"2026-11-02").split(b'{"total"')[0] + zeros + b"}\n"
    run = make_run(root / "run", [_DATA, newer], companies=["1"], days=(1, 2))
    answer = b'{"code":200,"data":%b}' % zeros.replace(
        b'"actions":{},"delivered":5', b'"delivered":0,"actions":{}'
    )
    texts = (text.decode() for text in (_DATA, newer, answer))
    said: Mapping[str, Any] = run_in(root, _SCRIPT, str(run), *texts)
    assert said["counters"] == ["total", "sended", "pending", "fails", "campaign", "delivered"]
    return said


def test_a_later_version_reads_lines_that_lack_its_counters(later: Mapping[str, Any]) -> None:
    """What a line lacks is 0. Nothing of it is damaged, so nothing of it is cut off."""
    assert later["older"] == {
        "total": 945,
        "sended": 789,
        "pending": 38,
        "fails": 118,
        "campaign": 3,
        "actions": _ACTIONS,
        "delivered": 0,
    }
    assert later["newer"]["delivered"] == 5
    assert (later["damaged"], later["remarks"]) == ([], [])


def test_a_later_counter_counts_everywhere(later: Mapping[str, Any]) -> None:
    """It is a line in one list: what is empty, changes and exports follow from that list."""
    assert not later["is_empty"]
    assert later["changes"][0]["delivered"] == [0, 5]
    assert later["header"][5:11] == later["counters"]


def test_tables_of_a_later_version_take_both_kinds_of_lines(later: Mapping[str, Any]) -> None:
    """At full speed, and line by line when a file is damaged; the missing counter is 0."""
    assert later["is_plain"]
    assert [row[5:11] for row in later["rows"]] == [[945, 789, 38, 118, 3, 0], [0, 0, 0, 0, 0, 5]]
    assert [one["delivered"] for one in later["salvaged"]] == ["0", "5"]


def test_a_later_version_checks_answers_strictly(later: Mapping[str, Any]) -> None:
    """An answer has every documented counter; only lines may be older."""
    assert later["is_answer"] == [True, False]
