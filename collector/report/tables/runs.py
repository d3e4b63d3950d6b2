"""The tables behind the pictures of runs."""

from typing import Final

from collector.report.html import Markup, company, element, joined, prose, untrusted
from collector.report.language import Language
from collector.report.model import Behaviour, CountMovement, Restatements
from collector.report.tables.parts import action, numbers, row, table
from collector.report.texts import delivery as delivery_texts
from collector.report.texts import page as page_texts
from collector.report.texts import runs as texts

__all__ = ["SHOWN_INTERVALS", "intervals", "moved_cells", "movements", "restated_windows"]

SHOWN_INTERVALS: Final = 200
"""Lines of the table of intervals: who wants more reads the run's own files."""


def restated_windows(restated: Restatements, words: Language) -> Markup:
    """Return how many cells of each window moved."""
    rows = (
        row(
            prose(words.days(one.from_date, one.until_date)),
            *numbers((one.cells, one.restated), words),
            words.share(one.restated, one.cells),
        )
        for one in restated.windows
    )
    heads = (texts.COMPARED, texts.RESTATED, texts.SHARE)
    head = words(page_texts.WINDOW)
    return table(words(texts.RESTATED_WINDOWS), [head, *map(words, heads)], rows)


def movements(restated: Restatements, words: Language) -> Markup:
    """Return by how much each count rose and fell."""
    rows = (
        row(
            _name(moved, words),
            *numbers((moved.rose, moved.fell), words),
        )
        for moved in restated.movements
    )
    heads = (delivery_texts.COUNTER, texts.ROSE, texts.FELL)
    return table(words(texts.MOVEMENTS), list(map(words, heads)), rows)


def moved_cells(restated: Restatements, words: Language) -> Markup:
    """Return the cells that moved most, and what rose and fell in each."""
    rows = (
        row(
            company(one.company),
            prose(words.days(one.from_date, one.until_date)),
            joined(element("div", *_moved(moved, words)) for moved in one.movements),
        )
        for one in restated.examples
    )
    heads = (page_texts.COMPANY, page_texts.WINDOW, texts.MOVEMENTS)
    return table(words(texts.EXAMPLES), list(map(words, heads)), rows, text_columns=3, kind="facts")


def intervals(run: Behaviour, words: Language) -> Markup:
    """Return the newest intervals of a run."""
    heads = (
        *(texts.ENDED_AT, texts.SECONDS, texts.SENT, texts.ALLOWED),
        *(texts.REFUSED, texts.RETRIED),
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
        for one in run.intervals[-SHOWN_INTERVALS:]
    )
    return table(words(texts.INTERVALS), [*map(words, heads), "p50", "p90", "p99"], rows)


def _name(moved: CountMovement, words: Language) -> Markup:
    return action(moved.name, words) if moved.is_action else untrusted(moved.name)


def _moved(moved: CountMovement, words: Language) -> tuple[Markup, str]:
    signed = (words.signed(moved.rose), words.signed(-moved.fell))
    return _name(moved, words), " ".join(("", *filter(None, signed)))
