from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.models import Counters
from collector.repetition import RepetitionWatch

_Answers = Iterable[tuple[str, Counters]]


def _counters(total: int, campaign: int = 0, **actions: int) -> Counters:
    return Counters(total, 0, 0, 0, campaign, actions)


_LARGE = _counters(50)
_TINY = _counters(49)
_EMPTY = _counters(0, CLOSED=0)


def _alike(company_id: str, windows: int, counters: Counters = _LARGE) -> _Answers:
    return [(company_id, counters) for _ in range(windows)]


def _different(company_id: str, windows: int) -> _Answers:
    return [(company_id, _counters(100 + number)) for number in range(windows)]


def _feed(watch: RepetitionWatch, *companies: _Answers) -> list[bool]:
    """Give it one company after the other, and return what it said."""
    return [watch.answered(name, counters) for name, counters in chain(*companies)]


def _abreast(companies: Sequence[_Answers], most: int = 64) -> list[tuple[str, Counters]]:
    """Interleave companies, window by window, so many at a time."""
    rows = [companies[start : start + most] for start in range(0, len(companies), most)]
    return [
        answer
        for row in rows
        for answers in zip_longest(*row)
        for answer in answers
        if answer is not None
    ]


@pytest.mark.parametrize(("windows", "enough"), [(2, 2), (3, 3), (7, 7), (8, 7), (180, 7)])
def test_five_companies_in_a_row_end_a_run(windows: int, enough: int) -> None:
    """With seven windows of the fifth, or with all of them if there are fewer."""
    watch = RepetitionWatch(windows)
    assert not any(_feed(watch, *(_alike(str(number), windows) for number in range(4))))
    said = _feed(watch, _alike("4", windows))
    assert said.index(True) == enough - 1
    assert all(said[enough - 1 :])
    assert watch.row == "0, 1, 2, 3, 4"


def test_an_answer_that_differs_ends_a_row() -> None:
    """One honest company shows that the dates are honoured."""
    watch = RepetitionWatch(10)
    four = [_alike(str(number), 10) for number in range(4)]
    assert not any(_feed(watch, *four, _different("honest", 10), *four))
    assert watch.row == "0, 1, 2, 3"


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("windows", [7, 10])
def test_one_window_of_seven_is_enough_to_differ(at: int, windows: int) -> None:
    """Wherever it is."""
    watch = RepetitionWatch(windows)
    company = list(_alike("almost", windows))
    company[at] = ("almost", _counters(51))
    assert not any(_feed(watch, *(_alike(str(n), windows) for n in range(4)), company))
    assert watch.row == ""
    watch.close()
    assert watch.suspects == 4


@pytest.mark.parametrize("neutral", [_EMPTY, _TINY, _counters(20, 9, PRESSED=20)])
def test_empty_and_tiny_companies_neither_end_a_row_nor_are_in_it(neutral: Counters) -> None:
    """A company that sends one notification a day may be alike every day."""
    watch = RepetitionWatch(8)
    assert not any(_feed(watch, *(_alike(f"tiny{number}", 8, neutral) for number in range(40))))
    assert watch.row == ""
    mixed = chain(
        *(
            chain(_alike(str(number), 8), _alike(f"other{number}", 8, neutral))
            for number in range(5)
        )
    )
    assert any(_feed(watch, mixed))
    assert watch.row == "0, 1, 2, 3, 4"


@pytest.mark.parametrize(
    "counters",
    [
        Counters(50, 0, 0, 0, 0, {}),
        Counters(0, 50, 0, 0, 0, {}),
        Counters(0, 0, 50, 0, 0, {}),
        Counters(0, 0, 0, 50, 0, {}),
        Counters(0, 0, 0, 0, 50, {}),
        Counters(0, 0, 0, 0, 0, {"RECEIVED": 25, "CLOSED": 25}),
        Counters(9, 9, 9, 9, 9, {"RECEIVED": 5}),
    ],
)
def test_all_counters_together_make_a_company_large(counters: Counters) -> None:
    """From fifty on."""
    watch = RepetitionWatch(7)
    assert _feed(watch, *(_alike(str(number), 7, counters) for number in range(5)))[-1]


def test_tiny_companies_are_named_all_the_same() -> None:
    """A person may know better."""
    watch = RepetitionWatch(10)
    _feed(watch, _alike("tiny", 10, _counters(1)))
    assert watch.suspects == 1
    assert watch.remark is not None
    assert watch.remark.startswith("1 company has the same answer in all windows")
    assert watch.remark.endswith("(tiny)")


@pytest.mark.parametrize(("count", "end"), [(2, "(0, 1)"), (5, "(0, 1, 2, 3, 4)")])
def test_a_remark_names_companies(count: int, end: str) -> None:
    """All of them, if they are few."""
    watch = RepetitionWatch(3)
    _feed(watch, *(_alike(str(number), 3) for number in range(count)))
    assert watch.remark is not None
    assert watch.remark.startswith(f"{count} companies have the same answer")
    assert watch.remark.endswith(end)


def test_a_remark_names_five_companies_of_many() -> None:
    """And says how many there are."""
    watch = RepetitionWatch(2)
    _feed(watch, *(_alike(str(number), 2, _TINY) for number in range(1234)))
    assert watch.remark is not None
    assert watch.remark.startswith("1,234 companies have")
    assert watch.remark.endswith("(0, 1, 2, 3, 4, ...)")


