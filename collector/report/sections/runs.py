"""The sections about runs: what was restated between them, how they went, their facts."""

from typing import Final

from collector.errors import ExitCode
from collector.report import figures, tables
from collector.report.elements import Markup, element, foreign, joined, prose
from collector.report.figures import Figure
from collector.report.foreign import cut, isolated, plain
from collector.report.language import Language
from collector.report.model import Behaviour, Report, Restated, RunFacts
from collector.report.sections.parts import Section, details, note, picture, section
from collector.report.texts import page as page_texts
from collector.report.texts import runs as texts

__all__ = ["behaviour_section", "end_text", "restated_section", "runs_section"]

_DRAWN: Final = 8
"""Runs whose behaviour is drawn, the newest: a page of thirty nights would be a wall."""


def end_text(run: RunFacts, words: Language) -> str:
    """Return in words how the last attempt of a run ended."""
    if run.is_at_work:
        return words(texts.AT_WORK)
    if run.exit_code is None:
        return words(texts.KILLED)
    try:
        return words(texts.ENDS[ExitCode(run.exit_code)])
    except ValueError:
        return words(texts.UNKNOWN_END)


def restated_section(report: Report, words: Language) -> Section:
    """Return which cells had changed when they were asked for again."""
    restated = report.restated
    if restated is None or restated.cells == 0:
        reason = texts.RESTATED_ONE_RUN if restated is None else texts.RESTATED_APART
        html = section("restated", words(texts.RESTATED_HEADING), note(words(reason)))
        return Section("restated", page_texts.NAV_RESTATED, html)
    windows = figures.restated_windows(restated.windows, words)
    moved = figures.movements(restated.movements, words)
    html = section(
        "restated",
        words(texts.RESTATED_HEADING),
        element("p", _restated_summary(restated, words), class_="summary"),
        element("h3", words(texts.RESTATED_WINDOWS)),
        picture(windows, _windows_summary(restated, words)),
        details(words, tables.restated_windows(restated, words), rows=len(restated.windows)),
        element("h3", words(texts.MOVEMENTS)),
        picture(moved, _movements_summary(restated, words)),
        details(words, tables.movements(restated, words), rows=len(restated.movements))
        if restated.movements
        else None,
    )
    drawn = tuple(figure for figure in (windows, moved) if figure is not None)
    return Section("restated", page_texts.NAV_RESTATED, html, drawn)


def behaviour_section(report: Report, words: Language) -> Section:
    """Return how the newest run went over time, and, folded away, earlier ones."""
    written = [run for run in report.behaviour if run.intervals]
    written.sort(key=lambda run: run.intervals[-1].ended_at, reverse=True)
    parts: list[Markup | None] = []
    drawn: list[Figure] = []
    for number, run in enumerate(written[:_DRAWN]):
        figure = figures.behaviour(run, words, f"behaviour-{number}")
        drawn += [figure] if figure else []
        parts.append(_behaviour(run, figure, words))
    shown: list[Markup | None] = parts[:1] or [note(words(texts.BEHAVIOUR_NONE))]
    if len(written) > _DRAWN:
        parts.append(note(words(texts.OLDER_SHOWN, shown=_DRAWN, n=len(written))))
    if parts[1:]:
        summary = element("summary", words(texts.OLDER))
        shown.append(element("details", summary, *parts[1:], class_="older"))
    html = section("behaviour", words(texts.BEHAVIOUR_HEADING), *shown)
    return Section("behaviour", page_texts.NAV_BEHAVIOUR, html, tuple(drawn))


def runs_section(report: Report, words: Language) -> Section:
    """Return the facts about each run, the newest first."""
    runs = sorted(report.runs, key=lambda run: run.started_at, reverse=True)
    heads = (texts.RUN, texts.PLAN, texts.TIMES, texts.END, texts.REQUESTS, texts.SPEED)
    table = tables.table(
        words(texts.RUNS_TABLE),
        [words(head) for head in heads],
        (_run(run, words) for run in runs),
        text_columns=len(heads),
        kind="facts",
    )
    remarks = [
        element("li", foreign(run.directory), ": ", foreign(remark))
        for run in runs
        for remark in run.remarks
    ]
    html = section(
        "runs",
        words(texts.RUNS_HEADING),
        table,
        element("h3", words(texts.REMARKS)) if remarks else None,
        element("ul", *remarks) if remarks else None,
    )
    return Section("runs", page_texts.NAV_RUNS, html)


def _restated_summary(restated: Restated, words: Language) -> str:
    summary = words(
        texts.RESTATED_SUMMARY,
        restated=restated.restated,
        cells=restated.cells,
        share=words.share(restated.restated, restated.cells),
    )
    return summary if restated.restated else f"{summary} {words(texts.RESTATED_NONE)}"


