import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.settings import RunSettings
from collector.store.changes import AnsweredCell, Change, changes_between, read_cell
from collector.store.comparison import Comparison, Movement, WindowCount, compare
from collector.store.scratch import scratch_database
from tests.store.made_runs import at_work, line, make_run


@contextmanager
def _compared(
    tmp_path: Path,
    old: list[bytes],
    new: list[bytes],
    **more: Any,  # noqa: ANN401 - see make_run
) -> Iterator[Comparison]:
    with scratch_database() as database:
        runs = make_run(tmp_path / "old", old), make_run(tmp_path / "new", new, **more)
        yield compare(database, *runs)


def _keys(cells: Iterator[Any]) -> list[tuple[str, str | None]]:
    return [(cell.company_id, cell.from_date) for cell in cells]


def test_cells_are_unchanged_restated_new_or_gone(tmp_path: Path) -> None:
    """Each is one of these; gone ones may be planned in the new run, or not."""
    old = [line("1", 1, total=5), line("1", 2, total=5), line("2", 1), line("2", 2), line("x", 1)]
    new = [line("1", 2, 9, total=5), line("1", 1, 9, total=7), line("é", 4)]
    with _compared(tmp_path, old, new, days=(2, 5)) as comparison:
        totals = comparison.totals
        assert (totals.both, totals.unchanged, totals.restated) == (2, 1, 1)
        assert (totals.new, totals.gone, totals.gone_planned) == (1, 3, 1)
        (restated,) = comparison.restated()
        assert (restated.old, restated.new) == (read_cell(old[0]), read_cell(new[1]))
        assert restated.changes == ({"total": Change(5, 7)}, {})
        assert _keys(comparison.only_new()) == [("é", "2026-11-04")]
        gone = list(comparison.gone())
        assert [
            (cell.company_id, cell.from_date, comparison.is_planned(cell)) for cell in gone
        ] == [
            ("2", "2026-11-01", False),
            ("2", "2026-11-02", True),
            ("x", "2026-11-01", False),
        ]
        assert comparison.remarks == []


def test_what_rose_and_what_fell_are_added_apart(tmp_path: Path) -> None:
    """For each counter and action, over all cells."""
    old = [
        line("1", 1, total=5, pending=9, actions={"A": 1, "B": 2}),
        line("1", 2, total=5, pending=1, actions={"A": 7}),
    ]
    new = [
        line("1", 1, total=7, pending=2, actions={"A": 3, "B": 2}),
        line("1", 2, total=4, pending=0, actions={"A": 1}),
    ]
    with _compared(tmp_path, old, new) as comparison:
        totals = comparison.totals
        assert totals.counters == {
            **{name: Movement() for name in ("sended", "fails", "campaign")},
            "total": Movement(2, 1),
            "pending": Movement(0, 8),
        }
        assert totals.actions == {"A": Movement(2, 6)}


def test_windows_are_counted_the_oldest_first(tmp_path: Path) -> None:
    """Those that both runs have: how many cells, how many of them restated; the default first."""
    old = [line(company, day) for company in "12" for day in (3, None, 1, 4)]
    new = [line("1", 1, total=1), line("2", 1), *(line(n, 3, total=1) for n in "12"), line("1", 2)]
    with _compared(tmp_path, old, [*new, line("1", None)]) as comparison:
        assert comparison.totals.windows_in_order() == [
            ((None, None), WindowCount(1, 0)),
            (("2026-11-01", "2026-11-01"), WindowCount(2, 1)),
            (("2026-11-03", "2026-11-03"), WindowCount(2, 2)),
        ]


def test_an_action_that_comes_or_goes_is_a_change() -> None:
    """Unless with 0: what is not there is None, and counts as 0 in the difference."""
    old, new = (
        read_cell(line("1", 1, actions=actions)).statistics
        for actions in ({"gone": 3, "zero": 0, "same": 1}, {"same": 1, "here": 4, "none": 0})
    )
    changes = changes_between(old, new)
    assert changes is not None
    assert changes.counters == {}
    assert list(changes.actions.items()) == [
        ("gone", Change(3, None)),
        ("here", Change(None, 4)),
    ]
    assert [change.difference for change in changes.actions.values()] == [-3, 4]
    only_zeros = read_cell(line("1", 1, actions={"A": 0})).statistics
    assert changes_between(read_cell(line("1", 1)).statistics, only_zeros) is None


