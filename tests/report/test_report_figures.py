from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go
import pytest

from collector.report.coverage.figure import heat_map
from collector.report.coverage.model import (
    CompanyGroup,
    Fill,
    State,
    fill_of,
    narrowed,
    state_of,
)
from collector.report.delivery.model import (
    CountMovement,
    Delivery,
    SpanDelivery,
)
from collector.report.delivery.over_time import over_time
from collector.report.delivery.restated import movements, restated_windows
from collector.report.delivery.sums import failing, funnel
from collector.report.figure import Figure
from collector.report.language import Lang, Language
from collector.report.model import Company, Tile, WindowSpan
from collector.report.report import Report
from collector.report.runs.behaviour import behaviour
from collector.report.runs.model import Behaviour
from collector.report.untrusted import company_text
from tests.report import sample
from tests.report.parts import total

_WORDS = Language(Lang.EN)
_LARGE, _SMALL, _BARE = sample.large(), sample.small(), sample.bare()


def _trace(figure: Figure, place: int = 0) -> Any:  # noqa: ANN401 - plain JSON
    return figure.data[place]


def _layout(figure: Figure) -> Any:  # noqa: ANN401 - plain JSON
    return figure.layout


def _all(report: Report) -> list[Figure]:
    restated = report.restated
    found = [
        heat_map(report.coverage, _WORDS, "coverage", 20),
        heat_map(narrowed(report.coverage, 36), _WORDS, "coverage-narrow", 12),
        funnel(report.delivery, _WORDS),
        over_time(report.over_time, report.coverage.by_span, _WORDS)[0],
        failing(report.failing, _WORDS),
        *(behaviour(run, _WORDS, "behaviour") for run in report.behaviour),
        restated_windows(restated.windows, _WORDS) if restated else None,
        movements(restated.movements, _WORDS) if restated else None,
    ]
    return [figure for figure in found if figure]


@pytest.mark.parametrize("report", [_LARGE, _SMALL], ids=["large", "small"])
def test_plotly_knows_every_property(report: Report) -> None:
    """Its Python half checks names and values; `meta` is our own."""
    for figure in _all(report):
        go.Figure(figure.as_json())
        assert figure.height > 100


@pytest.mark.parametrize(
    ("tile", "state"),
    [
        (Tile(0, 0, 0, 0), None),
        (Tile(3, 3, 0, 0), State.DATA),
        (Tile(3, 4, 0, 0), State.EMPTY),
        (Tile(900, 0, 1, 0), State.FAILED),
        (Tile(900, 0, 9, 1), State.MISSING),
    ],
)
def test_a_tile_is_marked_by_the_worst_of_its_cells(tile: Tile, state: State | None) -> None:
    """One missing cell among 900 is seen; where nothing was planned, nothing is."""
    assert state_of(tile) is state


@pytest.mark.parametrize(
    ("tile", "fill"),
    [
        (Tile(0, 0, 0, 0), None),
        (Tile(9, 0, 0, 0), Fill.DATA),
        (Tile(99, 1, 0, 0), Fill.MIXED),
        (Tile(5, 5, 0, 0), Fill.MIXED),
        (Tile(4, 5, 0, 0), Fill.EMPTY),
        (Tile(0, 5, 0, 0), Fill.EMPTY),
        (Tile(0, 999, 0, 1), Fill.FEW),
        (Tile(981, 0, 10, 9), Fill.FEW),
        (Tile(98, 0, 1, 1), Fill.SOME),
        (Tile(91, 0, 9, 0), Fill.SOME),
        (Tile(90, 0, 9, 1), Fill.MANY),
        (Tile(51, 0, 0, 49), Fill.MANY),
        (Tile(5, 0, 5, 0), Fill.MOST),
        (Tile(0, 0, 0, 1), Fill.MOST),
    ],
)
def test_a_tile_is_filled_by_the_share_that_lacks(tile: Tile, fill: Fill | None) -> None:
    """One missing cell of a thousand does not blacken the map."""
    assert fill_of(tile, single=False) is fill


