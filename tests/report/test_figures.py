import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from math import ceil, inf

import pytest

from collector.report.coverage.figure import heat_map
from collector.report.coverage.model import narrowed
from collector.report.delivery.model import (
    CompanyShare,
    CountMovement,
    Delivery,
    RestatedWindow,
    SpanDelivery,
)
from collector.report.delivery.over_time_figure import over_time
from collector.report.delivery.restated_figure import movements, restated_windows
from collector.report.delivery.sums_figure import failing, funnel
from collector.report.figure import Figure, span_labels
from collector.report.language import Lang, Language
from collector.report.model import Company, WindowSpan
from collector.report.palette import LIGHT
from collector.report.report import Report
from collector.report.runs.behaviour_figure import behaviour
from collector.report.runs.model import Behaviour
from collector.report.text_width import width_of
from tests.report import sample
from tests.report.shown import marks, texts, tips

_WORDS = Language(Lang.EN)

_LARGE, _SMALL, _BARE = sample.large(), sample.small(), sample.bare()


_ATTRIBUTES = {
    *("viewBox", "width", "height", "class", "transform", "d", "x", "y", "x2", "y2", "opacity"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray"),
    *("font-size", "font-weight", "text-anchor"),
}


def _all(report: Report, words: Language = _WORDS) -> list[Figure]:
    restated = report.restated
    found = [
        heat_map(report.coverage, narrowed(report.coverage, 36), words),
        funnel(report.delivery, words),
        over_time(report.over_time, report.coverage.by_span, words),
        failing(report.failing, report.delivery, words),
        *(behaviour(run, words, "behaviour") for run in report.behaviour),
        restated_windows(restated.windows, words) if restated else None,
        movements(restated.movements, words) if restated else None,
    ]
    return [figure for figure in found if figure]


@pytest.mark.parametrize("report", [_LARGE, _SMALL], ids=["large", "small"])
def test_every_picture_is_drawn_for_both_widths_in_colours_of_the_palette(report: Report) -> None:
    """Colours are names, so that the page chooses the palette; nothing has an id or an address."""
    for figure in _all(report):
        assert 'viewBox="0 0 880 ' in figure.wide
        assert 'viewBox="0 0 340 ' in figure.narrow
        for svg in (figure.wide, figure.narrow):
            colours = {
                mark.attributes[name]
                for mark in marks(svg)
                for name in ("fill", "stroke")
                if name in mark.attributes
            } - {"none"}
            assert colours <= {f"var(--{name})" for name in LIGHT}, figure.name
            assert {name for mark in marks(svg) for name in mark.attributes} <= _ATTRIBUTES
            assert len(marks(svg)) > 5
            # A picture takes the focus, so that its marks can be visited.
            assert tips(svg), figure.name


@pytest.mark.parametrize("lang", list(Lang))
def test_each_axis_has_a_title_with_its_unit_and_times_are_utc(lang: Lang) -> None:
    """In the language of the page, in both widths."""
    words = Language(lang)
    titles = {
        "coverage": (
            "companies",
            "first day of each column",
            "last day: 2025-12-31",
        ),
        "funnel": ("notifications; share of total",),
        "over-time": (
            "notifications per week, thousands",
            "first day of each column",
        ),
        "failing": ("fails, % of total, with the 95 % interval",),
        "behaviour": ("requests per second", "latency in seconds", "time (UTC), 2026-01-05"),
        "restated": ("restated cells, %", "day"),
        "movements": ("by how much each counter fell and rose",),
    }
    for figure in _all(_LARGE, words)[:5] + _all(_LARGE, words)[6:]:
        for svg in (figure.wide, figure.narrow):
            if lang is Lang.EN and figure.name != "behaviour":
                assert set(titles[figure.name]) <= set(texts(svg)), figure.name
            # Days are those of the API, whose time zone is not known.
            assert any("UTC" in text for text in texts(svg)) is (figure.name == "behaviour")


def test_numbers_on_axes_are_those_of_the_language() -> None:
    """Thousands as the texts of the page write them."""
    for lang, written in ((Lang.EN, "1,500"), (Lang.ES, "1\u202f500")):
        figure = over_time(_LARGE.over_time, _LARGE.coverage.by_span, Language(lang))
        assert figure is not None
        assert written in texts(figure.wide)


def _fast(latency: float) -> Figure | None:
    intervals = _LARGE.behaviour[0].intervals[:6]
    few = tuple(
        replace(one, latency_p50=latency / 4, latency_p90=latency / 2, latency_p99=latency)
        for one in intervals
    )
    return behaviour(Behaviour("x", few), _WORDS, "behaviour")


def test_an_infinite_rate_is_no_reason_for_no_picture() -> None:
    """Without a limit all requests are allowed."""
    few = tuple(replace(one, allowed=inf) for one in _LARGE.behaviour[0].intervals[:3])
    assert behaviour(Behaviour("x", few), _WORDS, "behaviour") is not None


def _rare(cells: int) -> Figure | None:
    days = [date(2026, 1, at) for at in (1, 2, 3)]
    return restated_windows([RestatedWindow(day, day, cells, 1) for day in days], _WORDS)


def _few(total: int) -> Figure | None:
    company = CompanyShare(Company("1", None), total, total // 100_000)
    return failing([company], Delivery(total=total, fails=1), _WORDS)


def _seldom(days: int) -> Figure | None:
    first = date(2020, 1, 1)
    spans = [WindowSpan(first, first + timedelta(length), 1, length) for length in (days, 2 * days)]
    sums = [SpanDelivery(span, Delivery(total=at + 1), 1) for at, span in enumerate(spans)]
    return over_time(sums, {}, _WORDS)


@pytest.mark.parametrize(
    ("draw", "numbers"),
    [
        (partial(_fast, 0.008), {"0.002", "0.004", "0.006", "0.008"}),
        (partial(_fast, 0.8), {"0.2", "0.4", "0.6", "0.8"}),
        (partial(_fast, 8), {"2", "4", "6", "8"}),
        (partial(_rare, 20_000), {"0.001", "0.002", "0.003", "0.004", "0.005"}),
        (partial(_few, 10**9), {"0.0002", "0.0004", "0.0006", "0.0008", "0.001"}),
        (
            partial(_seldom, 400),
            {"0.2", "0.4", "0.6", "0.8", "0.0005", "0.001", "0.0015", "0.002", "0.0025"},
        ),
    ],
    ids=["8 ms", "0.8 s", "8 s", "restated", "fails", "per day"],
)
def test_the_numbers_of_an_axis_tell_its_steps_apart(
    draw: Callable[[], Figure | None], numbers: set[str]
) -> None:
    """However small they are; and they have room beside the picture."""
    drawn = draw()
    assert drawn is not None
    for svg in (drawn.wide, drawn.narrow):
        assert numbers <= set(texts(svg))
        if drawn.name != "failing":
            # The numbers end 6 pixels to the left of the frame.
            left = re.search(r"translate\(([\d.]+),", svg)
            assert left is not None
            assert float(left[1]) - 6 >= max(map(width_of, numbers))


@pytest.mark.parametrize("width", [280, 800])
@pytest.mark.parametrize("count", [1, 2, 7, 53, 120])
def test_labels_of_an_axis_fit_and_the_last_is_among_them(count: int, width: int) -> None:
    """None lies over another, or outside of the picture."""
    names = [f"2026-01-{at:03}" for at in range(count)]
    labels = span_labels(names, width, 0)
    assert labels[-1].text == names[-1]
    room = width_of(names[0])
    starts = [
        label.x - {"left": 0.0, "center": 0.5, "right": 1.0}[label.align] * room for label in labels
    ]
    assert starts == sorted(starts)
    assert all(after - before > room for before, after in pairwise(starts))
    assert starts[0] >= -10
    assert starts[-1] + room <= width + 10


def test_what_cannot_be_drawn_is_none() -> None:
    """Zeros, one window, no fails, one interval, nothing that moved."""
    first = _LARGE.behaviour[0].intervals[0]
    assert funnel(_BARE.delivery, _WORDS) is None
    assert over_time(_BARE.over_time, _BARE.coverage.by_span, _WORDS) is None
    assert over_time((), _BARE.coverage.by_span, _WORDS) is None
    assert failing((), _BARE.delivery, _WORDS) is None
    assert behaviour(Behaviour("x", (first,)), _WORDS, "behaviour") is None
    assert restated_windows((), _WORDS) is None
    assert movements((CountMovement("total", is_action=False, rose=0, fell=0),), _WORDS) is None


def test_a_map_without_days_has_no_title_of_days() -> None:
    """The server's default window alone is one column, and no day is its first."""
    default = WindowSpan(None, None, 1, None)
    rows = tuple(row[:1] for row in _SMALL.coverage.tiles)
    alone = replace(_SMALL.coverage, spans=(default,), tiles=rows)
    for svg in (heat_map(alone, alone, _WORDS).wide, heat_map(alone, alone, _WORDS).narrow):
        assert {"window", "the server's default window"} <= set(texts(svg))
        assert "first day of each column" not in texts(svg)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("0123", 4),
        ("WM@%", 6.4),
        ("\u65e5\u672c", 4),
        ("e\u0301", 1),
        ("ill.", 2.6),
        ("\u0429", 1.75),
    ],
)
def test_broad_letters_take_more_room_than_digits(text: str, columns: float) -> None:
    """A digit is 7.62 pixels wide in the widest of the usual fonts."""
    assert width_of(text) == ceil(columns * 7.62)
