from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from collector.report.bins import cut
from collector.report.delivery.model import Delivery, SpanDelivery, named
from collector.report.delivery.over_time_figure import over_time
from collector.report.language import Lang, Language
from collector.report.model import Tile, WindowSpan
from collector.report.report import Report
from tests.report import sample
from tests.report.shown import boxes, lines, marks, page_of, texts, tips, words_of

_WORDS = Language(Lang.EN)

_SMALL, _BARE = sample.small(), sample.bare()


def _months(*days: int) -> list[SpanDelivery]:
    at = date(2026, 1, 1)
    sums = []
    for length in days:
        span = WindowSpan(at, at + timedelta(days=length - 1), 1, length)
        sums.append(SpanDelivery(span, Delivery(total=310), 1))
        at += timedelta(days=length)
    return sums


def _drawn(sums: Sequence[SpanDelivery]) -> str:
    """Return the picture for wide screens."""
    figure = over_time(sums, _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    return figure.wide


def _totals(svg: str) -> list[str]:
    """Return what is said of total at each span."""
    return [
        next((line.removeprefix("total: ") for line in tip.split("\n") if "total" in line), "none")
        for tip in tips(svg)
    ]


@pytest.mark.usefixtures("wide_only")
def test_spans_of_unequal_length_are_compared_by_day() -> None:
    """Where spans differ in length, counts are per day; the axis says so."""
    whole, unequal = _drawn(_months(31, 28, 31)), _drawn(_months(31, 28, 10))
    assert _totals(whole) == ["310", "310", "310"]
    assert _totals(unequal) == ["10", "11", "31"]
    assert "notifications per day" in texts(unequal)
    assert "notifications per month" in texts(whole)


def test_days_between_windows_are_not_counted_as_theirs() -> None:
    """Two windows of a day that lie a month apart are two days long."""
    sums = _months(10, 10)
    apart = replace(sums[1], span=replace(sums[1].span, days=2))
    assert _totals(_drawn([sums[0], apart])) == ["31", "155"]


@pytest.mark.usefixtures("wide_only")
def test_a_window_without_an_answer_is_a_gap() -> None:
    """And no zero; a point that no line leads to has a mark, among however many."""
    sums = [
        replace(one, answers=0) if at in {1, 3} else one for at, one in enumerate(_months(*[5] * 6))
    ]
    svg = _drawn(sums)
    assert _totals(svg) == ["310", "none", "310", "none", "310", "310"]
    assert tips(svg)[1].endswith("no answers")
    assert [path.count("M") for path in lines(svg, "total")] == [3]
    many = [
        replace(one, answers=0) if at in {1, 3} else one
        for at, one in enumerate(_months(*[5] * 60))
    ]
    svg = _drawn(many)
    assert [path.count("M") for path in lines(svg, "total")] == [3]
    dots = [mark for mark in marks(svg) if mark.attributes.get("fill") == "var(--total)"]
    # One of them is in the legend.
    assert sum(dot.attributes["d"].count("M") for dot in dots) == 1 + 2
    one_answer = [replace(sums[0], answers=0), *sums[1:3]]
    assert over_time(one_answer, _BARE.coverage.by_span, _WORDS) is None


@pytest.mark.usefixtures("wide_only")
def test_the_default_window_has_no_place_beside_dated_ones() -> None:
    """Its days are not known; where there are no others, it is drawn."""
    undated = SpanDelivery(WindowSpan(None, None, 1, None), Delivery(total=5), 1)
    assert _totals(_drawn([undated, *_months(31, 10)])) == ["10", "31"]
    assert _totals(_drawn([undated, undated])) == ["5", "5"]


def test_spans_that_lack_answers_are_shaded() -> None:
    """Their sums are too low, and a reader must not take that for a fall."""
    figure = over_time(_SMALL.over_time, _SMALL.coverage.by_span, _WORDS)
    assert figure is not None
    # Two neighbours in three panels, and the key.
    assert boxes(figure.wide, "edge") == 3 + 1
    assert "1 % or more without answer" in texts(figure.narrow)
    assert "cells without answer: 1" in tips(figure.wide)[2]


def test_what_lacks_answers_and_still_changes_is_shaded_as_both() -> None:
    """The one does not hide the other: a box in each of the three panels, and two keys."""
    sums = [replace(one, is_settled=False) for one in _months(7, 7)]
    cells = {one.span: Tile(99, 0, 0, 9) for one in sums}
    figure = over_time(sums, cells, _WORDS)
    assert figure is not None
    for colour in ("edge", "unsettled"):
        assert boxes(figure.wide, colour) == 3 + 1
    grey, yellow = (
        {box.attributes["d"] for box in marks(figure.wide) if colour in str(box.attributes)}
        for colour in ("edge", "unsettled")
    )
    # The key of each is at another place.
    assert len(grey & yellow) == 3
    # The hatching is drawn later than the grey ground, so that it is seen on it.
    order = [str(mark.attributes) for mark in marks(figure.wide)]
    first_grey, first_line = (
        next(at for at, mark in enumerate(order) if f"var(--{colour})" in mark)
        for colour in ("edge", "warn")
    )
    assert first_grey < first_line


@pytest.mark.usefixtures("wide_only")
def test_spans_whose_figures_change_are_shaded_and_partial_ones_faded() -> None:
    """The newest are too low because they are young, or because the period cuts their week."""
    sums = _months(*[7] * 4)
    young = [*sums[:2], *(replace(one, is_settled=False) for one in sums[2:])]
    cut = replace(young[3], span=replace(young[3].span, is_partial=True))
    svg = _drawn([*young[:3], cut])
    assert boxes(svg, "unsettled") == 3 + 1
    assert "figures may still change" in texts(svg)
    said = tips(svg)
    assert "figures may still change" not in said[1]
    assert said[2].endswith("figures may still change")
    assert "only a part of its period" in said[3]
    veils = [
        mark
        for mark in marks(svg)
        if mark.attributes.get("fill") == "var(--panel)" and "fill-opacity" in mark.attributes
    ]
    assert len(veils) == 3
    settled = _drawn(sums)
    assert boxes(settled, "unsettled") == 0
    # Who sees no colours sees that one ground is hatched.
    assert 3 * 10 < _hatching(svg) < 1000
    assert _hatching(settled) == 0
    assert "figures may still change" not in texts(settled)


def _hatching(svg: str) -> int:
    """Return the number of lines that hatch a ground."""
    return sum(
        mark.name == "line" and mark.attributes.get("stroke") == "var(--warn)"
        for mark in marks(svg)
    )


def test_grounds_of_neighbours_are_one_and_others_are_apart() -> None:
    """A settled day between two that change has no ground; nor has one that lacks no answers."""
    sums = [replace(one, is_settled=at in {2, 5}) for at, one in enumerate(_months(*[1] * 7))]
    cells = {one.span: Tile(9, 0, 0, 9) for at, one in enumerate(sums) if at in {1, 2, 3, 6}}
    figure = over_time(sums, cells, _WORDS)
    assert figure is not None
    # 0-1, 3-4, 6 still change; 1 and 3 and 6 lack answers, too, and 2 does alone.
    assert boxes(figure.wide, "unsettled") == 3 * 3 + 1
    assert boxes(figure.wide, "edge") == 2 * 3 + 1


def _over_time(report: Report, *totals: tuple[int, int, int]) -> Report:
    """Return it with windows one after the other: days (0: the default window), total, answers."""
    at = date(2026, 2, 1)
    sums = []
    for days, total, answers in totals:
        span = (
            WindowSpan(at, at + timedelta(days=days - 1), 1, days)
            if days
            else WindowSpan(None, None, 1, None)
        )
        sums.append(SpanDelivery(span, Delivery(total=total), answers))
        at += timedelta(days=days)
    return replace(report, over_time=tuple(sums), overlap=False)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        (
            ((1, 5, 1), (1, 0, 0), (1, 7, 1)),
            "total, 7, is that of 2026-02-03 ; the lowest, 5, that of 2026-02-01 .",
        ),
        (((1, 5, 1), (1, 5, 1)), "All totals are the same: 5."),
        (((4, 20, 1), (1, 5, 1)), "All totals are the same: 5 per day."),
        (((9, 30, 1), (1, 0, 1)), "The highest total, 3.3 per day, is that of"),
        (((99, 1, 1), (1, 0, 1)), "The highest total, &lt; 0.1 per day, is"),
        (((1, 5, 1), (1, 0, 0)), "Fewer than two windows can be compared"),
        (((1, 0, 0), (1, 0, 0)), "No window has an answer."),
        (((0, 9, 1), (1, 5, 1), (1, 6, 1)), "2026-02-01 \u2013 2026-02-02 . The highest total, 6,"),
        (((0, 9, 1), (1, 5, 1)), "default window has no known days, so it is in the table only."),
    ],
)
@pytest.mark.usefixtures("words_only")
def test_the_sentence_over_time(totals: tuple[tuple[int, int, int], ...], said: str) -> None:
    """Of what was answered, by day where windows are unequal, never rounded to nothing."""
    words = words_of(page_of(_over_time(sample.small(), *totals)))
    assert said in words
    assert ("in the table only" in words) is any(days == 0 for days, _, _ in totals)


