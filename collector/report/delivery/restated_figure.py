"""The figures of restated cells: by window, and by how much each count moved."""

from collections.abc import Sequence
from typing import Final

from collector.report.delivery import texts
from collector.report.delivery.model import CountMovement, RestatedWindow
from collector.report.figure import (
    Figure,
    Json,
    axis,
    category_axis,
    drawable,
    end_labels,
    frame,
    room_for_ends,
    row_axis,
    thinned,
)
from collector.report.language import Language, Text
from collector.report.palette import variable
from collector.report.untrusted import cut, plain

__all__ = ["DRAWN", "movements", "restated_share", "restated_windows"]


DRAWN: Final = 12
"""Counters and actions whose movements are drawn, at most."""


def restated_windows(windows: Sequence[RestatedWindow], words: Language) -> Figure | None:
    """Return the share of restated cells by window as columns; None for fewer than two."""
    if len(windows) <= 1:
        return None
    labels = [words.days(one.from_date, one.until_date) for one in windows]
    data = [
        {
            "type": "bar",
            "x": labels,
            "y": [100 * one.restated / one.cells if one.cells else 0 for one in windows],
            "width": min(0.75, max(0.15, len(windows) / 16)),
            "marker": {"color": variable("pressed")},
            "hoverinfo": "text",
            "hovertext": [
                f"{label}<br>{restated_share(one.restated, one.cells, words)}"
                for label, one in zip(labels, windows, strict=True)
            ],
        }
    ]
    layout = frame(
        words,
        240,
        xaxis=category_axis(labels),
        yaxis=axis(ticksuffix=" %", nticks=5),
        meta=thinned(),
    )
    return Figure("restated", data, layout)


def movements(moved: Sequence[CountMovement], words: Language) -> Figure | None:
    """Return by how much each count rose and fell, to both sides of zero; None without any."""
    drawn = sorted(
        (one for one in moved if one.rose or one.fell), key=lambda one: -max(one.rose, one.fell)
    )[:DRAWN]
    if not drawn:
        return None
    rose, fell = max(one.rose for one in drawn), max(one.fell for one in drawn)
    labels = [cut(plain(one.name), 16) for one in drawn]
    layout = frame(
        words,
        34 * len(drawn) + 60,
        xaxis=axis(
            range=[drawable(-fell), drawable(rose)],
            showticklabels=False,
            showgrid=False,
            zerolinecolor=variable("muted"),
        ),
        yaxis=row_axis(labels),
        barmode="overlay",
        meta=room_for_ends(
            label=max(map(len, labels)),
            before=len(words.signed(-fell)) + 1,
            after=len(words.signed(rose)) + 1,
        ),
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        showlegend=True,
    )
    data = [
        _side(texts.FELL, "fails", [-one.fell for one in drawn], words),
        _side(texts.ROSE, "sended", [one.rose for one in drawn], words),
    ]
    return Figure("movements", data, layout)


def _side(name: Text, colour: str, values: Sequence[int], words: Language) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "name": words(name),
        "x": list(map(drawable, values)),
        "y": list(range(len(values))),
        "width": 0.6,
        "marker": {
            "color": variable(colour),
            "pattern": {
                "shape": "/" if name is texts.FELL else "",
                "fillmode": "overlay",
                "fgcolor": variable("panel"),
                "size": 6,
                "solidity": 0.3,
            },
        },
        **end_labels([words.signed(value) for value in values]),
        "hoverinfo": "skip",
    }


def restated_share(restated: int, cells: int, words: Language) -> str:
    """Return how many of some cells were restated."""
    share = words.share(restated, cells)
    return words.count(texts.RESTATED_SUMMARY, cells, restated=restated, share=share)
