"""The top of the page: whether all is well, in a sentence and a few numbers."""

from collector.report.elements import Markup, element
from collector.report.language import Language
from collector.report.model import Delivery, Quality, Report, RunFacts, Tile
from collector.report.sections.runs import end_text
from collector.report.texts import page as texts

__all__ = ["cards", "header", "newest_run", "period", "verdict"]


def header(report: Report, words: Language, version: str) -> Markup:
    """Return the title with what the page is about."""
    coverage = report.coverage
    sizes = (
        words.count(texts.COMPANIES, sum(group.companies for group in coverage.groups)),
        words.count(texts.WINDOWS, sum(span.windows for span in coverage.spans)),
        words.count(texts.RUNS, len(report.runs)),
    )
    made = words(texts.MADE, at=words.moment(report.made_at), version=version)
    return element(
        "header",
        element("h1", words(texts.TITLE)),
        element("p", words(texts.SUBTITLE), class_="subtitle"),
        element("p", element("strong", period(report, words)), " · ", " · ".join(sizes)),
        element("p", made, class_="note"),
    )


def period(report: Report, words: Language) -> str:
    """Return the days that the page is about, from the first to the last."""
    spans = report.coverage.spans
    if not spans:
        return words(texts.NOTHING)
    begins = [span.from_date for span in spans if span.from_date]
    ends = [span.until_date for span in spans if span.until_date]
    return words.days(min(begins, default=None), max(ends, default=None))


def newest_run(report: Report) -> RunFacts | None:
    """Return the run that began last."""
    return max(report.runs, key=lambda run: run.started_at, default=None)


def verdict(report: Report, words: Language) -> Markup:
    """Return whether all is well: the one thing to look at in the morning."""
    kind, title, line = _verdict(report, words)
    sign = {"good": "✓", "warn": "!", "bad": "✕"}[kind]
    remark = None
    if _is_odd(report.quality):
        remark = element("a", words(texts.ODD_DATA), href="#quality")
    return element(
        "div",
        element("span", sign, class_="sign", aria_hidden="true"),
        element("div", element("p", element("strong", title)), element("p", line, " ", remark)),
        class_=f"verdict {kind}",
    )


def _verdict(report: Report, words: Language) -> tuple[str, str, str]:
    cells = report.coverage.total
    answered, planned = cells.data + cells.empty, sum(_counts(cells))
    if any(run.verdict == "ignored" for run in report.runs):
        return "bad", words(texts.OTHER_DAYS), words(texts.OTHER_DAYS_LINE)
    if planned == 0:
        return "warn", words(texts.NOTHING), words(texts.NOTHING_LINE)
    at_work = any(run.is_at_work for run in report.runs)
    if answered == planned and not at_work:
        return "good", words(texts.COMPLETE), words.count(texts.COMPLETE_LINE, planned)
    gaps = [
        words.count(sentence, count)
        for sentence, count in (
            (texts.MISSING_CELLS, cells.missing),
            (texts.FAILED_CELLS, cells.failed),
        )
        if count
    ]
    title = texts.IN_PROGRESS if at_work else texts.INCOMPLETE
    line = texts.IN_PROGRESS_LINE if at_work else texts.INCOMPLETE_LINE
    what = ", ".join(gaps) or words(texts.NOTHING_YET)
    return "warn", words(title, what=what), words(line, answered=answered, planned=planned)


def cards(report: Report, words: Language) -> Markup:
    """Return the headline figures."""
    return element(
        "dl",
        *_coverage_cards(report, words),
        *_delivery_cards(report.delivery, words),
        _last_run(report, words),
        class_="cards",
    )


def _coverage_cards(report: Report, words: Language) -> tuple[Markup, Markup]:
    cells = report.coverage.total
    answered, planned = cells.data + cells.empty, sum(_counts(cells))
    lacking = report.coverage.companies_with_gaps
    note = words.count(texts.CARD_GAPS_NOTE, lacking) if lacking else words(texts.CARD_NO_GAPS)
    return (
        _card(
            words(texts.CARD_COVERAGE),
            words.share(answered, planned),
            words(texts.CARD_COVERAGE_NOTE, answered=answered, planned=planned),
        ),
        _card(
            words(texts.CARD_GAPS),
            f"{words.number(cells.missing)} · {words.number(cells.failed)}",
            note,
            kind="alarm" if cells.missing + cells.failed else "",
        ),
    )


def _delivery_cards(delivery: Delivery, words: Language) -> tuple[Markup, ...]:
    share = words(texts.CARD_OF_TOTAL, share=words.share(delivery.sended, delivery.total))
    fails = words(texts.CARD_FAILS_NOTE, n=delivery.fails, total=delivery.total)
    none = words(texts.CARD_NONE)
    received = texts.CARD_RECEIVED_NOTE if delivery.sended else texts.CARD_NONE_SENT
    return (
        _card("total", words.number(delivery.total), words(texts.CARD_TOTAL_NOTE)),
        _card("sended", words.number(delivery.sended), share if delivery.total else none),
        _card("fails", words.share(delivery.fails, delivery.total), fails),
        _card(
            words(texts.CARD_RECEIVED),
            words.share(delivery.received, delivery.sended),
            words(received, n=delivery.received),
        ),
    )


def _last_run(report: Report, words: Language) -> Markup | None:
    run = newest_run(report)
    if run is None:
        return None
    at = run.ended_at or run.started_at
    return _card(words(texts.CARD_ENDED), end_text(run, words), words.moment(at), kind="words")


def _card(name: str, value: str, remark: str, *, kind: str = "") -> Markup:
    return element(
        "div",
        element("dt", name),
        element("dd", value, class_="value", style=f"--characters:{len(value)}"),
        element("dd", remark, class_="note"),
        class_=f"card {kind}".rstrip(),
    )


def _counts(cells: Tile) -> tuple[int, ...]:
    return cells.data, cells.empty, cells.failed, cells.missing


def _is_odd(quality: Quality) -> bool:
    return bool(
        quality.unbalanced or quality.same_everywhere or quality.empty_everywhere or quality.remarks
    )
