"""The top of the page: title, verdict, and the most important numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from collector.report import axis_texts, texts
from collector.report.delivery.model import FAILS, RECEIVED, SENDED, TOTAL, Delivery
from collector.report.language import DASH, Language
from collector.report.quality.model import Quality
from collector.report.report import Report
from collector.report.runs import texts as run_texts
from collector.report.runs.facts import end_text
from collector.report.section import known_days

__all__ = ["Card", "Head", "Verdict", "head"]

_SAME_COMPANIES: Final = 2
"""Companies with the same answer in every window that are more than chance."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all cells have an answer: `kind` is `good`, `warn` or `bad`; `lines` are sentences.

    `is_odd` says that there are remarks on the quality of the data.
    """

    kind: str
    title: str
    lines: tuple[str, ...]
    is_odd: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A headline figure; `kind` is `alarm` for gaps, and `words` for a value that may wrap."""

    name: str
    value: str
    remark: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The top of the page; `overlap` says that sums count days twice."""

    period: str
    sizes: tuple[str, ...]
    made: str
    verdict: Verdict
    cards: tuple[Card, ...]
    overlap: bool


def head(report: Report, words: Language, version: str) -> Head:
    """Return the days and sizes of the page, when it was made, its verdict and its cards."""
    coverage = report.coverage
    return Head(
        period=known_days(coverage.spans, words) if coverage.spans else words(texts.NOTHING),
        sizes=(
            words.count(texts.COMPANIES, sum(group.companies for group in coverage.groups)),
            words.count(texts.WINDOWS, sum(span.windows for span in coverage.spans)),
            words.count(texts.RUNS, len(report.runs)),
        ),
        made=words(texts.MADE, at=words.moment(report.made_at), version=version),
        verdict=_verdict(report, words),
        cards=(
            *_coverage_cards(report, words),
            *_delivery_cards(report.delivery, words, is_answered=coverage.total.answered > 0),
            *_last_run(report, words),
        ),
        overlap=report.overlap,
    )


def _verdict(report: Report, words: Language) -> Verdict:
    kind, title, line = _judged(report, words)
    return Verdict(kind, title, (line, *_doubts(report, kind, words)), report.quality.is_odd)


def _judged(report: Report, words: Language) -> tuple[str, str, str]:
    planned = report.coverage.total.planned
    if any(run.verdict == "ignored" for run in report.runs):
        return "bad", words(texts.OTHER_DAYS), words(texts.OTHER_DAYS_LINE)
    if planned == 0:
        return "warn", words(texts.NOTHING), words(texts.NOTHING_LINE)
    if _is_lacking(report):
        return "warn", *_lacking(report, words)
    kind, title = "warn", words(texts.NOT_KNOWN)
    if report.coverage.is_known:
        kind, title = _complete(report, words)
    line = texts.COMPLETE_RUNS_LINE if len(report.runs) > 1 else texts.COMPLETE_LINE
    return kind, title, words.count(line, planned)


def _complete(report: Report, words: Language) -> tuple[str, str]:
    """Return the kind and the title of a verdict where each planned cell has an answer."""
    if _is_same_the_rule(report.quality):
        return "warn", words(texts.COMPLETE_BUT_SAME)
    if older := report.coverage.older:
        return "warn", words.count(texts.COMPLETE_BUT_OLDER, older)
    return "good", words(texts.COMPLETE)


def _is_lacking(report: Report) -> bool:
    """Tell whether cells are known to lack an answer, or a run is in progress."""
    return report.coverage.total.lacking > 0 or any(run.is_running for run in report.runs)


def _lacking(report: Report, words: Language) -> tuple[str, str]:
    """Return what is lacking as a title, and as a line what has an answer and what to do next."""
    cells = report.coverage.total
    gaps = [
        words.count(sentence, count)
        for sentence, count in (
            (texts.MISSING_CELLS, cells.missing),
            (texts.FAILED_CELLS, cells.failed),
        )
        if count
    ]
    what = ", ".join(gaps) or words(texts.NOTHING_YET)
    count = texts.ANSWERED_RUNS if len(report.runs) > 1 else texts.ANSWERED
    counts = words.count(count, cells.planned, answered=cells.answered)
    if any(run.is_running for run in report.runs):
        return words(texts.IN_PROGRESS, what=what), f"{counts} {words(texts.RUNNING)}"
    return words(texts.INCOMPLETE, what=what), f"{counts} {words(texts.NEXT_STEP)}"


def _doubts(report: Report, kind: str, words: Language) -> Iterator[str]:
    """Yield the reasons to doubt the verdict."""
    if not report.coverage.is_known:
        yield words(texts.NOT_KNOWN_LINE)
    if kind == "bad":
        return
    if _is_same_the_rule(report.quality):
        yield words(texts.SAME_LINE)
    if older := report.coverage.older:
        yield words.count(texts.OLDER_LINE, older)
    run = report.newest_run
    doubt = texts.DATES_DOUBTS.get(run.verdict or "") if run else None
    if doubt:
        yield words(doubt)


def _is_same_the_rule(quality: Quality) -> bool:
    """Tell whether two or more companies, and most, have the same answer in every window."""
    same = quality.same_everywhere
    return same >= _SAME_COMPANIES and 2 * same > quality.comparable


def _coverage_cards(report: Report, words: Language) -> tuple[Card, Card]:
    cells = report.coverage.total
    lacking = report.coverage.companies_with_gaps
    note = words.count(texts.CARD_GAPS_NOTE, lacking) if lacking else words(texts.CARD_NO_GAPS)
    return (
        Card(
            words(texts.CARD_COVERAGE),
            words.share(cells.answered, cells.planned),
            words.count(texts.CARD_COVERAGE_NOTE, cells.planned, answered=cells.answered),
        ),
        Card(
            words(texts.CARD_GAPS),
            f"{words.number(cells.missing)} · {words.number(cells.failed)}",
            note,
            kind="alarm" if cells.lacking else "",
        ),
    )


def _delivery_cards(delivery: Delivery, words: Language, *, is_answered: bool) -> tuple[Card, ...]:
    """Return total, and other counters as percentages of it; of no answer there are none."""
    if not is_answered:
        return tuple(
            Card(words(counter.name), DASH, words(axis_texts.NO_ANSWERS))
            for counter in (TOTAL, SENDED, FAILS, RECEIVED)
        )
    total = delivery.total
    return (
        Card(words(TOTAL.name), words.number(total), words.count(texts.CARD_TOTAL_NOTE, total)),
        *(
            Card(
                words(counter.name),
                words.share(*counter.part(delivery)),
                words(texts.CARD_SHARE_NOTE, n=counter.of(delivery), total=total)
                if total
                else words(texts.CARD_NONE),
            )
            for counter in (SENDED, FAILS, RECEIVED)
        ),
    )


def _last_run(report: Report, words: Language) -> tuple[Card, ...]:
    run = report.newest_run
    if run is None:
        return ()
    has_ended = run.exit_code is not None and run.ended_at is not None
    at = words.moment(run.ended_at if has_ended and run.ended_at else run.started_at)
    line = words(run_texts.ENDED if has_ended else run_texts.BEGAN, at=at)
    return (Card(words(texts.CARD_ENDED), end_text(run, words), line, kind="words"),)
