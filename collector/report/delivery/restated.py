"""The section about restated cells: which answers had changed when they were asked for again."""

from dataclasses import dataclass

from collector.report.delivery import texts
from collector.report.delivery.model import Restatements
from collector.report.delivery.restated_figure import (
    DRAWN,
    movements,
    restated_share,
    restated_windows,
)
from collector.report.figure import Figure
from collector.report.language import Language
from collector.report.section import Section
from collector.report.untrusted import cut, isolated, plain

__all__ = ["RestatedView", "restated_section"]


@dataclass(frozen=True, slots=True)
class RestatedView:
    """What is shown of restated cells; `restated` is None for a single run."""

    restated: Restatements | None
    summary: str
    windows: Figure | None = None
    windows_summary: str = ""
    moved: Figure | None = None
    moved_summary: str = ""


def restated_section(restated: Restatements | None, words: Language) -> Section:
    """Return which cells had changed when they were asked for again; None for a single run."""
    return Section("restated", texts.RESTATED_HEADING, texts, _view(restated, words))


def _view(restated: Restatements | None, words: Language) -> RestatedView:
    if restated is None:
        return RestatedView(None, words(texts.RESTATED_ONE_RUN))
    if restated.cells == 0:
        return RestatedView(restated, words(texts.RESTATED_APART))
    summary = restated_share(restated.restated, restated.cells, words)
    if restated.restated == 0:
        # Columns of zeros show nothing.
        return RestatedView(restated, f"{summary} {words(texts.RESTATED_NONE)}")
    return RestatedView(
        restated,
        summary,
        restated_windows(restated.windows, words),
        _windows_summary(restated, words),
        movements(restated.movements, words),
        _movements_summary(restated, words),
    )


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
    if len(moved) <= DRAWN:
        return summary
    return f"{summary} {words(texts.MOVEMENTS_SHOWN, n=DRAWN)}"