def _windows_summary(restated: Restated, words: Language) -> str:
    windows = [window for window in restated.windows if window.cells]
    if len(windows) <= 1:
        return words(texts.RESTATED_ONE_WINDOW)
    most = max(windows, key=lambda one: one.restated / one.cells)
    return words(
        texts.RESTATED_WINDOWS_SUMMARY,
        share=words.share(most.restated, most.cells),
        days=words.days(most.from_date, most.until_date),
    )


def _movements_summary(restated: Restated, words: Language) -> str:
    moved = [one for one in restated.movements if one.rose or one.fell]
    if not moved:
        return words(texts.RESTATED_NONE)
    most = max(moved, key=lambda one: max(one.rose, one.fell))
    name = isolated(cut(plain(most.name), 40))
    summary = words(texts.MOVEMENTS_SUMMARY, name=name, rose=most.rose, fell=most.fell)
    if len(moved) <= figures.DRAWN_MOVEMENTS:
        return summary
    return f"{summary} {words(texts.MOVEMENTS_SHOWN, n=figures.DRAWN_MOVEMENTS)}"


def _behaviour(run: Behaviour, figure: Figure | None, words: Language) -> Markup:
    last = None
    if len(run.intervals) > tables.SHOWN_INTERVALS:
        text = texts.INTERVALS_LAST
        last = note(words(text, shown=tables.SHOWN_INTERVALS, n=len(run.intervals)))
    summary = _behaviour_summary(run, words) if figure else words(texts.BEHAVIOUR_ONE)
    return joined(
        (
            element("h3", foreign(run.directory)),
            picture(figure, summary),
            details(words, joined((last, tables.intervals(run, words))), rows=len(run.intervals)),
        )
    )


def _behaviour_summary(run: Behaviour, words: Language) -> str:
    intervals = run.intervals
    refused = max(interval.refused for interval in intervals)
    slow = (one.latency_p99 for one in intervals if one.latency_p99 is not None)
    return words(
        texts.BEHAVIOUR_SUMMARY,
        start=words.moment(intervals[0].ended_at),
        end=words.moment(intervals[-1].ended_at),
        sent=words.decimal(max(interval.sent for interval in intervals)),
        refused=words(texts.SOME_REFUSED, n=words.decimal(refused))
        if refused
        else words(texts.NONE_REFUSED),
        p99=words.latency(max(slow, default=None)),
    )


def _run(run: RunFacts, words: Language) -> tables.Row:
    companies = words.count(page_texts.COMPANIES, run.companies)
    windows = words.count(page_texts.WINDOWS, run.windows)
    return tables.row(
        foreign(run.directory),
        _lines(
            words.days(run.from_date, run.until_date),
            f"{companies} \N{MULTIPLICATION SIGN} {windows}",
            _dates(run, words),
        ),
        _lines(
            words(texts.BEGAN, at=words.moment(run.started_at)),
            words(texts.ENDED, at=words.moment(run.ended_at)) if run.ended_at else None,
            words.count(texts.ATTEMPTS, run.attempts),
        ),
        _lines(
            end_text(run, words),
            None if run.exit_code is None else words(texts.CODE, code=str(run.exit_code)),
        ),
        _lines(
            words(texts.REQUESTS_LINE, n=run.requests),
            words(texts.REFUSED_LINE, n=run.refused),
            words(texts.RETRIED_LINE, n=run.retried),
        ),
        _speed(run, words),
    )


def _speed(run: RunFacts, words: Language) -> Markup:
    rate, limit = run.requests_per_second, run.limit_found
    p50, p99 = words.latency(run.latency_p50), words.latency(run.latency_p99)
    return _lines(
        None if rate is None else words(texts.RATE_LINE, rate=words.decimal(rate)),
        None if limit is None else words(texts.LIMIT_LINE, rate=words.decimal(limit)),
        None if run.latency_p50 is None else words(texts.LATENCY_LINE, p50=p50, p99=p99),
    )


def _dates(run: RunFacts, words: Language) -> str:
    if run.from_date is None:
        return words(texts.NO_DATES)
    if run.verdict is None:
        return words(texts.NOT_PROVED)
    known = texts.VERDICTS.get(run.verdict)
    last_day = texts.UNTIL.get(run.until or "")
    meaning = words(known) if known else plain(run.verdict)
    return f"{meaning}, {words(last_day)}" if last_day else meaning


def _lines(*lines: str | None) -> Markup:
    return joined(element("div", prose(line)) for line in lines if line)
