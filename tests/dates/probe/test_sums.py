import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import Counters
from collector.dates.probe.sums import add_up, campaigns_add_up, lies_between, same, shown
from tests.dates.probe.fake_api import counters, empty, summed

_FIELDS = ["total", "sended", "pending", "fails", "campaign"]
_NUMBERS = st.integers(0, 3)
_COUNTERS = st.builds(
    Counters,
    total=_NUMBERS,
    sended=_NUMBERS,
    pending=_NUMBERS,
    fails=_NUMBERS,
    campaign=_NUMBERS,
    actions=st.dictionaries(st.sampled_from(["RECEIVED", "total", "NEW"]), _NUMBERS),
)


def _zeros(**more: int) -> Counters:
    numbers = dict.fromkeys(_FIELDS, 0) | more
    return Counters(**numbers, actions={})


@pytest.mark.parametrize("field", _FIELDS)
def test_each_counter_makes_a_difference(field: str) -> None:
    """One more of any of them is not the same."""
    assert same(_zeros(), _zeros())
    assert not same(_zeros(), _zeros(**{field: 1}))
    assert not same(_zeros(**{field: 1}), _zeros())


def test_an_action_that_is_missing_counts_as_0() -> None:
    """The API omits actions that did not occur."""
    assert same(counters(4), counters(4, RECEIVED=0))
    assert not same(counters(4), counters(4, RECEIVED=1))
    assert not same(counters(4, CLOSED=1), counters(4, RECEIVED=1))
    assert add_up([counters(1, CLOSED=0), counters(2, PRESSED=1)], counters(3, PRESSED=1))


def test_an_action_may_have_the_name_of_a_counter() -> None:
    """Unknown actions are kept apart."""
    assert not same(_zeros(total=1), Counters(0, 0, 0, 0, 0, {"total": 1}))


@pytest.mark.parametrize("field", ["total", "sended", "pending", "fails"])
def test_each_counter_has_to_add_up(field: str) -> None:
    """And the actions; too much is as wrong as too little."""
    assert add_up([_zeros(**{field: 2}), _zeros(**{field: 3})], _zeros(**{field: 5}))
    assert not add_up([_zeros(**{field: 2}), _zeros(**{field: 3})], _zeros(**{field: 4}))
    assert not add_up([_zeros(**{field: 2}), _zeros(**{field: 3})], _zeros(**{field: 6}))
    assert not add_up([_zeros(), counters(0, RECEIVED=1)], _zeros())


def test_campaigns_are_added_up_for_themselves() -> None:
    """One that runs over two windows is counted in both, perhaps."""
    parts = [counters(1, 2), counters(1, 3)]
    assert add_up(parts, counters(2, 4))
    assert not campaigns_add_up(parts, counters(2, 4))
    assert campaigns_add_up(parts, counters(2, 5))
    assert not campaigns_add_up(parts, counters(2, 6))


@given(st.lists(_COUNTERS, max_size=4))
def test_parts_add_up_to_their_sum(parts: list[Counters]) -> None:
    """Whatever they are, in any order; and to nothing else."""
    whole = summed(parts)
    assert add_up(parts, whole)
    assert add_up(reversed(parts), whole)
    assert campaigns_add_up(parts, whole)
    whole.fails += 1
    assert not add_up(parts, whole)


@given(_COUNTERS, _COUNTERS, _COUNTERS)
def test_what_lies_between_is_not_outside(one: Counters, middle: Counters, other: Counters) -> None:
    """Neither below nor above both, in any figure but campaigns; the order does not matter."""
    assert lies_between(one, one, other)
    assert lies_between(other, one, other)
    assert lies_between(middle, one, other) == lies_between(middle, other, one)
    if lies_between(middle, one, one):
        middle.campaign = one.campaign
        assert same(middle, one)
    largest = max(one.pending, other.pending)
    middle.pending = largest + 1
    assert not lies_between(middle, one, other)


def test_figures_may_move_in_both_directions() -> None:
    """What is pending becomes less, what is sent more."""
    before, after = Counters(9, 1, 8, 0, 1, {}), Counters(9, 5, 4, 0, 1, {"RECEIVED": 2})
    assert lies_between(Counters(9, 2, 7, 0, 1, {"RECEIVED": 1}), before, after)
    assert not lies_between(Counters(9, 2, 9, 0, 1, {}), before, after)
    assert not lies_between(Counters(9, 2, 7, 0, 1, {"RECEIVED": 3}), before, after)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (counters(1234), "total 1,234"),
        (_zeros(pending=2), "pending 2"),
        (_zeros(campaign=1), "campaign 1"),
        (counters(0, 0, CLOSED=7), "actions 7"),
        (counters(0, 0, CLOSED=7, RECEIVED=1000), "actions 1,007"),
        (counters(0, 3, CLOSED=7), "actions 7"),
        (empty(), "total 0"),
    ],
)
def test_counters_are_shown_by_the_first_that_is_not_0(counts: Counters, text: str) -> None:
    """A word or two, for people."""
    assert shown(counts) == text
