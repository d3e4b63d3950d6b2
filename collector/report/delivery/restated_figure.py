"""The figures of restated cells: by window, and by how much each count moved."""

from collections.abc import Sequence
from typing import Final

from collector.report import axis_texts
from collector.report.delivery import texts
from collector.report.delivery.model import CountMovement, RestatedWindow
from collector.report.figure import (
    FOOT,
    Figure,
    Frame,
    Screen,
    day_axis,
    drawable,
    figure,
    margin,
    number_axis,
    view,
)
from collector.report.language import Language
from collector.report.layers import Box, Label, Rule, Spot, boxes, rules, spots, texts_at
from collector.report.palette import variable
from collector.report.svg import Json
from collector.report.text_width import width_of
from collector.report.untrusted import cut, isolated, plain

__all__ = ["DRAWN", "movements", "restated_share", "restated_windows"]

DRAWN: Final = 12
"""Counters and actions whose movements are drawn, at most."""

_HEAD: Final = 26
_ROW: Final = 30
_HEIGHT: Final = 160
_WIDEST: Final = 60
"""Pixels of a column at most."""


def restated_windows(windows: Sequence[RestatedWindow], words: Language) -> Figure | None:
    """Return the share of restated cells by window as columns; None for fewer than two."""
    if len(windows) <= 1:
        return None
    return figure("restated", words, lambda screen: _windows(windows, words, screen))


def _windows(windows: Sequence[RestatedWindow], words: Language, screen: Screen) -> Json:
    shares = [100 * one.restated / one.cells if one.cells else 0.0 for one in windows]
    most = max(shares) or 1.0
    left, top = margin([most], words), _HEAD
    frame = Frame(screen, top + _HEIGHT, left, 12, 4, FOOT)
    step = frame.width / len(windows)
    width = min(_WIDEST, 0.75 * step)
    columns = {
        "data": {
            "values": [
                {
                    "x": (place + 0.5) * step - width / 2,
                    "x2": (place + 0.5) * step + width / 2,
                    "y": share,
                }
                for place, share in enumerate(shares)
            ]
        },
        "mark": {"type": "rect", "fill": variable("pressed")},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "scale": None, "axis": None},
            "x2": {"field": "x2"},
            "y": {
                "field": "y",
                "type": "quantitative",
                "scale": {
                    "domain": [0, most],
                    "range": [frame.height, top],
                    "nice": 4,
                },
                "axis": number_axis(most),
            },
            "y2": {"datum": 0},
        },
    }
    labels = [
        Label(2 - left, 10, words(axis_texts.RESTATED)),
        *day_axis([(one.from_date, one.until_date) for one in windows], frame, words),
    ]
    tips = [
        Spot(
            place * step,
            (place + 1) * step,
            top,
            frame.height,
            f"{words.days(one.from_date, one.until_date)}\n"
            f"{restated_share(one.restated, one.cells, words)}",
        )
        for place, one in enumerate(windows)
    ]
    return view(frame, [columns, *texts_at(labels), spots(tips)])


def movements(moved: Sequence[CountMovement], words: Language) -> Figure | None:
    """Return by how much each count rose and fell, to both sides of zero; None without any."""
    drawn = sorted(
        (one for one in moved if one.rose or one.fell), key=lambda one: -max(one.rose, one.fell)
    )[:DRAWN]
    if not drawn:
        return None
    return figure("movements", words, lambda screen: _movements(drawn, words, screen))


def _movements(moved: Sequence[CountMovement], words: Language, screen: Screen) -> Json:
    names = [isolated(cut(plain(one.name), 16)) for one in moved]
    rose, fell = max(one.rose for one in moved), max(one.fell for one in moved)
    most = screen.width // 3
    before, after = (min(most, width_of(words.signed(value)) + 10) for value in (-fell, rose))
    left = max(map(width_of, names)) + 12 + before
    frame = Frame(screen, _HEAD + _ROW * len(moved), left, after, 4, 4)
    per_pixel = max(1.0, drawable(rose) + drawable(fell)) / frame.width
    zero = drawable(fell) / per_pixel
    labels = [Label(2 - left, 10, words(axis_texts.MOVED))]
    bars = []
    rows = []
    for place, one in enumerate(moved):
        y = _HEAD + _ROW * place
        start, end = (zero - drawable(one.fell) / per_pixel, zero + drawable(one.rose) / per_pixel)
        bars.append(Box(start, zero, y + 6, y + 24, "fails"))
        bars.append(Box(zero, end, y + 6, y + 24, "sended"))
        labels += [
            Label(-before - 8, y + 15, names[place], "right", "ink"),
            Label(start - 5, y + 15, words.signed(-one.fell), "right", "ink"),
            Label(end + 5, y + 15, words.signed(one.rose), "left", "ink"),
        ]
        rows.append(Spot(-left, frame.width + after, y, y + _ROW, _moved(one, words)))
    return view(
        frame,
        [
            boxes(bars),
            rules([Rule(zero, _HEAD, zero, frame.height, "muted")]),
            *texts_at([label for label in labels if label.text]),
            spots(rows),
        ],
    )


def _moved(one: CountMovement, words: Language) -> str:
    """Return what is said of a counter: its whole name, and by how much it rose and fell."""
    name = isolated(cut(plain(one.name), 60))
    rose, fell = words.number(one.rose), words.number(one.fell)
    return f"{name}\n{words(texts.ROSE)} {rose}\n{words(texts.FELL)} {fell}"


def restated_share(restated: int, cells: int, words: Language) -> str:
    """Return how many of some cells were restated."""
    share = words.share(restated, cells)
    return words.count(texts.RESTATED_SUMMARY, cells, restated=restated, share=share)
