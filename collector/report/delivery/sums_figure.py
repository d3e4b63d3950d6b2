"""The figures of sums: all counters as a funnel, and the companies that fail most."""

from collections.abc import Sequence
from typing import Final

from collector.report import axis_texts
from collector.report.delivery import texts
from collector.report.delivery.model import (
    FAILS,
    PENDING,
    PRESSED,
    RECEIVED,
    SENDED,
    TOTAL,
    CompanyShare,
    Delivery,
)
from collector.report.figure import (
    Figure,
    Frame,
    Json,
    Label,
    Screen,
    Spot,
    boxes,
    drawable,
    figure,
    rules,
    spots,
    texts_at,
    view,
    width_of,
)
from collector.report.language import Language
from collector.report.palette import variable
from collector.report.untrusted import company_text, cut, isolated

__all__ = ["failing", "funnel"]

_STAGES: Final = (TOTAL, SENDED, FAILS, PENDING, RECEIVED, PRESSED)
_STAGE: Final = 48
_APART: Final = 4
"""The first of the stages that are actions, and apart from those that add up to total."""

_ROW: Final = 26
_HEAD: Final = 26
"""Pixels above the rows, for the title of the axis."""


def funnel(delivery: Delivery, words: Language) -> Figure | None:
    """Return the counters as bars with their shares of total; None when all are zero.

    Bars, and not a funnel that narrows: the API counts actions apart from sent notifications, so
    each stage may be longer than the stage before it.
    """
    counts = [one.of(delivery) for one in _STAGES]
    if max(counts) <= 0:
        return None
    return figure("funnel", words, lambda screen: _funnel(counts, words, screen))


def _funnel(counts: Sequence[int], words: Language, screen: Screen) -> Json:
    names = [words(one.name) for one in _STAGES]
    shares = [words.share(count, counts[0]) for count in counts]
    numbers = [words.number(count) for count in counts]
    left = min(max(map(width_of, [*names, *numbers])) + 20, screen.width // 2)
    right = min(max(map(width_of, shares)) + 20, screen.width // 3)
    frame = Frame(screen, _HEAD + _STAGE * len(counts) + 12, left, right, 4, 4)
    most = drawable(max(counts))
    labels = [Label(2 - left, 10, words(axis_texts.OF_TOTAL))]
    bars = []
    for place, (stage, count) in enumerate(zip(_STAGES, counts, strict=True)):
        y = _HEAD + _STAGE * place + (12 if place >= _APART else 0)
        end = frame.width * max(0.0, drawable(count)) / most
        labels += [
            Label(-10, y + 14, names[place], "right", "ink", bold=True),
            Label(-10, y + 30, numbers[place], "right", "ink"),
            Label(end + 8, y + 22, shares[place], "left", "ink", size=13),
        ]
        bars.append(boxes([(0, end, y + 6, y + 38)], fill=variable(stage.colour)))
    divider = _HEAD + _STAGE * _APART + 6
    return view(
        frame,
        [
            rules([(0, _HEAD, 0, frame.height)], color=variable("muted")),
            rules(
                [(-left, divider, frame.width + right, divider)],
                color=variable("line"),
                strokeDash=[2, 3],
            ),
            *bars,
            *texts_at(labels),
        ],
    )


def failing(companies: Sequence[CompanyShare], words: Language) -> Figure | None:
    """Return the share of fails of each company as bars, in their order; None without any."""
    if not companies:
        return None
    return figure("failing", words, lambda screen: _failing(companies, words, screen))


def _failing(companies: Sequence[CompanyShare], words: Language, screen: Screen) -> Json:
    columns = 18 if screen.is_narrow else 30
    names = [isolated(cut(company_text(one.company), columns)) for one in companies]
    left = min(max(map(width_of, names)) + 14, screen.width // 2)
    frame = Frame(screen, _HEAD + _ROW * len(companies), left, 64, 4, 26)
    shares = [100 * one.fails / one.total for one in companies]
    most = max(shares)
    labels = [Label(2 - left, 10, words(axis_texts.FAILS))]
    bars, rows = [], []
    for place, (one, share) in enumerate(zip(companies, shares, strict=True)):
        y = _HEAD + _ROW * place
        end = frame.width * share / most
        bars.append((0.0, end, y + 5.0, y + 21.0))
        labels += [
            Label(-10, y + 13, names[place], "right", "ink"),
            Label(end + 8, y + 13, words.share(one.fails, one.total), "left", "ink"),
        ]
        rows.append(Spot(-left, frame.width + 64, y, y + _ROW, _fails(one, words)))
    return view(
        frame,
        [boxes(bars, fill=variable("fails")), *texts_at(labels), spots(rows)],
    )


def _fails(one: CompanyShare, words: Language) -> str:
    name = isolated(cut(company_text(one.company), 60))
    counts = words(texts.FAILING_HOVER, fails=one.fails, total=one.total)
    return f"{name}\n{counts} ({words.share(one.fails, one.total)})"
