import plotly.graph_objects as go
import pytest

from collector.report.coverage.figure import heat_map
from collector.report.coverage.model import narrowed
from collector.report.delivery.model import CountMovement
from collector.report.delivery.over_time_figure import over_time
from collector.report.delivery.restated_figure import movements, restated_windows
from collector.report.delivery.sums_figure import failing, funnel
from collector.report.figure import Figure
from collector.report.language import Lang, Language
from collector.report.report import Report
from collector.report.runs.behaviour_figure import behaviour
from collector.report.runs.model import Behaviour
from tests.report import sample

_WORDS = Language(Lang.EN)

_LARGE, _SMALL, _BARE = sample.large(), sample.small(), sample.bare()


def _all(report: Report) -> list[Figure]:
    restated = report.restated
    found = [
        heat_map(report.coverage, _WORDS, "coverage", 20),
        heat_map(narrowed(report.coverage, 36), _WORDS, "coverage-narrow", 12),
        funnel(report.delivery, _WORDS),
        over_time(report.over_time, report.coverage.by_span, _WORDS)[0],
        failing(report.failing, _WORDS),
        *(behaviour(run, _WORDS, "behaviour") for run in report.behaviour),
        restated_windows(restated.windows, _WORDS) if restated else None,
        movements(restated.movements, _WORDS) if restated else None,
    ]
    return [figure for figure in found if figure]


@pytest.mark.parametrize("report", [_LARGE, _SMALL], ids=["large", "small"])
def test_plotly_knows_every_property(report: Report) -> None:
    """Its Python half checks names and values; `meta` is our own."""
    for figure in _all(report):
        go.Figure(figure.as_json())
        assert figure.height > 100


def test_what_cannot_be_drawn_is_none() -> None:
    """Zeros, one window, no fails, one interval, nothing that moved."""
    first = _LARGE.behaviour[0].intervals[0]
    assert funnel(_BARE.delivery, _WORDS) is None
    assert over_time(_BARE.over_time, _BARE.coverage.by_span, _WORDS) == (None, False)
    assert over_time((), _BARE.coverage.by_span, _WORDS) == (None, False)
    assert failing((), _WORDS) is None
    assert behaviour(Behaviour("x", (first,)), _WORDS, "behaviour") is None
    assert restated_windows((), _WORDS) is None
    assert movements((CountMovement("total", is_action=False, rose=0, fell=0),), _WORDS) is None