@pytest.mark.usefixtures("words_only")
def test_a_window_without_an_answer_has_dashes_in_the_table() -> None:
    """Zeros would be figures."""
    words = words_of(page_of(_over_time(sample.small(), (1, 5, 1), (1, 0, 0), (1, 0, 1))))
    assert "2026-02-02 \u2013 \u2013 \u2013 \u2013 \u2013 \u2013 0" in words
    assert "2026-02-03 0 0 0 0 0 0 0" in words


@pytest.mark.usefixtures("words_only")
def test_no_partial_or_unsettled_column_is_named() -> None:
    """The first week of the year is cut, the last two still change: neither is the lowest."""
    weeks = cut([_day(at, 1) for at in range(140)], 120)
    sums = [SpanDelivery(one.span, Delivery(total=900 + at), 7) for at, one in enumerate(weeks)]
    sums[0] = replace(sums[0], delivery=Delivery(total=3))
    sums[-2] = replace(sums[-2], delivery=Delivery(total=5), is_settled=False)
    sums[-1] = replace(sums[-1], delivery=Delivery(total=9000), is_settled=False)
    report = replace(sample.small(), over_time=tuple(sums))
    words = words_of(page_of(report))
    assert (
        "The highest total, 918, is that of 2025-05-05 \u2013 2025-05-11 ; the lowest, 901,"
        in words
    )
    assert "18 of the 21 periods are compared; the others are partial, lack answers or may" in words
    assert "Each point is one week, Monday to Sunday, the sum over all companies." in words
    assert "Faded: these runs have only some days" in words
    assert "Figures may still change if they were requested less than 14 days after" in words
    assert "el más bajo, 901, al 2025-01-06" in words_of(page_of(report, Lang.ES))


