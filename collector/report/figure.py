"""The parts of every figure: fonts, backgrounds, axes, panels one above the other.

Figures are plain JSON for plotly, made from the values of a report alone. A colour is a reference
such as `var(--sended)`; page.js replaces it by the colour of the light or dark palette. All
untrusted text passes `untrusted.figure_text`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collector.report.language import Language
from collector.report.palette import variable
from collector.report.untrusted import figure_text

__all__ = [
    "CHARACTER",
    "Figure",
    "Json",
    "axis",
    "category_axis",
    "drawable",
    "end_labels",
    "frame",
    "on_panel",
    "panels",
    "points",
    "room_for_ends",
    "row_axis",
    "thinned",
]

Json = Mapping[str, object]

_FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

CHARACTER: Final = 7.0
"""Pixels per character of a label, about."""

_LABEL: Final = 84
"""Pixels per date on an axis, with the space beside it; page.js leaves out what does not fit."""

_FOOT: Final = 56
"""Pixels for the labels under the lowest panel, and for the margins."""

_HEAD: Final = 46
"""Pixels for the legend of a panel, which has two lines on a phone."""

_TITLE: Final = 16
"""Pixels for the title of a panel."""

_GAP: Final = 12
"""Pixels between a panel and the legend of the next one."""

_MOST: Final = 10**18
"""The largest count that is drawn: more than is ever sent, and within JSON numbers."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its name in the page, its traces, its layout; the height is in the layout."""

    name: str
    data: Sequence[Json]
    layout: Json

    @property
    def height(self) -> int:
        """Pixels."""
        height = self.layout["height"]
        assert isinstance(height, int)  # noqa: S101 - set by `frame`
        return height

    def as_json(self) -> Json:
        """Return what page.js passes to plotly."""
        return {"data": self.data, "layout": self.layout}


def frame(words: Language, height: int, **more: object) -> Json:
    """Return a layout without axes; plotly ignores dragging, so that a phone can scroll."""
    ground = variable("panel")
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        "paper_bgcolor": ground,
        "plot_bgcolor": ground,
        "font": {"family": _FONT, "size": 12, "color": variable("ink")},
        "hoverlabel": {
            "align": "left",
            "bgcolor": ground,
            "bordercolor": variable("muted"),
            "font": {"color": variable("ink"), "family": _FONT},
            "namelength": -1,
        },
        "separators": words.separators,
        "dragmode": False,
        "showlegend": False,
        **more,
    }


def axis(**more: object) -> Json:
    """Return an axis of thin lines, from zero, with margins that fit its labels."""
    return {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": variable("line"),
        "linecolor": variable("muted"),
        "showline": False,
        "ticks": "",
        "zerolinecolor": variable("line"),
        "tickfont": {"color": variable("muted")},
        "exponentformat": "none",
        "separatethousands": True,
        "rangemode": "tozero",
        **more,
    }


def row_axis(labels: Sequence[str]) -> Json:
    """Return a y axis of rows from top to bottom, one per label; labels are not escaped yet."""
    return axis(
        **points([figure_text(label) for label in labels]),
        range=[len(labels) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        tickfont={"color": variable("ink")},
    )


def end_labels(labels: Sequence[str], **font: object) -> Json:
    """Return the properties of bars that have a label at each end."""
    return {
        "text": labels,
        "textposition": "outside",
        "textfont": {"color": variable("ink"), **font},
        "cliponaxis": False,
    }


def room_for_ends(*, label: int, before: int = 0, after: int) -> Json:
    """Return the `meta` by which page.js keeps room for the texts at the ends of bars.

    All are characters at most: of the label of a row, before the left ends, after the right ones.
    """
    pixels = {"left": label, "before": before, "after": after}
    return {"ends": {name: round(CHARACTER * count) for name, count in pixels.items()}}


def drawable(count: int) -> float:
    """Return a count within the range of JSON and plotly; an answer may hold any integer."""
    return float(max(-_MOST, min(count, _MOST)))


def points(labels: Sequence[str]) -> Json:
    """Return ticks at 0, 1, 2... with these labels, which are escaped already."""
    return {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": list(labels)}


def category_axis(labels: Sequence[str], **more: object) -> Json:
    """Return an axis of spans with horizontal labels; of a dated one, its first day."""
    return axis(
        type="category",
        tickmode="array",
        tickvals=list(labels),
        ticktext=[label[:10] if label[:1].isdigit() else label for label in labels],
        tickangle=0,
        showgrid=False,
        showline=True,
        **more,
    )


def thinned() -> Json:
    """Return the `meta` by which page.js leaves out labels of the x axis that do not fit."""
    return {"label": _LABEL}


def on_panel(number: int) -> Json:
    """Return the properties of a trace on a panel, counted from 1."""
    suffix = "" if number == 1 else str(number)
    return {"yaxis": f"y{suffix}", "legend": f"legend{suffix}"}


def panels(heights: Sequence[int], titles: Sequence[str]) -> tuple[int, Json]:
    """Return the height of a figure, and its y axes with their legends, from top to bottom.

    `heights` are the pixels of each panel. A panel has a legend above it, and a title unless that
    is "".
    """
    heads = [_HEAD + (_TITLE if title else 0) for title in titles]
    inner = sum(heights) + sum(heads) + _GAP * (len(heights) - 1)
    parts: dict[str, object] = {}
    annotations = []
    top = inner
    for number, (height, head, title) in enumerate(
        zip(heights, heads, titles, strict=True), start=1
    ):
        suffix = "" if number == 1 else str(number)
        top -= _GAP if number > 1 else 0
        domain = [max(0.0, (top - head - height) / inner), (top - head) / inner]
        parts[f"yaxis{suffix}"] = axis(domain=domain, nticks=5)
        parts[f"legend{suffix}"] = _legend(domain[1])
        annotations += [_title(title, top / inner)] if title else []
        top -= head + height
    return inner + _FOOT, {**parts, "annotations": annotations}


def _legend(y: float) -> Json:
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": y,
        "yanchor": "bottom",
        "bgcolor": "rgba(0,0,0,0)",
        "itemwidth": 32,
        "font": {"color": variable("ink")},
    }


def _title(text: str, y: float) -> Json:
    return {
        "text": text,
        "x": 0,
        "xanchor": "left",
        "xref": "paper",
        "y": y,
        "yanchor": "top",
        "yref": "paper",
        "showarrow": False,
        "font": {"color": variable("muted"), "size": 11},
    }
