from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT
from collector.core.outcome import Counters, FailureKind
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.store.ledger import Ledger
from collector.store.lines import ErrorLine, ResultLine

_RANGE = DateRange(date(2026, 1, 1), date(2026, 1, 3))
_PLAN = Plan(Companies(("7", "é")), cut_windows(_RANGE, WindowSize.parse("1d")))
_NOTHING = Counters(total=0, sended=0, pending=0, fails=0, campaign=0, actions={})


def _result(company_id: str, from_date: str | None, until_date: str | None = None) -> ResultLine:
    return ResultLine(
        company_id,
        from_date,
        until_date or from_date,
        datetime(2026, 11, 23, tzinfo=UTC),
        1,
        _NOTHING,
    )


def test_a_line_is_placed_once() -> None:
    """Its first line gives the cell; what follows is a double, and the cell stays done."""
    ledger = Ledger(_PLAN)
    assert ledger.place(_result("é", "2026-01-02")) == 4
    assert ledger.place(_result("7", "2026-01-03")) == 2
    assert ledger.place(_result("é", "2026-01-02")) is None
    assert list(ledger.done.absent()) == [0, 1, 3, 5]
    assert (ledger.doubled, ledger.unplanned) == (1, 0)


@pytest.mark.parametrize(
    "line",
    [
        _result("8", "2026-01-01"),
        _result("7", "2026-01-04"),
        _result("7", "2026-01-01", "2026-01-02"),
        _result("7", None),
        _result("7", "yesterday"),
    ],
)
def test_a_line_of_no_cell_is_foreign(line: ResultLine) -> None:
    """Each time that it comes; no cell is done by it."""
    ledger = Ledger(_PLAN)
    assert ledger.place(line) is None
    assert ledger.place(line) is None
    assert (ledger.doubled, ledger.unplanned) == (0, 2)
    assert not ledger.done


def test_without_dates_the_key_has_none() -> None:
    """The server's default window is found by nulls, and by nothing else."""
    ledger = Ledger(Plan(Companies(("1", "2")), [SERVER_DEFAULT]))
    assert ledger.place(_result("2", None)) == 1
    assert ledger.place(_result("2", "2026-01-01")) is None
    assert ledger.unplanned == 1


def test_the_cell_of_an_error_is_found() -> None:
    """As often as it is asked for; an error makes no cell done, nor is one foreign or double."""
    ledger = Ledger(_PLAN)
    error = ErrorLine("é", "2026-01-02", "2026-01-02", FailureKind.HTTP)
    assert [ledger.find(error), ledger.find(error)] == [4, 4]
    assert ledger.find(msgspec.structs.replace(error, company_id="8")) is None
    assert not ledger.done
    assert ledger.remarks() == []


def test_nothing_odd_is_no_remark() -> None:
    """Also when every cell is done."""
    ledger = Ledger(_PLAN)
    for company_id in _PLAN.companies.ids:
        for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
            ledger.place(_result(company_id, day))
    assert len(ledger.done) == len(_PLAN)
    assert ledger.remarks() == []


def test_what_is_odd_is_counted_and_the_first_of_it_is_named() -> None:
    """Foreign and double lines each; an id cannot steer a terminal."""
    ledger = Ledger(_PLAN)
    for _ in range(1001):
        ledger.place(_result("é", "2026-01-02"))
    for company_id in ("x\x1b", "9"):
        ledger.place(_result(company_id, None))
    ledger.place(_result("7", "2026-01-01"))
    ledger.place(_result("7", "2026-01-01"))
    assert ledger.remarks() == [
        (
            "2 of the lines belong to no cell of the plan; "
            "the first is of company x<U+001B>, server default"
        ),
        (
            "1,001 of the lines are of cells that have a line already; "
            "the first is of company é, 2026-01-02"
        ),
    ]


@given(st.lists(st.tuples(st.sampled_from(["7", "é", "8"]), st.integers(1, 4)), max_size=40))
def test_every_line_is_the_first_a_double_or_foreign(keys: list[tuple[str, int]]) -> None:
    """None is lost, none counts twice."""
    ledger = Ledger(_PLAN)
    placed = [ledger.place(_result(key, f"2026-01-0{day}")) for key, day in keys]
    indexes = [index for index in placed if index is not None]
    good = {(key, day) for key, day in keys if key != "8" and day != 4}
    assert len(indexes) == len(set(indexes)) == len(ledger.done) == len(good)
    assert all(index in ledger.done for index in indexes)
    assert ledger.unplanned == sum(key == "8" or day == 4 for key, day in keys)
    assert ledger.doubled + ledger.unplanned + len(indexes) == len(keys)