def test_there_is_no_remark_if_nothing_is_odd() -> None:
    """Different answers, empty ones, and companies of which there was but one window."""
    watch = RepetitionWatch(9)
    _feed(watch, _different("1", 9), _alike("2", 9, _EMPTY), _alike("3", 1))
    watch.close()
    assert (watch.suspects, watch.remark, watch.row) == (0, None, "")


def test_a_company_that_differs_late_is_none_of_those_with_the_same_answer() -> None:
    """Its seven windows were alike, its eighth was not."""
    watch = RepetitionWatch(8)
    _feed(watch, _alike("late", 7), [("late", _counters(51))])
    assert (watch.suspects, watch.remark) == (0, None)


def test_companies_that_differ_after_seven_windows_do_not_end_a_run() -> None:
    """Each of them shows, in the end, that the dates are honoured."""
    watch = RepetitionWatch(8)
    late = (chain(_alike(str(number), 7), [(str(number), _counters(51))]) for number in range(5))
    assert not any(_feed(watch, *late))


@pytest.mark.parametrize("windows", [2, 6])
def test_companies_that_were_not_asked_for_all_windows_are_judged_at_the_end(windows: int) -> None:
    """Their other windows are of an attempt before, or have failed: they are in no row."""
    watch = RepetitionWatch(10)
    assert not any(_feed(watch, *(_alike(str(number), windows) for number in range(9))))
    assert (watch.suspects, watch.row) == (0, "")
    watch.close()
    assert (watch.suspects, watch.row) == (9, "")
    watch.close()
    assert watch.suspects == 9


def test_a_company_is_judged_once() -> None:
    """More of its windows put it into the row no second time."""
    watch = RepetitionWatch(180)
    _feed(watch, _alike("1", 180))
    assert watch.row == "1"
    assert watch.suspects == 1


@pytest.mark.parametrize("windows", [2, 7, 30])
def test_companies_may_come_abreast(windows: int) -> None:
    """64 workers have 64 companies in work: five that are ignored end it, one honest does not."""
    ignored = [_alike(str(number), windows) for number in range(64)]
    watch = RepetitionWatch(windows)
    said = _feed(watch, _abreast(ignored))
    assert said.index(True) == 64 * (min(windows, 7) - 1) + 4
    honest = [
        _different(str(number), windows) if number % 5 == 4 else _alike(str(number), windows)
        for number in range(640)
    ]
    watch = RepetitionWatch(windows)
    assert not any(_feed(watch, _abreast(honest)))
    watch.close()
    assert watch.suspects == 512


def test_memory_is_bounded() -> None:
    """The company that was seen first is forgotten for a new one: it may come back."""
    watch = RepetitionWatch(100)
    for number in range(5000):
        watch.answered(f"{number}", _LARGE)
        watch.answered(f"{number}", _LARGE)
        assert len(watch._seen) <= 1024  # noqa: SLF001 - nothing else shows memory
    assert watch.suspects == 0
    watch.close()
    assert watch.suspects == 1024
    assert not watch._seen  # noqa: SLF001 - nothing else shows memory
    assert len(watch._listed) == 5  # noqa: SLF001 - nothing else shows memory


def test_companies_that_are_over_are_forgotten() -> None:
    """However many there are."""
    watch = RepetitionWatch(2)
    _feed(watch, *(_different(str(number), 2) for number in range(3000)))
    assert not watch._seen  # noqa: SLF001 - nothing else shows memory


def test_a_company_that_was_pushed_out_begins_anew() -> None:
    """What was seen of it before is not held against it, and it is counted once at most."""
    watch = RepetitionWatch(8)
    others = [_alike(f"{number}", 1) for number in range(1024)]
    _feed(watch, _alike("old", 6), *others)
    assert watch.suspects == 0
    _feed(watch, _alike("old", 2))
    assert watch.row == ""
    watch.close()
    assert watch.suspects == 1


def test_the_company_that_was_seen_first_is_pushed_out() -> None:
    """And no other."""
    watch = RepetitionWatch(3)
    _feed(watch, *(_alike(f"{number}", 2) for number in range(1025)))
    _feed(watch, *(_alike(f"{number}", 1) for number in range(1, 1025)))
    assert watch.suspects == 1024


@pytest.mark.parametrize("company_id", ["a\nb", "\x1b[31mred", "\u202e"])
def test_names_of_companies_are_shown_in_one_line(company_id: str) -> None:
    """Nothing in a list of companies can move the cursor of a terminal."""
    watch = RepetitionWatch(2)
    _feed(watch, _alike(company_id, 2))
    assert watch.remark is not None
    assert company_id not in watch.remark
    assert company_id not in watch.row
    assert watch.row.isprintable()


_SOME = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0, 49, 50, 51])))


@given(st.integers(2, 9), _SOME)
def test_it_ends_a_run_only_with_five_large_companies(
    windows: int, answers: list[tuple[str, int]]
) -> None:
    """That were seen with the same answer, in as many windows as it takes."""
    watch = RepetitionWatch(windows)
    seen: dict[str, list[int]] = {}
    for name, total in answers:
        numbers = seen.setdefault(name, [])
        if len(numbers) == windows:
            continue
        numbers.append(total)
        if watch.answered(name, _counters(total)):
            enough = min(7, windows)
            large = [
                name
                for name, numbers in seen.items()
                if len(numbers) >= enough and len(set(numbers[:enough])) == 1 and numbers[0] >= 50
            ]
            assert len(large) >= 5
            assert set(watch.row.split(", ")) <= set(large)
    watch.close()
    alike = [n for n in seen.values() if len(n) > 1 and len(set(n)) == 1 and n[0]]
    assert watch.suspects == len(alike)