def test_a_tile_of_one_cell_is_filled_by_its_state() -> None:
    """There is no share to show."""
    cells = (Tile(1, 0, 0, 0), Tile(0, 1, 0, 0), Tile(0, 0, 1, 0), Tile(0, 0, 0, 1))
    fills = [fill_of(cell, single=True) for cell in cells]
    assert fills == [Fill.DATA, Fill.EMPTY, Fill.FAILED, Fill.MISSING]


def test_marks_say_the_worst_and_how_much() -> None:
    """On each tile that lacks answers, in the colour that stands out from its fill."""
    tiles = (Tile(0, 0, 0, 4), Tile(95, 0, 4, 1), Tile(999, 0, 0, 1), *_LARGE.coverage.tiles[0][3:])
    coverage = replace(_LARGE.coverage, tiles=(tiles,) * 50)
    marks = _trace(heat_map(coverage, _WORDS, "coverage", 20), 3)
    assert marks["marker"]["symbol"] == "x"
    assert marks["x"][:3] == [0, 1, 2]
    assert marks["marker"]["size"][:3] == [1.0, 0.55, 0.4]
    assert marks["marker"]["color"][:3] == [f"var(--mark-{one})" for one in ("most", "some", "few")]
    single = _trace(heat_map(_SMALL.coverage, _WORDS, "coverage", 20), 2)
    assert (single["x"], single["y"], single["marker"]["size"]) == ([2], [1], [1.0])


def test_hover_text_has_the_counts_and_no_markup_of_others() -> None:
    """Of many cells how many are in each state; of one, which state."""
    hover = _trace(heat_map(_LARGE.coverage, _WORDS, "coverage", 20))["hovertext"]
    assert hover[45][70] == (
        "40 companies, 2800 \N{EN DASH} 2839<br>3 windows, 2025-07-30 \N{EN DASH} 2025-08-01<br>"
        "missing: 120 of 120"
    )
    hover = _trace(heat_map(_SMALL.coverage, _WORDS, "coverage", 20))["hovertext"]
    assert hover[0][0] == "<b>0 &lt;script&gt;alert(1)&lt;/script&gt;</b><br>2026-01-01<br>data"
    assert hover[4][6].endswith("nothing planned")


def test_a_narrow_map_loses_no_cell() -> None:
    """Neighbouring columns are summed; a map that is narrow enough stays as it is."""
    narrow = narrowed(_LARGE.coverage, 36)
    assert len(narrow.spans) == 31
    assert sum(span.windows for span in narrow.spans) == 365
    assert total([tile for row in narrow.tiles for tile in row]) == _LARGE.coverage.total
    assert (narrow.spans[0].from_date, narrow.spans[-1].until_date) == (
        date(2025, 1, 1),
        date(2025, 12, 31),
    )
    assert narrowed(_SMALL.coverage, 36) is _SMALL.coverage


def test_actions_may_be_more_than_what_was_sent() -> None:
    """The API counts them apart: sended 0 and PRESS_ACTION 4 are drawn as they are."""
    figure = funnel(Delivery(total=2, pending=2, actions={"PRESS_ACTION": 4}), _WORDS)
    assert figure is not None
    bars = _trace(figure)
    assert bars["x"] == [2, 0, 0, 2, 0, 4]
    assert bars["text"] == ["100\xa0%", "0\xa0%", "0\xa0%", "100\xa0%", "0\xa0%", "200.0\xa0%"]
    assert _layout(figure)["xaxis"]["range"] == [0, 4]


def test_what_cannot_be_drawn_is_none() -> None:
    """Zeros, one window, no fails, one interval, nothing that moved."""
    first = _LARGE.behaviour[0].intervals[0]
    assert funnel(_BARE.delivery, _WORDS) is None
    assert over_time(_BARE.over_time, _BARE.coverage.by_span, _WORDS) == (None, False)
    assert over_time((), _BARE.coverage.by_span, _WORDS) == (None, False)
    assert failing((), _WORDS) is None
    assert behaviour(Behaviour("x", (first,)), _WORDS, "behaviour") is None
    assert restated_windows((), _WORDS) is None
    assert movements((CountMovement("total", is_action=False, rose=0, fell=0),), _WORDS) is None


