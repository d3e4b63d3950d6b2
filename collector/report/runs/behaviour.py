"""The section about how runs went over time: rates and latencies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from collector.report.figure import Figure
from collector.report.html import Markup, element, joined, prose, untrusted
from collector.report.language import Language
from collector.report.runs import texts
from collector.report.runs.behaviour_figure import behaviour
from collector.report.runs.model import Behaviour
from collector.report.section import Section, details, note, picture, row, section, table

__all__ = ["behaviour_section"]

_SHOWN: Final = 200
"""Rows of the table of intervals, at most; all of them are in the files of the run."""


def behaviour_section(behaviours: Sequence[Behaviour], runs: int, words: Language) -> Section:
    """Return how the newest run went over time, and earlier ones folded; `runs` is their number."""
    written = [run for run in behaviours if run.intervals]
    parts: list[Markup | None] = []
    for number, run in enumerate(reversed(written)):
        figure = behaviour(run, words, f"behaviour-{number}")
        parts.append(_run_part(run, figure, words))
    shown: list[Markup | None] = parts[:1] or [note(words(texts.BEHAVIOUR_NONE))]
    if parts[1:]:
        summary = element("summary", words(texts.OLDER))
        shown.append(element("details", summary, *parts[1:], class_="older"))
    if runs > len(behaviours) > 0:
        shown.append(note(words(texts.OLDER_LEFT_OUT, shown=len(behaviours), n=runs)))
    html = section("behaviour", words(texts.BEHAVIOUR_HEADING), *shown)
    return Section("behaviour", texts.BEHAVIOUR_HEADING, html)


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