def test_the_order_of_actions_and_unknown_fields_are_no_change(tmp_path: Path) -> None:
    """Nor are the spelling of the line, its attempts and its moment."""
    old = line("1", 1, total=1, actions={"A": 1, "B": 2}, news={"x": 1})
    new = line("1", 1, 60, actions={"B": 2, "A": 1}, total=1, fails=0)
    with _compared(tmp_path, [old], [new.replace(b'"attempts":1', b'"attempts": 3')]) as comparison:
        assert (comparison.totals.both, comparison.totals.restated) == (1, 0)
        assert comparison.totals.actions == {}


def test_windows_with_one_end_in_common_are_two(tmp_path: Path) -> None:
    """As with other windows in the new run: they have no cell in common."""
    days = line("1", 1, total=1)
    longer = line("1", 1, total=2).replace(
        b'"until_date":"2026-11-01"', b'"until_date":"2026-11-02"'
    )
    with _compared(tmp_path, [days], [longer]) as comparison:
        totals = comparison.totals
        assert (totals.both, totals.new, totals.gone) == (0, 1, 1)
        assert list(comparison.only_new()) == [read_cell(longer)]


def test_of_several_lines_of_a_cell_the_newest_counts(tmp_path: Path) -> None:
    """In either run; the collector never writes such lines."""
    old = [line("1", 1, 5, total=5), line("1", 1, 2, total=2)]
    new = [line("1", 1, 9, total=5), line("1", 1, 3, total=8)]
    with _compared(tmp_path, old, new) as comparison:
        assert (comparison.totals.both, comparison.totals.restated) == (1, 0)


def test_counters_may_be_larger_than_any_column(tmp_path: Path) -> None:
    """The sums too."""
    huge = 10**30
    old = [line(n, 1, total=huge + 1, actions={"A": huge}) for n in "12"]
    new = [line(n, 1, total=2 * huge) for n in "12"]
    with _compared(tmp_path, old, new) as comparison:
        assert comparison.totals.counters["total"] == Movement(2 * huge - 2, 0)
        assert comparison.totals.actions == {"A": Movement(0, 2 * huge)}


def test_a_company_has_the_name_of_the_newer_list(tmp_path: Path) -> None:
    """Or that of the old one, if the new one does not name it."""
    make_run(tmp_path / "old", companies="123", names={"1": "Uno", "2": "Dos"})
    make_run(tmp_path / "new", [line(n, 1) for n in "123"], companies="14", names={"1": "One"})
    with scratch_database() as database:
        comparison = compare(database, tmp_path / "old", tmp_path / "new")
        names = [comparison.name(cell) for cell in comparison.only_new()]
        assert names == ["One", "Dos", None]


def test_what_makes_the_comparison_doubtful_is_remarked(tmp_path: Path) -> None:
    """Damage in either file, a new run in progress, an edited list of its companies."""
    old = make_run(tmp_path / "old", [line("1", 1)[:-1]])
    new = make_run(tmp_path / "new", [b"{}\n", line("1", 1)])
    companies = new / "run-companies.txt"
    companies.write_bytes(companies.read_bytes().replace(b"\n2\n", b"\n"))
    with scratch_database() as database:
        comparison = compare(database, old, new)
        remarks = comparison.remarks
    assert comparison.lacks_lines
    unfinished, *others = remarks
    assert unfinished.startswith(f"{old}/statistics.jsonl: the last line is unfinished (")
    assert others == [
        f"{new}/statistics.jsonl: 3 bytes are damaged, and were left out",
        f"{companies} was edited: what is gone may have been planned all the same",
    ]
    with scratch_database() as database, at_work(new):
        *_, at_work_now = compare(database, old, new).remarks
    assert at_work_now.startswith(f"{new}: process ")
    assert at_work_now.endswith(" is running; what is gone may still come")


def test_a_run_may_be_compared_with_itself(tmp_path: Path) -> None:
    """Nothing differs."""
    run = make_run(tmp_path / "r", [line("1", 1, total=5), line("2", 1)])
    with scratch_database() as database:
        totals = compare(database, run, run).totals
    assert (totals.both, totals.unchanged, totals.new, totals.gone) == (2, 2, 0, 0)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    """No run, no list of companies, a damaged record of the plan, another service."""
    run = make_run(tmp_path / "r")
    other = make_run(tmp_path / "other", settings=RunSettings(base_url="https://o.example"))
    lost = make_run(tmp_path / "lost")
    (lost / "run-companies.txt").unlink()
    odd = make_run(tmp_path / "odd")
    manifest = odd / "run.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"1d"', b'"1x"'))
    for path, text in [
        (tmp_path, f"^{tmp_path}: there is no run.json in it"),
        (other, "--base-url was "),
        (lost, f"^{lost}/run-companies.txt: there is no such file"),
        (odd, f"^{manifest}: is damaged .*; the collector run that made it"),
    ]:
        for pair in ((run, path), (path, run)):
            with scratch_database() as database, pytest.raises(InputError, match=text):
                compare(database, *pair)


