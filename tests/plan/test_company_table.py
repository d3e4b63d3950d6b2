import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from collector.plan.company_table import place_finder


@given(st.lists(st.text(), unique=True), st.lists(st.text()))
def test_the_place_of_every_id_is_found_and_of_no_other(ids: list[str], others: list[str]) -> None:
    """Whatever the ids, none at all included."""
    find = place_finder(ids)
    assert [find(company_id) for company_id in ids] == list(range(len(ids)))
    assert all(find(other) is None for other in others if other not in ids)


def test_a_place_takes_less_than_32_bytes() -> None:
    """Also just beyond a power of two, where most of the table is free."""
    ids = [f"company-{number:06}" for number in range((1 << 16) + 1)]
    tracemalloc.start()
    try:
        find = place_finder(ids)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert find(ids[-1]) == len(ids) - 1
    assert peak / len(ids) < 33
