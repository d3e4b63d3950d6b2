"""The figure of how a run went over time: rates and latencies."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from collector.report.figure import Figure, Json, axis, frame, on_panel, panels
from collector.report.language import Language, Text
from collector.report.palette import variable
from collector.report.runs import texts
from collector.report.runs.model import Behaviour, Interval

__all__ = ["behaviour"]


_BREAK: Final = timedelta(seconds=5)
"""Gap between intervals above which the line is broken: no process ran in between."""


class _IntervalLine(NamedTuple):
    """A rate or latency over time: `colour` is in the palette, `field` is of `Interval`."""

    name: Text
    colour: str
    dash: str
    panel: int
    field: str


_LINES: Final = (
    _IntervalLine(texts.ALLOWED, "muted", "dash", 1, "allowed"),
    _IntervalLine(texts.SENT, "sended", "solid", 1, "sent"),
    _IntervalLine(texts.REFUSED, "fails", "dot", 1, "refused"),
    _IntervalLine(texts.RETRIED, "pressed", "dashdot", 1, "retried"),
    _IntervalLine(Text("p50", "p50"), "received", "solid", 2, "latency_p50"),
    _IntervalLine(Text("p90", "p90"), "sended", "dash", 2, "latency_p90"),
    _IntervalLine(Text("p99", "p99"), "fails", "dot", 2, "latency_p99"),
)


_TICKS: Final = (
    {"dtickrange": [None, 59_999], "value": "%H:%M:%S\n%Y-%m-%d"},
    {"dtickrange": [60_000, 86_399_999], "value": "%H:%M\n%Y-%m-%d"},
    {"dtickrange": [86_400_000, None], "value": "%Y-%m-%d"},
)
"""How moments are written, by the milliseconds between ticks: numbers, in every language."""


def behaviour(run: Behaviour, words: Language, name: str) -> Figure | None:
    """Return rates and latencies over the time of a run; None for fewer than two intervals."""
    if len(run.intervals) <= 1:
        return None
    height, parts = panels((170, 130), (words(texts.RATE_AXIS), words(texts.LATENCY_AXIS)))
    moments = list(_with_breaks(run.intervals))
    layout = frame(
        words,
        height,
        **parts,
        xaxis=axis(
            type="date",
            anchor="y2",
            showgrid=False,
            showline=True,
            tickformatstops=_TICKS,
            tickangle=0,
            hoverformat="%Y-%m-%d %H:%M:%S UTC",
            rangemode="normal",
        ),
        hovermode="x unified",
        showlegend=True,
        hoversubplots="axis",
    )
    return Figure(name, [_over_moments(line, moments, words) for line in _LINES], layout)


def _over_moments(
    line: _IntervalLine, moments: Sequence[tuple[datetime, Interval | None]], words: Language
) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words(line.name),
        "x": [_moment(at) for at, _ in moments],
        "y": [_rounded(line, interval) for _, interval in moments],
        **on_panel(line.panel),
        "line": {
            "color": variable(line.colour),
            "dash": line.dash,
            "width": 2,
            "shape": "hv" if line.field == "allowed" else "linear",
        },
        "connectgaps": False,
        "hovertemplate": "%{y:,.1f}" if line.panel == 1 else "%{y:,.3f} s",
    }


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


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
