"""The section about how runs went over time: rates and latencies."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from collector.report.figure import Figure, Json, axis, frame, on_panel, panels
from collector.report.html import Markup, element, joined, prose, untrusted
from collector.report.language import Language, Text
from collector.report.palette import variable
from collector.report.runs import texts
from collector.report.runs.model import Behaviour, Interval
from collector.report.section import Section, details, note, picture, row, section, table

__all__ = ["behaviour", "behaviour_section"]

_SHOWN: Final = 200
"""Rows of the table of intervals, at most; all of them are in the files of the run."""

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


def behaviour_section(behaviours: Sequence[Behaviour], runs: int, words: Language) -> Section:
    """Return how the newest run went over time, and earlier ones folded; `runs` is their number."""
    written = [run for run in behaviours if run.intervals]
    parts: list[Markup | None] = []
    drawn: list[Figure] = []
    for number, run in enumerate(reversed(written)):
        figure = behaviour(run, words, f"behaviour-{number}")
        drawn += [figure] if figure else []
        parts.append(_run_part(run, figure, words))
    shown: list[Markup | None] = parts[:1] or [note(words(texts.BEHAVIOUR_NONE))]
    if parts[1:]:
        summary = element("summary", words(texts.OLDER))
        shown.append(element("details", summary, *parts[1:], class_="older"))
    if runs > len(behaviours) > 0:
        shown.append(note(words(texts.OLDER_LEFT_OUT, shown=len(behaviours), n=runs)))
    html = section("behaviour", words(texts.BEHAVIOUR_HEADING), *shown)
    return Section("behaviour", texts.BEHAVIOUR_NAV, html, tuple(drawn))


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


def _run_part(run: Behaviour, figure: Figure | None, words: Language) -> Markup:
    last = None
    if len(run.intervals) > _SHOWN:
        last = note(words(texts.INTERVALS_LAST, shown=_SHOWN, n=len(run.intervals)))
    summary = _summary(run, words) if figure else words(texts.BEHAVIOUR_ONE)
    return joined(
        (
            element("h3", untrusted(run.directory)),
            picture(figure, summary),
            details(words, joined((last, _intervals_table(run, words))), rows=len(run.intervals)),
        )
    )


def _summary(run: Behaviour, words: Language) -> str:
    intervals = run.intervals
    refused = max(interval.refused for interval in intervals)
    slow = (one.latency_p99 for one in intervals if one.latency_p99 is not None)
    return words(
        texts.BEHAVIOUR_SUMMARY,
        start=words.moment(intervals[0].ended_at - timedelta(seconds=intervals[0].seconds)),
        end=words.moment(intervals[-1].ended_at),
        sent=words.decimal(max(interval.sent for interval in intervals)),
        refused=words(texts.SOME_REFUSED, n=words.decimal(refused))
        if refused
        else words(texts.NONE_REFUSED),
        p99=words.latency(max(slow, default=None)),
    )


def _intervals_table(run: Behaviour, words: Language) -> Markup:
    """Return the newest intervals of a run."""
    heads = (
        texts.ENDED_AT,
        texts.SECONDS,
        texts.SENT,
        texts.ALLOWED,
        texts.REFUSED,
        texts.RETRIED,
    )
    rows = (
        row(
            prose(words.moment(one.ended_at)),
            *(
                words.decimal(value)
                for value in (one.seconds, one.sent, one.allowed, one.refused, one.retried)
            ),
            *map(words.latency, (one.latency_p50, one.latency_p90, one.latency_p99)),
        )
        for one in run.intervals[-_SHOWN:]
    )
    return table(words(texts.INTERVALS), [*map(words, heads), "p50", "p90", "p99"], rows)
