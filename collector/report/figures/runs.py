"""Pictures of runs: what was restated between them, and how they went."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from collector.report.figures.parts import (
    Figure,
    Json,
    axis,
    category_axis,
    drawable,
    frame,
    panels,
    points,
    room_for_ends,
    thinned,
)
from collector.report.language import Language, Text
from collector.report.model import Behaviour, CountMovement, Interval, RestatedWindow
from collector.report.palette import variable
from collector.report.texts import runs as texts
from collector.report.untrusted import cut, figure_text, plain

__all__ = ["DRAWN_MOVEMENTS", "behaviour", "movements", "restated_windows"]

DRAWN_MOVEMENTS: Final = 12
"""Counters and actions whose movements are drawn: more of them would be a wall."""

_BREAK: Final = timedelta(seconds=5)
"""Between two intervals at least this far apart nobody was at work: the line is broken there."""


class _IntervalLine(NamedTuple):
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
"""How moments are written, by the milliseconds between them: numbers, in every language."""


def restated_windows(windows: Sequence[RestatedWindow], words: Language) -> Figure | None:
    """Return the share of restated cells by window as columns; None for fewer than two."""
    if len(windows) <= 1:
        return None
    labels = [words.days(one.from_date, one.until_date) for one in windows]
    data = [
        {
            "type": "bar",
            "x": labels,
            "y": [100 * one.restated / one.cells if one.cells else 0 for one in windows],
            "width": min(0.75, max(0.15, len(windows) / 16)),
            "marker": {"color": variable("pressed")},
            "hoverinfo": "text",
            "hovertext": [
                f"{label}<br>{_restated(one, words)}"
                for label, one in zip(labels, windows, strict=True)
            ],
        }
    ]
    layout = frame(
        words,
        240,
        xaxis=category_axis(labels),
        yaxis=axis(ticksuffix=" %", nticks=5),
        meta=thinned(),
    )
    return Figure("restated", data, layout)


def movements(moved: Sequence[CountMovement], words: Language) -> Figure | None:
    """Return by how much each count rose and fell, to both sides of zero; None without any."""
    drawn = sorted(
        (one for one in moved if one.rose or one.fell), key=lambda one: -max(one.rose, one.fell)
    )[:DRAWN_MOVEMENTS]
    if not drawn:
        return None
    rose, fell = max(one.rose for one in drawn), max(one.fell for one in drawn)
    labels = [cut(plain(one.name), 16) for one in drawn]
    layout = frame(
        words,
        34 * len(drawn) + 60,
        xaxis=axis(
            range=[drawable(-fell), drawable(rose)],
            showticklabels=False,
            showgrid=False,
            zerolinecolor=variable("muted"),
        ),
        yaxis=axis(
            **points([figure_text(label) for label in labels]),
            range=[len(drawn) - 0.4, -0.6],
            showgrid=False,
            zeroline=False,
            tickfont={"color": variable("ink")},
        ),
        barmode="overlay",
        meta=room_for_ends(
            label=max(map(len, labels)),
            before=len(words.signed(-fell)) + 1,
            after=len(words.signed(rose)) + 1,
        ),
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
    )
    data = [
        _side(texts.FELL, "fails", [-one.fell for one in drawn], words),
        _side(texts.ROSE, "sended", [one.rose for one in drawn], words),
    ]
    return Figure("movements", data, {**layout, "showlegend": True})


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
    )
    layout = {**layout, "showlegend": True, "hoversubplots": "axis"}
    return Figure(name, [_over_moments(line, moments, words) for line in _LINES], layout)


def _over_moments(
    line: _IntervalLine, moments: Sequence[tuple[datetime, Interval | None]], words: Language
) -> Json:
    suffix = "" if line.panel == 1 else str(line.panel)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words(line.name),
        "x": [_moment(at) for at, _ in moments],
        "y": [_rounded(line, interval) for _, interval in moments],
        "yaxis": f"y{suffix}",
        "legend": f"legend{suffix}",
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
    """Yield the intervals by their end, and None where nobody was at work in between."""
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


def _restated(one: RestatedWindow, words: Language) -> str:
    return words(
        texts.RESTATED_SUMMARY,
        restated=one.restated,
        cells=one.cells,
        share=words.share(one.restated, one.cells),
    )


def _side(name: Text, colour: str, values: Sequence[int], words: Language) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "name": words(name),
        "x": list(map(drawable, values)),
        "y": list(range(len(values))),
        "width": 0.6,
        "marker": {
            "color": variable(colour),
            "pattern": {
                "shape": "/" if name is texts.FELL else "",
                "fillmode": "overlay",
                "fgcolor": variable("panel"),
                "size": 6,
                "solidity": 0.3,
            },
        },
        "text": [words.signed(value) for value in values],
        "textposition": "outside",
        "textfont": {"color": variable("ink")},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
