from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import Counters
from collector.dates.repetition import RepetitionWatch

_Answers = Iterable[tuple[str, Counters]]


def _counters(total: int, campaign: int = 0, **actions: int) -> Counters:
    return Counters(total, 0, 0, 0, campaign, actions)


_LARGE = _counters(50)
_TINY = _counters(1)
_EMPTY = _counters(0, CLOSED=0)


def _alike(company_id: str, windows: int, counters: Counters = _LARGE) -> _Answers:
    return [(company_id, counters) for _ in range(windows)]


def _different(company_id: str, windows: int) -> _Answers:
    return [(company_id, _counters(100 * (1 + number % 3))) for number in range(windows)]


def _feed(watch: RepetitionWatch, *companies: _Answers) -> list[tuple[str, ...]]:
    """Give it one company after the other, and return what was suspicious after each answer."""
    said = []
    for name, counters in chain(*companies):
        watch.answered(name, counters)
        said.append(watch.suspicious)
    return said


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
def test_five_companies_in_a_row_are_suspicious(windows: int, enough: int) -> None:
    """With seven windows of the fifth, or with all of them if there are fewer."""
    watch = RepetitionWatch(windows)
    assert not any(_feed(watch, *(_alike(str(number), windows) for number in range(4))))
    said = _feed(watch, _alike("4", windows))
    assert said[: enough - 1] == [()] * (enough - 1)
    assert said[enough - 1 :] == [("0", "1", "2", "3", "4")] * (windows - enough + 1)


@pytest.mark.parametrize("honest", range(1, 8))
@pytest.mark.parametrize("companies", [5, 14, 64])
def test_a_server_that_changes_its_ways_is_noticed_seven_windows_later(
    honest: int, companies: int
) -> None:
    """However many right answers each company has by then: it is the latest that count."""
    watch = RepetitionWatch(14)
    before = [_different(str(number), honest) for number in range(companies)]
    assert not any(_feed(watch, _abreast(before)))
    since = [_alike(str(number), 14 - honest, _counters(450)) for number in range(companies)]
    said = _feed(watch, _abreast(since))
    assert [bool(names) for names in said].index(True) == companies * 6 + 4


def test_a_company_comes_into_a_row_again_after_seven_more() -> None:
    """Its first seven were in a row that another company has ended."""
    watch = RepetitionWatch(30)
    five = [str(number) for number in range(5)]
    assert not any(_feed(watch, _abreast([_alike(name, 13) for name in five[:4]])))
    assert not any(_feed(watch, _different("honest", 2)))
    assert not any(_feed(watch, _abreast([_alike(name, 1) for name in five[:4]])))
    assert _feed(watch, _alike("4", 7))[-1] == tuple(five)


@pytest.mark.parametrize("last", [2, 3, 6])
@pytest.mark.parametrize("windows", [7, 14])
def test_too_few_for_a_row_are_suspicious_in_the_end(windows: int, last: int) -> None:
    """If most companies end with answers that are alike; of one alone, and of sixty-four."""
    for companies in (1, 3, 64, 200):
        watch = RepetitionWatch(windows)
        plan = [
            [*_different(str(n), windows - last), *_alike(str(n), last, _counters(450))]
            for n in range(companies)
        ]
        assert not any(_feed(watch, _abreast(plan)))
        expected = min(companies, 64) if companies < 200 else 64
        assert len(watch.suspicious_in_the_end) == expected
        assert watch.suspicious_in_the_end[-1] == str(companies - 1)


def test_what_was_asked_for_in_part_is_suspicious_in_the_end_too() -> None:
    """A resumed run has a few windows left of each company; the latest companies count."""
    watch = RepetitionWatch(30)
    _feed(watch, *(_different(f"before {n}", 4) for n in range(200)))
    assert watch.suspicious_in_the_end == ()
    _feed(watch, *(_alike(f"since {n}", 4) for n in range(33)))
    assert len(watch.suspicious_in_the_end) == 33


@pytest.mark.parametrize(("total", "is_odd"), [(39, False), (40, True)])
def test_small_companies_have_no_say_in_the_end(total: int, is_odd: bool) -> None:  # noqa: FBT001 - a table
    """Two of their answers are alike on most nights."""
    watch = RepetitionWatch(3)
    _feed(watch, *(_alike(str(n), 3, _counters(total)) for n in range(4)))
    assert bool(watch.suspicious_in_the_end) is is_odd


