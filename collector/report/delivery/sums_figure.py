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
    Screen,
    drawable,
    figure,
    number_axis,
    view,
)
from collector.report.language import Language
from collector.report.layers import Box, Label, Rule, Spot, boxes, pixels, rules, spots, texts_at
from collector.report.palette import variable
from collector.report.svg import Json
from collector.report.text_width import width_of
from collector.report.untrusted import company_text, cut, isolated

__all__ = ["failing", "funnel"]

_STAGES: Final = (TOTAL, SENDED, FAILS, PENDING, RECEIVED, PRESSED)
_STAGE: Final = 48
_APART: Final = 4
"""The first of the stages that are actions, and apart from those that add up to total."""

_ROW: Final = 26
_HEAD: Final = 26
"""Pixels above the rows, for the title of the axis."""

_OVERALL: Final = 20
"""Pixels above the rows, for the text at the line of all companies."""

_SHARE: Final = 64
"""Pixels on the right of the bars, for their shares, at least."""


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
    rows = []
    for place, (stage, count) in enumerate(zip(_STAGES, counts, strict=True)):
        y = _HEAD + _STAGE * place + (12 if place >= _APART else 0)
        end = frame.width * max(0.0, drawable(count)) / most
        labels += [
            Label(-10, y + 14, names[place], "right", "ink", bold=True),
            Label(-10, y + 30, numbers[place], "right", "ink"),
            Label(end + 8, y + 22, shares[place], "left", "ink", size=13),
        ]
        bars.append(Box(0, end, y + 6, y + 38, stage.colour))
        tip = f"{names[place]}: {numbers[place]} ({shares[place]})"
        rows.append(Spot(-left, frame.width + right, y, y + _STAGE - 4, tip))
    divider = _HEAD + _STAGE * _APART + 6
    return view(
        frame,
        [
            rules(
                [
                    Rule(0, _HEAD, 0, frame.height, "muted"),
                    Rule(-left, divider, frame.width + right, divider, "line", dash=[2, 3]),
                ]
            ),
            boxes(bars),
            *texts_at(labels),
            spots(rows),
        ],
    )


def failing(companies: Sequence[CompanyShare], overall: Delivery, words: Language) -> Figure | None:
    """Return the share of fails of each company as bars, in their order; None without any.

    Each bar has the 95 % interval of its share; a line is at the share of all companies, of
    which `overall` are the sums.
    """
    if not companies:
        return None
    return figure("failing", words, lambda screen: _failing(companies, overall, words, screen))


def _failing(
    companies: Sequence[CompanyShare], overall: Delivery, words: Language, screen: Screen
) -> Json:
    columns = 16 if screen.is_narrow else 30
    names = [isolated(cut(company_text(one.company), columns)) for one in companies]
    left = min(max(map(width_of, names)) + 14, screen.width // 2)
    shares = [words.share(one.fails, one.total) for one in companies]
    right = min(max(_SHARE, *(width_of(text) + 12 for text in shares)), screen.width // 3)
    frame = Frame(screen, _HEAD + _OVERALL + _ROW * len(companies), left, right, 4, 24)
    share = overall.fails / overall.total if overall.total > 0 else None
    most = max(*(max(one.share, one.interval[1]) for one in companies), share or 0)
    scale = frame.width / most
    labels = [Label(2 - left, 10, words(axis_texts.FAILS))]
    bars: list[Json] = []
    lines: list[Rule] = []
    rows: list[Spot] = []
    if share is not None:
        x = scale * share
        lines.append(Rule(x, _HEAD + 12, x, frame.height, "ink", 1.5, [4, 3]))
        labels.append(_overall(overall, x, frame, words))
    for place, one in enumerate(companies):
        y = _HEAD + _OVERALL + _ROW * place
        low, high = (scale * end for end in one.interval)
        bars.append({"x": 0, "x2": 100 * one.share, "y": y + 5, "y2": y + 21})
        lines.append(Rule(low, y + 13, high, y + 13, "ink", 1.2))
        lines += [Rule(end, y + 9, end, y + 17, "ink", 1.2) for end in (low, high)]
        labels += [
            Label(-10, y + 13, names[place], "right", "ink"),
            Label(
                max(high, scale * one.share) + 8,
                y + 13,
                shares[place],
                "left",
                "ink",
            ),
        ]
        rows.append(Spot(-left, frame.width + right, y, y + _ROW, _fails(one, words)))
    return view(
        frame,
        [
            _bars(bars, 100 * most),
            rules(lines),
            *texts_at(labels),
            spots(rows),
        ],
    )


def _bars(bars: Sequence[Json], most: float) -> Json:
    """Return bars on an axis from 0 to `most` per cent."""
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, most], "nice": False},
        "axis": number_axis(most),
    }
    return {
        "data": {"values": bars},
        "mark": {"type": "rect", "fill": variable("fails")},
        "encoding": {"x": x, "x2": {"field": "x2"}, "y": pixels("y"), "y2": {"field": "y2"}},
    }


def _overall(overall: Delivery, x: float, frame: Frame, words: Language) -> Label:
    """Return the text at the line of all companies, on its left if its right lacks the room."""
    share = words(axis_texts.OVERALL, share=words.share(*FAILS.part(overall)))
    width = width_of(share)
    if x + width <= frame.width + frame.right:
        return Label(x, _HEAD + 5, share, "left", "ink")
    return Label(max(x, width - frame.left), _HEAD + 5, share, "right", "ink")


def _fails(one: CompanyShare, words: Language) -> str:
    name = isolated(cut(company_text(one.company), 60))
    counts = words(texts.FAILING_HOVER, fails=one.fails, total=one.total)
    low, high = words.interval(*one.interval)
    interval = words(axis_texts.INTERVAL, low=low, high=high)
    return f"{name}\n{counts} ({words.share(one.fails, one.total)})\n{interval}"
