"""The figure of how a run went over time: rates and latencies."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from collector.report import axis_texts
from collector.report.figure import Figure, Screen, figure, margin, view
from collector.report.language import Language, Text
from collector.report.layers import Label, Spot, spots, texts_at
from collector.report.panels import Line, Panel, stacked
from collector.report.runs import texts
from collector.report.runs.model import Behaviour, Interval
from collector.report.runs.ticks import ticks
from collector.report.svg import Json
from collector.report.text_width import width_of

__all__ = ["behaviour"]

_BREAK: Final = timedelta(seconds=5)
"""Gap between intervals above which the line is broken: no process ran in between."""


class _IntervalLine(NamedTuple):
    """A rate or latency over time: `colour` is in the palette, `field` is of `Interval`."""

    name: Text
    colour: str
    dash: str
    field: str


_RATES: Final = (
    _IntervalLine(texts.ALLOWED, "muted", "dash", "allowed"),
    _IntervalLine(texts.SENT, "sended", "solid", "sent"),
    _IntervalLine(texts.REFUSED, "fails", "dot", "refused"),
    _IntervalLine(texts.RETRIED, "pressed", "dashdot", "retried"),
)
_LATENCIES: Final = (
    _IntervalLine(Text("p50", "p50"), "received", "solid", "latency_p50"),
    _IntervalLine(Text("p90", "p90"), "sended", "dash", "latency_p90"),
    _IntervalLine(Text("p99", "p99"), "fails", "dot", "latency_p99"),
)

_Moments = Sequence[tuple[datetime, Interval | None]]


def behaviour(run: Behaviour, words: Language, name: str) -> Figure | None:
    """Return rates and latencies over the time of a run; None for fewer than two intervals."""
    if len(run.intervals) <= 1:
        return None
    moments = list(_with_breaks(run.intervals))
    return figure(name, words, lambda screen: _specification(moments, words, screen))


def _specification(moments: _Moments, words: Language, screen: Screen) -> Json:
    first, last = moments[0][0], moments[-1][0]
    xs = [(at - first).total_seconds() for at, _ in moments]
    whole = xs[-1] or 1.0
    panels = [
        Panel(words(texts.RATE_AXIS), 170, _lines(_RATES, moments, words)),
        Panel(words(texts.LATENCY_AXIS), 130, _lines(_LATENCIES, moments, words)),
    ]
    left = margin((panel.high - panel.low for panel in panels), words)
    stack = stacked(panels, xs, (0, whole), screen, left=left, foot=44)
    frame = stack.frame
    scale = frame.width / whole
    title = words(axis_texts.TIME, days=words.days(first.date(), last.date()))
    labels = [Label(frame.width / 2, frame.height + 34, title, "center")]
    for at, text in ticks(first, last, frame.width):
        x, half = (at - first).total_seconds() * scale, width_of(text) / 2
        x = min(max(x, half - left), frame.width + 12 - half)
        labels.append(Label(x, frame.height + 16, text, "center"))
    return view(
        frame,
        [
            *stack.layers,
            *texts_at(labels),
            spots(_spots(moments, xs, scale, (stack.areas[0][0], frame.height), words)),
        ],
    )


def _lines(lines: Sequence[_IntervalLine], moments: _Moments, words: Language) -> list[Line]:
    return [
        Line(
            words(line.name),
            line.colour,
            line.dash,
            None,
            [_rounded(line, interval) for _, interval in moments],
            steps=line.field == "allowed",
        )
        for line in lines
    ]


def _spots(
    moments: _Moments, xs: Sequence[float], scale: float, area: tuple[float, float], words: Language
) -> list[Spot]:
    """Return a column for each interval, up to the middle between it and its neighbours."""
    middles = [(one + other) / 2 for one, other in pairwise(xs)]
    begins, ends = [xs[0], *middles], [*middles, xs[-1]]
    return [
        Spot(begin * scale, end * scale, *area, _tip(at, interval, words))
        for (at, interval), begin, end in zip(moments, begins, ends, strict=True)
        if interval is not None
    ]


def _tip(at: datetime, interval: Interval, words: Language) -> str:
    rates = (
        f"{words(one.name)}: {words.decimal(getattr(interval, one.field))}/s" for one in _RATES
    )
    latencies = (
        f"{words(one.name)}: {words.latency(getattr(interval, one.field))}" for one in _LATENCIES
    )
    return "\n".join((words.moment(at), *rates, *latencies))


def _with_breaks(intervals: Sequence[Interval]) -> Iterator[tuple[datetime, Interval | None]]:
    """Yield the intervals by their end, and None where no process ran in between."""
    before: datetime | None = None
    for interval in intervals:
        began = interval.ended_at - timedelta(seconds=interval.seconds)
        if before is not None and began - before > _BREAK:
            yield before + (began - before) / 2, None
        yield interval.ended_at, interval
        before = interval.ended_at


def _rounded(line: _IntervalLine, interval: Interval | None) -> float | None:
    value: float | None = None if interval is None else getattr(interval, line.field)
    return None if value is None else round(value, 4)