@pytest.mark.parametrize(("alike", "is_odd"), [(0, False), (1, False), (2, False), (3, True)])
def test_the_end_is_suspicious_if_most_companies_repeat(alike: int, is_odd: bool) -> None:  # noqa: FBT001 - a table
    """Two of four may be by chance; the empty and those with one answer have no say."""
    watch = RepetitionWatch(4)
    _feed(watch, *(_alike(f"alike {n}", 4) for n in range(alike)))
    _feed(watch, *(_different(f"honest {n}", 4) for n in range(4 - alike)))
    _feed(watch, *(_alike(f"empty {n}", 4, _EMPTY) for n in range(9)))
    _feed(watch, *(_alike(f"one {n}", 1) for n in range(9)))
    assert bool(watch.suspicious_in_the_end) is is_odd
    assert len(watch.suspicious_in_the_end) == alike * is_odd


def test_an_answer_that_differs_ends_a_row() -> None:
    """One honest company shows that the dates are honoured."""
    watch = RepetitionWatch(10)
    four = [_alike(str(number), 10) for number in range(4)]
    assert not any(_feed(watch, *four, _different("honest", 10), *four))


@pytest.mark.parametrize("at", range(7))
def test_one_window_of_seven_is_enough_to_differ(at: int) -> None:
    """Wherever it is; those that were alike are named all the same."""
    watch = RepetitionWatch(7)
    company = list(_alike("almost", 7))
    company[at] = ("almost", _counters(60))
    more = [_alike(f"more{n}", 7) for n in range(4)]
    assert not any(_feed(watch, *(_alike(str(n), 7) for n in range(4)), company, *more))
    watch.close()
    assert watch.suspects == 8


@pytest.mark.parametrize("number", [1, 2, 50, 2_000_000])
def test_size_does_not_matter(number: int) -> None:
    """A server that ignores dates may have nothing but small companies."""
    watch = RepetitionWatch(8)
    assert _feed(watch, *(_alike(str(n), 8, _counters(number)) for n in range(5)))[-1]


def test_empty_companies_neither_end_a_row_nor_are_in_it() -> None:
    """They are alike whatever the server does with dates."""
    watch = RepetitionWatch(8)
    assert not any(_feed(watch, *(_alike(f"none{number}", 8, _EMPTY) for number in range(40))))
    mixed = (
        company
        for number in range(5)
        for company in (_alike(str(number), 8), _alike(f"none{number}", 8, _EMPTY))
    )
    assert _feed(watch, *mixed)[-1] == ("0", "1", "2", "3", "4")


def test_a_company_with_data_in_one_window_only_is_honest() -> None:
    """Its first window was empty, so it is not one of those without data."""
    watch = RepetitionWatch(7)
    four = [_alike(str(number), 7) for number in range(4)]
    late = [*_alike("late", 6, _EMPTY), ("late", _counters(9))]
    assert not any(_feed(watch, *four, late, *four))


@pytest.mark.parametrize("field", ["total", "sended", "pending", "fails", "actions"])
@pytest.mark.parametrize(
    ("first", "other", "is_near"),
    [
        (0, 2, True),
        (0, 3, False),
        (10, 12, True),
        (10, 13, False),
        (13, 10, False),
        (950, 1000, True),
        (1000, 950, True),
        (949, 1000, False),
        (1000, 949, False),
    ],
)
def test_figures_that_move_a_little_are_nearly_alike(
    field: str,
    first: int,
    other: int,
    is_near: bool,  # noqa: FBT001 - a table
) -> None:
    """By 5 % or by 2: such answers are in a row, but they are not named as the same."""

    def made(number: int) -> Counters:
        numbers = {"total": 0, "sended": 0, "pending": 0, "fails": 0, field: number}
        actions = {"CLOSED": numbers.pop("actions", 0)}
        return Counters(**numbers, campaign=1, actions=actions)

    watch = RepetitionWatch(2)
    companies = ([(name, made(first)), (name, made(other))] for name in "abcde")
    assert bool(_feed(watch, *companies)[-1]) is is_near
    watch.close()
    assert watch.suspects == 0


def test_campaigns_do_not_make_a_difference_for_a_row() -> None:
    """They say little; but they do for the remark."""
    watch = RepetitionWatch(2)
    companies = ([(name, _counters(50, 1)), (name, _counters(50, 9))] for name in "abcde")
    assert _feed(watch, *companies)[-1]
    assert watch.remark is None


