"""The section about how runs went over time: rates and latencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from collector.report.figure import Figure
from collector.report.language import Language
from collector.report.runs import texts
from collector.report.runs.behaviour_figure import behaviour
from collector.report.runs.model import Behaviour, Interval
from collector.report.section import Section

__all__ = ["BehaviourView", "RunView", "behaviour_section"]

_SHOWN: Final = 200
"""Rows of the table of intervals, at most; all of them are in the files of the run."""


@dataclass(frozen=True, slots=True)
class RunView:
    """How one run went: its figure, if it has one, and its newest intervals of `of` as a table.

    `is_joined` says that the latencies of an interval are means of several measurements.
    """

    directory: str
    figure: Figure | None
    summary: str
    newest: Sequence[Interval]
    of: int
    is_joined: bool


@dataclass(frozen=True, slots=True)
class BehaviourView:
    """How runs went, the newest first: those that were `looked_at`, of so many `runs`.

    `written` are those that have written down how they went.
    """

    written: Sequence[RunView]
    looked_at: int
    runs: int


def behaviour_section(behaviours: Sequence[Behaviour], runs: int, words: Language) -> Section:
    """Return how the runs went over time; `runs` is their number."""
    written = [run for run in reversed(behaviours) if run.intervals]
    shown = [_run(run, f"behaviour-{number}", words) for number, run in enumerate(written)]
    view = BehaviourView(shown, len(behaviours), runs)
    return Section("behaviour", texts.BEHAVIOUR_HEADING, texts, view)


def _run(run: Behaviour, name: str, words: Language) -> RunView:
    figure = behaviour(run, words, name)
    return RunView(
        run.directory,
        figure,
        _summary(run, words) if figure else words(texts.BEHAVIOUR_ONE),
        run.intervals[-_SHOWN:],
        len(run.intervals),
        run.is_joined,
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
        latency=words(
            texts.HIGHEST_MEAN_LATENCY if run.is_joined else texts.HIGHEST_LATENCY,
            p99=words.latency(max(slow, default=None)),
        ),
    )