def _months(*days: int) -> list[SpanDelivery]:
    at = date(2026, 1, 1)
    sums = []
    for length in days:
        span = WindowSpan(at, at + timedelta(days=length - 1), 1, length)
        sums.append(SpanDelivery(span, Delivery(total=310), 1))
        at += timedelta(days=length)
    return sums


def test_spans_of_unequal_length_are_compared_by_day() -> None:
    """A month that was cut short is not drawn as a fall; whole months are drawn as they are."""
    whole, _ = over_time(_months(31, 28, 31), _BARE.coverage.by_span, _WORDS)
    clipped, _ = over_time(_months(31, 28, 10), _BARE.coverage.by_span, _WORDS)
    assert whole is not None
    assert clipped is not None
    assert _trace(whole)["y"] == [310, 310, 310]
    assert _trace(clipped)["y"] == [10, 11.07, 31]


def test_days_between_windows_are_not_counted_as_theirs() -> None:
    """Two windows of a day that lie a month apart are two days long."""
    sums = _months(10, 10)
    apart = replace(sums[1], span=replace(sums[1].span, days=2))
    figure, _ = over_time([sums[0], apart], _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    assert _trace(figure)["y"] == [31, 155]


def test_a_window_without_an_answer_is_a_gap() -> None:
    """And no zero; a point that no line leads to has a mark, among however many."""
    sums = [
        replace(one, answers=0) if at in {1, 3} else one for at, one in enumerate(_months(*[5] * 6))
    ]
    figure, _ = over_time(sums, _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    assert _trace(figure)["y"] == [310, None, 310, None, 310, 310]
    assert not _trace(figure)["connectgaps"]
    many = [
        replace(one, answers=0) if at in {1, 3} else one
        for at, one in enumerate(_months(*[5] * 60))
    ]
    figure, _ = over_time(many, _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    assert _trace(figure)["mode"] == "lines+markers"
    assert _trace(figure)["marker"]["size"][:6] == [7, 0, 7, 0, 0, 0]
    one_answer = [replace(sums[0], answers=0), *sums[1:3]]
    assert over_time(one_answer, _BARE.coverage.by_span, _WORDS) == (None, False)


def test_the_default_window_has_no_place_beside_dated_ones() -> None:
    """Nobody knows its days; where there are no others, it is drawn."""
    undated = SpanDelivery(WindowSpan(None, None, 1, None), Delivery(total=5), 1)
    figure, _ = over_time([undated, *_months(31, 10)], _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    assert _trace(figure)["y"] == [10, 31]
    figure, _ = over_time([undated, undated], _BARE.coverage.by_span, _WORDS)
    assert figure is not None
    assert _trace(figure)["y"] == [5, 5]


def test_spans_that_lack_answers_are_shaded() -> None:
    """Their sums are too low, and a reader must not take that for a fall."""
    figure, is_shaded = over_time(_SMALL.over_time, _SMALL.coverage.by_span, _WORDS)
    assert is_shaded
    assert figure is not None
    assert [shape["x0"] for shape in _layout(figure)["shapes"]] == [1.5, 2.5]


def test_a_line_is_broken_where_nobody_worked() -> None:
    """Half an hour between two attempts is no half hour of ten requests a second."""
    figure = behaviour(_LARGE.behaviour[0], _WORDS, "behaviour")
    assert figure is not None
    sent = _trace(figure, 1)["y"]
    assert (len(sent), sent.count(None)) == (121, 1)
    assert _trace(figure, 4)["y"].count(None) == 2


def test_a_row_is_called_by_its_company_or_by_both_ends() -> None:
    """Names are for people: between the ends of many companies there is no room for them."""
    first, last = Company("1", "One <&>"), Company("identifier-of-40", "Forty")
    assert company_text(first) == "1 One <&>"
    one, many = CompanyGroup(first, first, 1), CompanyGroup(first, last, 40)
    coverage = replace(
        _SMALL.coverage, groups=(one, many), tiles=_SMALL.coverage.tiles[:2], gaps=()
    )
    labels = _layout(heat_map(coverage, _WORDS, "coverage", 20))["yaxis"]["ticktext"]
    assert labels == ["1 One &lt;&amp;&gt;", "1 \N{EN DASH} identif…"]
