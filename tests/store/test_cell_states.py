import tracemalloc
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.plan import CellSet
from collector.store.cell_states import CellStates

_KIND = st.sampled_from(FailureKind)
_STATES = st.lists(st.sampled_from(["data", "empty", "missing"]) | _KIND, min_size=1, max_size=70)


def _made(states: list[str]) -> CellStates:
    """Record answers, then failures, as the files of a run are read."""
    made = CellStates(len(states), CellSet(len(states)))
    for index, state in enumerate(states):
        if state in {"data", "empty"}:
            made.answered.add(index)
        if state == "empty":
            made.empty.add(index)
    return made


@given(_STATES, st.data())
def test_states_are_those_of_a_list(states: list[str], data: st.DataObject) -> None:
    """Counts and gaps of any part, at the borders of bytes; the last failure of a cell counts."""
    made = _made(states)
    for index, state in enumerate(states):
        for kind in data.draw(st.lists(_KIND, max_size=2)):
            if state != "missing":
                made.fail(index, kind)
        if isinstance(state, FailureKind):
            made.fail(index, state)
    failed = [state for state in states if isinstance(state, FailureKind)]
    assert made.counts() == {
        CellState.DATA: states.count("data"),
        CellState.EMPTY: states.count("empty"),
        CellState.FAILED: len(failed),
        CellState.MISSING: states.count("missing"),
    }
    assert +made.failed == {kind: failed.count(kind) for kind in failed}
    begin = data.draw(st.integers(0, len(states)))
    cells = range(begin, data.draw(st.integers(begin, len(states))))
    expected = [
        (list(group), None if state == "missing" else state)
        for state, group in groupby(cells, states.__getitem__)
        if state not in {"data", "empty"}
    ]
    assert [(list(gap), kind) for gap, kind in made.gaps(cells)] == expected


def test_a_cell_costs_two_bits() -> None:
    """Eight million of them are two megabytes, the set of the answered included."""
    tracemalloc.start()
    try:
        states = CellStates(8_000_000, CellSet(8_000_000))
        for cell in range(0, 8_000_000, 800):
            states.answered.add(cell)
            states.empty.add(cell)
        assert states.counts()[CellState.MISSING] == 7_990_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_020_000
