"""The pictures as plotly reads them: plain JSON, built from the model alone.

A colour is the name of one, such as `var(--sended)`: page.js puts in the colour of the surroundings
that the page is shown in. All untrusted text passes `untrusted.figure_text`.
"""

from collector.report.figures.counters import COUNTERS, PRESSED, RECEIVED
from collector.report.figures.coverage_map import (
    STATE_NAMES,
    heat_map,
    is_single,
    narrowed,
    state_of,
)
from collector.report.figures.delivery import failing, funnel
from collector.report.figures.over_time import (
    comparable,
    lacking,
    length,
    over_time,
    shows_per_day,
)
from collector.report.figures.parts import Figure
from collector.report.figures.runs import DRAWN_MOVEMENTS, behaviour, movements, restated_windows

__all__ = [
    "COUNTERS",
    "DRAWN_MOVEMENTS",
    "PRESSED",
    "RECEIVED",
    "STATE_NAMES",
    "Figure",
    "behaviour",
    "comparable",
    "failing",
    "funnel",
    "heat_map",
    "is_single",
    "lacking",
    "length",
    "movements",
    "narrowed",
    "over_time",
    "restated_windows",
    "shows_per_day",
    "state_of",
]