def test_what_is_nearly_alike_is_so_to_the_first_answer() -> None:
    """Figures that grow a little from window to window are different in the end."""
    watch = RepetitionWatch(7)
    growing = ([(name, _counters(100 + 2 * n)) for n in range(7)] for name in "abcde")
    assert not any(_feed(watch, *growing))


def test_a_false_alarm_doubles_the_row_that_is_needed() -> None:
    """Companies that are alike every day are not asked about again and again."""
    watch = RepetitionWatch(3)
    names = iter(range(1000))
    for needed in (5, 10, 20, 40):
        for _ in range(needed - 1):
            _feed(watch, _alike(str(next(names)), 3))
            assert watch.suspicious == ()
        _feed(watch, _alike(str(next(names)), 3))
        assert len(watch.suspicious) == needed
        watch.false_alarm()
        assert watch.suspicious == ()


def test_windows_that_failed_count_as_windows() -> None:
    """They neither differ nor are alike."""
    watch = RepetitionWatch(9)
    for number in range(5):
        _feed(watch, _alike(str(number), 5))
        watch.failed(str(number))
        assert watch.suspicious == ()
        watch.failed(str(number))
        _feed(watch, _alike(str(number), 2))
    assert watch.suspicious == ("0", "1", "2", "3", "4")
    assert watch.suspects == 5
    assert not watch._seen  # noqa: SLF001 - nothing else shows memory


def test_a_company_with_one_answer_and_failures_has_nothing_to_compare() -> None:
    """It is neither suspicious nor named."""
    watch = RepetitionWatch(3)
    for number in range(5):
        watch.answered(str(number), _LARGE)
        watch.failed(str(number))
        watch.failed(str(number))
    assert watch.suspicious == ()
    watch.close()
    assert watch.remark is None


def test_companies_that_fail_throughout_are_not_watched() -> None:
    """There is nothing to compare."""
    watch = RepetitionWatch(3)
    for number in range(2000):
        for _ in range(3):
            watch.failed(str(number))
    watch.close()
    assert (watch.suspicious, watch.suspects) == ((), 0)


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
    watch = RepetitionWatch(7)
    _feed(watch, *(_alike(str(number), 7) for number in range(count)))
    assert watch.remark is not None
    assert watch.remark.startswith(f"{count} companies have the same answer")
    assert watch.remark.endswith(end)


def test_a_remark_names_five_companies_of_many() -> None:
    """And says how many there are."""
    watch = RepetitionWatch(7)
    _feed(watch, *(_alike(str(number), 7, _TINY) for number in range(1234)))
    assert watch.remark is not None
    assert watch.remark.startswith("1,234 companies have")
    assert watch.remark.endswith("(0, 1, 2, 3, 4, ...)")


def test_there_is_no_remark_if_nothing_is_odd() -> None:
    """Different answers, empty ones, and companies of which there was but one window."""
    watch = RepetitionWatch(9)
    _feed(watch, _different("1", 9), _alike("2", 9, _EMPTY), _alike("3", 1))
    watch.close()
    assert (watch.suspects, watch.remark, watch.suspicious) == (0, None, ())


def test_a_company_that_differs_late_is_none_of_those_with_the_same_answer() -> None:
    """Its seven windows were alike, its eighth was not."""
    watch = RepetitionWatch(8)
    _feed(watch, _alike("late", 7), [("late", _counters(51))])
    assert (watch.suspects, watch.remark) == (0, None)


def test_companies_that_differ_after_seven_windows_are_not_suspicious() -> None:
    """Each of them shows, in the end, that the dates are honoured."""
    watch = RepetitionWatch(8)
    late = (chain(_alike(str(number), 7), [(str(number), _counters(60))]) for number in range(5))
    assert not any(_feed(watch, *late))


@pytest.mark.parametrize("answers", [2, 6])
@pytest.mark.parametrize("failures", [0, 1])
def test_a_few_answers_that_are_the_same_are_no_remark(answers: int, failures: int) -> None:
    """Two or six windows of a company are the same by chance, in some company every night."""
    watch = RepetitionWatch(answers + failures)
    _feed(watch, *(_alike(str(number), answers) for number in range(40)))
    for number in range(40 * failures):
        watch.failed(str(number))
    watch.close()
    assert (watch.suspects, watch.remark) == (0, None)


@pytest.mark.parametrize("windows", [7, 9])
def test_companies_that_were_not_asked_for_all_windows_are_judged_at_the_end(windows: int) -> None:
    """Their other windows are of an attempt before, or have failed."""
    watch = RepetitionWatch(10)
    assert not any(_feed(watch, *(_alike(str(number), windows) for number in range(4))))
    assert watch.suspects == 0
    watch.close()
    assert watch.suspects == 4
    watch.close()
    assert watch.suspects == 4


