"""The sections about runs: what was restated between them, how they went, their facts."""

from collections.abc import Iterator
from datetime import timedelta

from collector.errors import ExitCode
from collector.report import figures, tables
from collector.report.figures import Figure
from collector.report.html import Markup, element, joined, prose, untrusted
from collector.report.language import Language
from collector.report.model import Behaviour, Report, Restatements, RunFacts, Tile
from collector.report.sections.parts import Section, details, english, note, picture, section
from collector.report.texts import page as page_texts
from collector.report.texts import runs as texts
from collector.report.untrusted import cut, isolated, plain

__all__ = ["behaviour_section", "end_text", "restated_section", "runs_section"]


def end_text(run: RunFacts, words: Language) -> str:
    """Return in words how the last attempt of a run ended."""
    if run.is_at_work:
        return words(texts.AT_WORK)
    if run.exit_code is None:
        return words(texts.KILLED)
    begun, count = run.shards or (1, 1)
    if run.exit_code == ExitCode.COMPLETE and begun < count:
        return words(texts.SOME_SHARDS, begun=begun, count=count)
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
    # Columns of nothing are no picture.
    is_drawn = restated.restated > 0
    windows = figures.restated_windows(restated.windows, words) if is_drawn else None
    moved = figures.movements(restated.movements, words) if is_drawn else None
    html = section(
        "restated",
        words(texts.RESTATED_HEADING),
        element("p", _restated_summary(restated, words), class_="summary"),
        *(_restated_windows(restated, windows, words) if is_drawn else ()),
        *(_movements(restated, moved, words) if is_drawn else ()),
    )
    drawn = tuple(figure for figure in (windows, moved) if figure is not None)
    return Section("restated", page_texts.NAV_RESTATED, html, drawn)


def behaviour_section(report: Report, words: Language) -> Section:
    """Return how the newest run went over time, and, folded away, earlier ones."""
    written = [run for run in report.behaviour if run.intervals]
    parts: list[Markup | None] = []
    drawn: list[Figure] = []
    for number, run in enumerate(reversed(written)):
        figure = figures.behaviour(run, words, f"behaviour-{number}")
        drawn += [figure] if figure else []
        parts.append(_behaviour(run, figure, words))
    shown: list[Markup | None] = parts[:1] or [note(words(texts.BEHAVIOUR_NONE))]
    if parts[1:]:
        summary = element("summary", words(texts.OLDER))
        shown.append(element("details", summary, *parts[1:], class_="older"))
    if len(report.runs) > len(report.behaviour) > 0:
        text = texts.OLDER_LEFT_OUT
        shown.append(note(words(text, shown=len(report.behaviour), n=len(report.runs))))
    html = section("behaviour", words(texts.BEHAVIOUR_HEADING), *shown)
    return Section("behaviour", page_texts.NAV_BEHAVIOUR, html, tuple(drawn))


def runs_section(report: Report, words: Language) -> Section:
    """Return the facts about each run, the newest first."""
    runs = report.runs[::-1]
    heads = (
        *(texts.RUN, texts.PLAN, texts.CELLS, texts.TIMES),
        *(texts.END, texts.REQUESTS, texts.SPEED),
    )
    table = tables.table(
        words(texts.RUNS_TABLE),
        [words(head) for head in heads],
        (_run(run, words) for run in runs),
        text_columns=len(heads),
        kind="facts",
    )
    remarks = [
        element("li", untrusted(run.directory), ": ", english(remark, words))
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


def _restated_summary(restated: Restatements, words: Language) -> str:
    summary = words(
        texts.RESTATED_SUMMARY,
        restated=restated.restated,
        cells=restated.cells,
        share=words.share(restated.restated, restated.cells),
    )
    return summary if restated.restated else f"{summary} {words(texts.RESTATED_NONE)}"


def _restated_windows(
    restated: Restatements, figure: Figure | None, words: Language
) -> Iterator[Markup]:
    yield element("h3", words(texts.RESTATED_WINDOWS))
    yield picture(figure, _windows_summary(restated, words))
    shown = len(restated.windows)
    if restated.all_windows > shown:
        yield note(words(texts.RESTATED_NEWEST, shown=shown, n=restated.all_windows))
    yield details(words, tables.restated_windows(restated, words), rows=shown)


def _movements(restated: Restatements, figure: Figure | None, words: Language) -> Iterator[Markup]:
    yield element("h3", words(texts.MOVEMENTS))
    yield picture(figure, _movements_summary(restated, words))
    if restated.movements:
        yield details(words, tables.movements(restated, words), rows=len(restated.movements))
    if restated.examples:
        cells = len(restated.examples)
        moved = tables.moved_cells(restated, words)
        yield details(words, moved, rows=cells, label=texts.EXAMPLES)


def _windows_summary(restated: Restatements, words: Language) -> str:
    most = restated.highest
    if restated.all_windows <= 1 or most is None:
        return words(texts.RESTATED_ONE_WINDOW)
    return words(
        texts.RESTATED_WINDOWS_SUMMARY,
        share=words.share(most.restated, most.cells),
        days=words.days(most.from_date, most.until_date),
    )


def _movements_summary(restated: Restatements, words: Language) -> str:
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
            element("h3", untrusted(run.directory)),
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
        start=words.moment(intervals[0].ended_at - timedelta(seconds=intervals[0].seconds)),
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
        untrusted(run.directory),
        _lines(
            words.days(run.from_date, run.until_date),
            f"{companies} \N{MULTIPLICATION SIGN} {windows}",
            _dates(run, words),
        ),
        _cells(run.cells, words),
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
            *(
                words(line if run.is_counted else texts.AT_LEAST[line], n=n)
                for line, n in (
                    (texts.REQUESTS_LINE, run.requests),
                    (texts.REFUSED_LINE, run.refused),
                    (texts.RETRIED_LINE, run.retried),
                )
            ),
        ),
        _speed(run, words),
    )


def _cells(cells: Tile, words: Language) -> Markup:
    answered = cells.data + cells.empty
    return _lines(
        words(texts.CELLS_PLANNED, n=answered + cells.failed + cells.missing),
        words(texts.CELLS_ANSWERED, n=answered),
        words(texts.CELLS_FAILED, n=cells.failed),
        words(texts.CELLS_MISSING, n=cells.missing),
    )


def _speed(run: RunFacts, words: Language) -> Markup:
    rate, limit = run.requests_per_second, run.limit_found
    p50, p99 = words.latency(run.latency_p50), words.latency(run.latency_p99)
    return _lines(
        words(texts.RATE_NOT_KNOWN)
        if rate is None
        else words(texts.RATE_LINE, rate=words.decimal(rate)),
        words(texts.LATENCY_NOT_KNOWN)
        if run.latency_p50 is None
        else words(texts.LATENCY_LINE, p50=p50, p99=p99),
        None if limit is None else words(texts.LIMIT_LINE, rate=words.decimal(limit)),
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
