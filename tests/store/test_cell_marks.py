from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from collector.store.cell_marks import CellMarks
from collector.store.rows import BITS

_cells = st.builds(
    lambda company, window: company << BITS | window, st.integers(0, 70), st.integers(0, 3)
)
_steps = st.lists(st.none() | st.tuples(st.lists(_cells, max_size=8), st.integers(1, 3)))


@given(_steps)
def test_the_marks_are_those_of_a_dictionary(steps: list[tuple[list[int], int] | None]) -> None:
    """Whatever is added, and whenever they are shifted, which is where a step is None."""
    marks, expected = CellMarks(), defaultdict[int, int](int)
    for step in steps:
        if step is None:
            marks.shift()
            for cell, mark in expected.items():
                expected[cell] = mark & 2 | (mark & 1) << 1
            continue
        cells, added = step
        before = []
        for cell in cells:
            before.append(expected[cell])
            expected[cell] |= added
        assert marks.add(cells, added) == before