def test_companies_of_few_windows_in_a_longer_plan_are_in_no_row() -> None:
    """The others are of an attempt before: who has six of ten is judged by neither."""
    watch = RepetitionWatch(10)
    assert not any(_feed(watch, *(_alike(str(number), 6) for number in range(9))))
    watch.close()
    assert (watch.suspects, watch.suspicious) == (0, ())


def test_a_company_is_in_a_row_once() -> None:
    """More of its windows put it there no second time."""
    watch = RepetitionWatch(180)
    said = _feed(watch, *(_alike(str(number), 180) for number in range(5)))
    assert said[-1] == ("0", "1", "2", "3", "4")
    assert watch.suspects == 5


@pytest.mark.parametrize("windows", [2, 7, 30])
def test_companies_may_come_abreast(windows: int) -> None:
    """64 workers have 64 companies in work: five that are ignored are seen, one honest is, too."""
    ignored = [_alike(str(number), windows) for number in range(64)]
    watch = RepetitionWatch(windows)
    said = _feed(watch, _abreast(ignored))
    assert [bool(names) for names in said].index(True) == 64 * (min(windows, 7) - 1) + 4
    honest = [
        _different(str(number), windows) if number % 5 == 4 else _alike(str(number), windows)
        for number in range(640)
    ]
    watch = RepetitionWatch(windows)
    assert not any(_feed(watch, _abreast(honest)))
    watch.close()
    assert watch.suspects == (512 if windows >= 7 else 0)


def test_memory_is_bounded() -> None:
    """The company that was seen first is forgotten for a new one, and not judged."""
    watch = RepetitionWatch(100)
    for number in range(5000):
        _feed(watch, _alike(f"{number}", 7))
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
    _feed(watch, _alike("old", 6), *(_alike(f"next{n}", 8) for n in range(4)))
    assert watch.suspicious == ()
    watch.close()
    assert watch.suspects == 4


def test_the_company_that_was_seen_first_is_pushed_out() -> None:
    """And no other."""
    watch = RepetitionWatch(8)
    _feed(watch, *(_alike(f"{number}", 7) for number in range(1025)))
    _feed(watch, *(_alike(f"{number}", 1) for number in range(1, 1025)))
    assert watch.suspects == 1024


@pytest.mark.parametrize("company_id", ["a\nb", "\x1b[31mred", "\u202e"])
def test_names_of_companies_are_shown_in_one_line(company_id: str) -> None:
    """Nothing in a list of companies can move the cursor of a terminal."""
    watch = RepetitionWatch(7)
    _feed(watch, _alike(company_id, 7))
    assert watch.remark is not None
    assert company_id not in watch.remark
    assert watch.remark.isprintable()


def _repeat(totals: Sequence[int | None], enough: int) -> bool:
    """Say whether so many windows, one after the other, have nearly the same answer, or none."""
    spans = ({*totals[start : start + enough]} - {None} for start in range(len(totals)))
    long_enough = (span for start, span in enumerate(spans) if start + enough <= len(totals))
    return any(span in ({50}, {51}, {50, 51}, {90}) for span in long_enough)


_SOME = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([*[50] * 9, 0, 51, 90, None])),
    max_size=90,
)


@given(st.integers(2, 9), _SOME)
def test_it_suspects_only_five_companies_that_are_nearly_alike(
    windows: int, answers: list[tuple[str, int | None]]
) -> None:
    """That were seen with nearly the same answer, in as many windows as it takes."""
    watch = RepetitionWatch(windows)
    seen: dict[str, list[int | None]] = {}
    for name, total in answers:
        numbers = seen.setdefault(name, [])
        if len(numbers) == windows or (total is None and len(numbers) < 2):
            continue
        numbers.append(total)
        if total is None:
            watch.failed(name)
        else:
            watch.answered(name, _counters(total))
        near = [name for name, numbers in seen.items() if _repeat(numbers, min(7, windows))]
        assert set(watch.suspicious) <= set(near)
        assert len(watch.suspicious) == 0 or len(watch.suspicious) >= 5
    watch.close()
    answered = ([number for number in numbers if number is not None] for numbers in seen.values())
    alike = [
        numbers for numbers in answered if len(numbers) >= 7 and {*numbers} in ({50}, {51}, {90})
    ]
    assert watch.suspects == len(alike)
