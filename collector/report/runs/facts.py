"""The section about the facts of each run: its plan, its cells, how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.core.errors import ExitCode
from collector.report import texts as page_texts
from collector.report.language import Language
from collector.report.model import Tile
from collector.report.runs import texts
from collector.report.runs.model import RunFacts
from collector.report.section import Section
from collector.report.untrusted import plain

__all__ = ["FactsView", "end_text", "runs_section"]

_Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactsView:
    """The facts of a run as lines of text, one group of them for each column of the table."""

    directory: str
    columns: tuple[_Lines, ...]
    remarks: tuple[str, ...]


def runs_section(runs: Sequence[RunFacts], words: Language) -> Section:
    """Return the facts about each run, the newest first; `runs` has the oldest first."""
    view = [FactsView(run.directory, _columns(run, words), run.remarks) for run in reversed(runs)]
    return Section("runs", texts.RUNS_HEADING, texts, view)


def end_text(run: RunFacts, words: Language) -> str:
    """Return how the last attempt of a run ended."""
    if run.is_running:
        return words(texts.RUNNING)
    if run.exit_code is None:
        return words(texts.KILLED)
    begun, count = run.shards or (1, 1)
    if run.exit_code == ExitCode.COMPLETE and begun < count:
        return words(texts.SOME_SHARDS, begun=begun, count=count)
    try:
        return words(texts.ENDS[ExitCode(run.exit_code)])
    except ValueError:
        return words(texts.UNKNOWN_END)


def _columns(run: RunFacts, words: Language) -> tuple[_Lines, ...]:
    companies = words.count(page_texts.COMPANIES, run.companies)
    windows = words.count(page_texts.WINDOWS, run.windows)
    return (
        _lines(
            words.days(run.from_date, run.until_date),
            words(texts.UP_TO, companies=companies, windows=windows)
            if run.has_first_days
            else f"{companies} \N{MULTIPLICATION SIGN} {windows}",
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
                count if run.is_counted else words(texts.AT_LEAST, count=count)
                for count in (
                    words.count(texts.REQUESTS_LINE, run.requests),
                    words.count(texts.REFUSED_LINE, run.refused),
                    words.count(texts.RETRIED_LINE, run.retried),
                )
            ),
        ),
        _speed(run, words),
    )


def _cells(cells: Tile, words: Language) -> _Lines:
    return _lines(
        words.count(texts.CELLS_PLANNED, cells.planned),
        words.count(texts.CELLS_ANSWERED, cells.answered),
        words.count(page_texts.COUNT_FAILED, cells.failed),
        words.count(page_texts.COUNT_MISSING, cells.missing),
    )


def _speed(run: RunFacts, words: Language) -> _Lines:
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


def _lines(*lines: str | None) -> _Lines:
    return tuple(line for line in lines if line)