def test_a_column_that_lacks_answers_is_not_named() -> None:
    """Its sum is too low; if too few others are left, whole columns are compared all the same."""
    sums = [SpanDelivery(_day(at, 1), Delivery(total=9 - at), 1) for at in range(4)]
    cells = {sums[3].span: Tile(99, 0, 0, 1)}
    assert named(sums, cells) == sums[:3]
    unsettled = [replace(one, is_settled=at == 0) for at, one in enumerate(sums)]
    assert named(unsettled, cells) == unsettled[:3]
    # A company that fails each night makes all of them lack answers: those that change stay out.
    lacking = {one.span: Tile(99, 0, 0, 9) for one in sums}
    young = [replace(one, is_settled=at < 2) for at, one in enumerate(sums)]
    assert named(young, lacking) == young[:2]
    # Two have settled but lack answers, the two others still change.
    assert named(young, {one.span: Tile(99, 0, 0, 9) for one in sums[:2]}) == young[:2]
    partial = [
        replace(one, span=replace(one.span, is_partial=at > 0)) for at, one in enumerate(sums)
    ]
    assert named(partial, {}) == partial[:1]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (Lang.EN, "2026-01-01 . The compared figures may still change."),
        (Lang.ES, "2026-01-01 . Las cifras comparadas aún pueden cambiar."),
    ],
)
@pytest.mark.usefixtures("words_only")
def test_that_the_named_columns_may_still_change_is_said(lang: Lang, said: str) -> None:
    """Where fewer than two have settled, there are no others to name."""
    small = sample.small()
    young = [replace(one, is_settled=at == 0) for at, one in enumerate(small.over_time)]
    assert said in words_of(page_of(replace(small, over_time=tuple(young)), lang))
    assert said[14:] not in words_of(page_of(small, lang))


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (Lang.EN, "All of the compared periods lack 1 % of their answers or more: their totals"),
        (Lang.ES, "A todos los periodos comparados les falta el 1 % de las respuestas o más"),
    ],
)
def test_that_the_named_columns_lack_answers_is_said(lang: Lang, said: str) -> None:
    """A company that fails each night makes all of them lack answers: then they are compared."""
    small = sample.small()
    spans = small.coverage.spans
    lacking = replace(
        small.coverage, tiles=(*small.coverage.tiles[1:], (Tile(0, 0, 1, 0),) * len(spans))
    )
    assert said in words_of(page_of(replace(small, coverage=lacking), lang))
    assert said not in words_of(page_of(small, lang))


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (Lang.EN, "Some of the compared periods lack 1 % of their answers or more: their totals"),
        (Lang.ES, "A algunos de los periodos comparados les falta el 1 % de las respuestas o más"),
    ],
)
def test_that_some_of_the_named_columns_lack_answers_is_said(lang: Lang, said: str) -> None:
    """Only one of them has all of its answers, which is too few to compare."""
    small = sample.small()
    lacking = replace(
        small.coverage,
        tiles=(
            *small.coverage.tiles[1:],
            tuple(Tile(0, 0, 1 if at else 0, 0) for at in range(len(small.coverage.spans))),
        ),
    )
    assert said in words_of(page_of(replace(small, coverage=lacking), lang))


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (Lang.EN, "Grey and hatched: answers are lacking, and the figures may still change."),
        (Lang.ES, "Gris y rayado: faltan respuestas y las cifras aún pueden cambiar."),
    ],
)
def test_that_a_column_has_both_grounds_is_explained(lang: Lang, said: str) -> None:
    """Only where one has both."""
    small = sample.small()
    young = tuple(replace(one, is_settled=False) for one in small.over_time)
    assert said in words_of(page_of(replace(small, over_time=young), lang))
    assert said not in words_of(page_of(small, lang))


def _day(at: int, days: int) -> WindowSpan:
    first = date(2025, 1, 1) + timedelta(at)
    return WindowSpan(first, first + timedelta(days - 1), 1, days)
