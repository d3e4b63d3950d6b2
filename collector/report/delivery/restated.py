"""The section about restated cells: which answers had changed when they were asked for again."""

from collections.abc import Iterator

from collector.report import texts as page_texts
from collector.report.delivery import texts
from collector.report.delivery.model import CountMovement, Restatements
from collector.report.delivery.restated_figure import (
    DRAWN,
    movements,
    restated_share,
    restated_windows,
)
from collector.report.delivery.sums import action
from collector.report.figure import Figure
from collector.report.html import Markup, company, element, joined, prose, untrusted
from collector.report.language import Language
from collector.report.section import Section, details, note, numbers, picture, row, section, table
from collector.report.untrusted import cut, isolated, plain

__all__ = ["restated_section"]


def restated_section(restated: Restatements | None, words: Language) -> Section:
    """Return which cells had changed when they were asked for again; None for a single run."""
    if restated is None or restated.cells == 0:
        reason = texts.RESTATED_ONE_RUN if restated is None else texts.RESTATED_APART
        html = section("restated", words(texts.RESTATED_HEADING), note(words(reason)))
        return Section("restated", texts.RESTATED_HEADING, html)
    # Columns of zeros show nothing.
    is_drawn = restated.restated > 0
    windows = restated_windows(restated.windows, words) if is_drawn else None
    moved = movements(restated.movements, words) if is_drawn else None
    summary = restated_share(restated.restated, restated.cells, words)
    if not restated.restated:
        summary = f"{summary} {words(texts.RESTATED_NONE)}"
    html = section(
        "restated",
        words(texts.RESTATED_HEADING),
        element("p", summary, class_="summary"),
        *(_windows_part(restated, windows, words) if is_drawn else ()),
        *(_movements_part(restated, moved, words) if is_drawn else ()),
    )
    return Section("restated", texts.RESTATED_HEADING, html)


def _windows_part(
    restated: Restatements, figure: Figure | None, words: Language
) -> Iterator[Markup]:
    yield element("h3", words(texts.RESTATED_WINDOWS))
    yield picture(figure, _windows_summary(restated, words))
    shown = len(restated.windows)
    if restated.all_windows > shown:
        yield note(words(texts.RESTATED_NEWEST, shown=shown, n=restated.all_windows))
    yield details(words, _windows_table(restated, words), rows=shown)


def _windows_summary(restated: Restatements, words: Language) -> str:
    most = restated.highest
    if restated.all_windows <= 1 or most is None:
        return words(texts.RESTATED_ONE_WINDOW)
    return words(
        texts.RESTATED_WINDOWS_SUMMARY,
        share=words.share(most.restated, most.cells),
        days=words.days(most.from_date, most.until_date),
    )


def _windows_table(restated: Restatements, words: Language) -> Markup:
    """Return how many cells of each window were restated."""
    rows = (
        row(
            prose(words.days(one.from_date, one.until_date)),
            *numbers((one.cells, one.restated), words),
            words.share(one.restated, one.cells),
        )
        for one in restated.windows
    )
    heads = (page_texts.WINDOW, texts.COMPARED, texts.RESTATED, texts.RESTATED_SHARE)
    return table(words(texts.RESTATED_WINDOWS), list(map(words, heads)), rows)


def _movements_part(
    restated: Restatements, figure: Figure | None, words: Language
) -> Iterator[Markup]:
    yield element("h3", words(texts.MOVEMENTS))
    yield picture(figure, _movements_summary(restated, words))
    if restated.movements:
        yield details(words, _movements_table(restated, words), rows=len(restated.movements))
    if restated.examples:
        examples = _examples_table(restated, words)
        yield details(words, examples, rows=len(restated.examples), label=texts.EXAMPLES)


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


def _movements_table(restated: Restatements, words: Language) -> Markup:
    """Return by how much each count rose and fell."""
    rows = (
        row(_name(moved, words), *numbers((moved.rose, moved.fell), words))
        for moved in restated.movements
    )
    heads = (texts.COUNTER, texts.ROSE, texts.FELL)
    return table(words(texts.MOVEMENTS), list(map(words, heads)), rows)


def _examples_table(restated: Restatements, words: Language) -> Markup:
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


def _name(moved: CountMovement, words: Language) -> Markup:
    return action(moved.name, words) if moved.is_action else untrusted(moved.name)


def _moved(moved: CountMovement, words: Language) -> tuple[Markup, str]:
    signed = (words.signed(moved.rose), words.signed(-moved.fell))
    return _name(moved, words), " ".join(("", *filter(None, signed)))