_counts = st.integers(0, 3) | st.just(10**30)
_made_cells = st.dictionaries(
    st.tuples(st.sampled_from(["1", "2", "é", "x", "'"]), st.none() | st.integers(1, 5)),
    st.builds(
        lambda total, fails, actions: {"total": total, "fails": fails, "actions": actions},
        _counts,
        _counts,
        st.dictionaries(st.sampled_from(["A", "B", "total"]), _counts),
    ),
    max_size=12,
)
_Cells = dict[tuple[str, int | None], dict[str, Any]]


def _flat(counts: dict[str, Any]) -> dict[tuple[str, ...], int]:
    flat: dict[tuple[str, ...], int] = {(name,): counts[name] for name in ("total", "fails")}
    return flat | {("actions", name): count for name, count in counts["actions"].items()}


def _by_brute_force(
    old: _Cells, new: _Cells
) -> tuple[set[tuple[str, int | None]], dict[tuple[str, ...], list[int]]]:
    """Give the restated cells, and what rose and fell."""
    restated = set()
    moved: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for cell in old.keys() & new.keys():
        before, after = _flat(old[cell]), _flat(new[cell])
        for name in before.keys() | after.keys():
            if difference := after.get(name, 0) - before.get(name, 0):
                restated.add(cell)
                moved[name][difference < 0] += abs(difference)
    return restated, moved


@settings(deadline=None)
@given(_made_cells, _made_cells)
def test_a_comparison_is_that_of_two_plain_dictionaries(old: _Cells, new: _Cells) -> None:
    """Whatever cells there are, and whatever has become of them."""
    lines = [[line(*cell, **counts) for cell, counts in cells.items()] for cells in (old, new)]
    restated, moved = _by_brute_force(old, new)
    with TemporaryDirectory() as name, _compared(Path(name), *lines) as comparison:
        totals = comparison.totals
        assert totals.both == len(old.keys() & new.keys())
        shown = [(one.new.company_id, one.new.from_date) for one in comparison.restated()]
        assert shown == sorted(shown, key=lambda key: (key[0].encode(), key[1] or ""))
        assert set(shown) == {_key(cell) for cell in restated}
        assert totals.restated == len(shown) == len(restated)
        only_new, gone = _keys(comparison.only_new()), _keys(comparison.gone())
        assert (totals.new, totals.gone) == (len(only_new), len(gone))
        assert set(only_new) == {_key(cell) for cell in new.keys() - old.keys()}
        assert set(gone) == {_key(cell) for cell in old.keys() - new.keys()}
        planned = {(company, day) for company in ("1", "2", "é") for day in (1, 2, 3, 4)}
        assert totals.gone_planned == len((old.keys() - new.keys()) & planned)
        sums: dict[tuple[str, ...], list[int]] = {
            (key,): [m.rose, m.fell] for key, m in totals.counters.items() if m.rose or m.fell
        }
        sums |= {("actions", key): [m.rose, m.fell] for key, m in totals.actions.items()}
        assert sums == moved


def _key(cell: tuple[str, int | None]) -> tuple[str, str | None]:
    from_date: str | None = json.loads(line(*cell))["from_date"]
    return cell[0], from_date


def test_equal_answers_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their bytes are compared: only a cell that differs takes the time to decode two lines."""
    decoded: list[bytes] = []

    def read(one: bytes) -> AnsweredCell:
        decoded.append(one)
        return read_cell(one)

    monkeypatch.setattr("collector.store.comparison.read_cell", read)
    old = [line("1", day, total=day) for day in (1, 2, 3)]
    new = [line("1", day, 60, total=max(day, 2)) for day in (1, 2, 3)]
    with _compared(tmp_path, old, new) as comparison:
        assert (comparison.totals.unchanged, comparison.totals.restated) == (2, 1)
    assert decoded == [old[0], new[0]]
