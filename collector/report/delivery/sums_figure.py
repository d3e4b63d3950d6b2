"""The figures of sums: all counters as a funnel, and the companies that fail most."""

from collections.abc import Sequence
from typing import Final

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
    Json,
    axis,
    drawable,
    end_labels,
    frame,
    room_for_ends,
    row_axis,
)
from collector.report.language import Language
from collector.report.palette import variable
from collector.report.untrusted import company_text, cut, figure_text

__all__ = ["failing", "funnel"]


_STAGES: Final = (TOTAL, SENDED, FAILS, PENDING, RECEIVED, PRESSED)


_PLACES: Final = [0.0, 1.0, 2.0, 3.0, 4.6, 5.6]
"""Actions are apart from the counters that add up to total."""


def funnel(delivery: Delivery, words: Language) -> Figure | None:
    """Return the counters as bars with their shares of total; None when all are zero.

    Bars, and not a funnel that narrows: the API counts actions apart from sent notifications, so
    each stage may be longer than the stage before it.
    """
    stages = [(words(one.name), one.of(delivery)) for one in _STAGES]
    most = max(count for _, count in stages)
    if most == 0:
        return None
    labels = [f"<b>{name}</b><br>{words.number(count)}" for name, count in stages]
    shares = [words.share(count, delivery.total) for _, count in stages]
    layout = frame(
        words,
        340,
        xaxis=axis(range=[0, drawable(most)], showticklabels=False, showgrid=False, zeroline=False),
        yaxis=axis(
            tickmode="array",
            tickvals=_PLACES,
            ticktext=labels,
            range=[6.2, -0.6],
            tickfont={"color": variable("ink"), "size": 12},
            showgrid=False,
            zeroline=False,
        ),
        shapes=[_divider(3.8)],
        meta=room_for_ends(
            label=max(len(words.number(count)) for _, count in stages),
            after=max(map(len, shares)) + 2,
        ),
    )
    return Figure("funnel", [_stages([count for _, count in stages], shares)], layout)


def failing(companies: Sequence[CompanyShare], words: Language) -> Figure | None:
    """Return the share of fails of each company as bars, in their order; None without any."""
    if not companies:
        return None
    shares = [100 * one.fails / one.total for one in companies]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": shares,
            "y": list(range(len(companies))),
            "width": 0.68,
            "marker": {"color": variable("fails")},
            **end_labels([words.share(one.fails, one.total) for one in companies]),
            "hoverinfo": "text",
            "hovertext": [_fails(one, words) for one in companies],
        }
    ]
    labels = [cut(company_text(one.company), 22) for one in companies]
    layout = frame(
        words,
        26 * len(companies) + 32,
        xaxis=axis(range=[0, max(shares)], showticklabels=False, showgrid=False),
        yaxis=row_axis(labels),
        meta=room_for_ends(label=max(map(len, labels)), after=9),
    )
    return Figure("failing", data, layout)


def _stages(counts: Sequence[int], shares: Sequence[str]) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(map(drawable, counts)),
        "y": _PLACES,
        "width": 0.62,
        "marker": {"color": [variable(stage.colour) for stage in _STAGES]},
        **end_labels(shares, size=13),
        "hoverinfo": "skip",
    }


def _divider(y: float) -> Json:
    line = {"color": variable("line"), "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _fails(one: CompanyShare, words: Language) -> str:
    name = figure_text(cut(company_text(one.company), 60))
    counts = words(texts.FAILING_HOVER, fails=one.fails, total=one.total)
    return f"<b>{name}</b><br>{counts} ({words.share(one.fails, one.total)})"
