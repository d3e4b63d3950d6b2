from dataclasses import replace

from collector.report.coverage.figure import heat_map
from collector.report.coverage.model import CompanyGroup
from collector.report.language import Lang, Language
from collector.report.model import Company, Tile
from collector.report.untrusted import company_text
from tests.report import sample
from tests.report.shown import layout, trace

_WORDS = Language(Lang.EN)

_LARGE, _SMALL = sample.large(), sample.small()


def test_marks_say_the_worst_and_how_much() -> None:
    """On each tile that lacks answers, in the colour that stands out from its fill."""
    tiles = (
        Tile(0, 0, 0, 4),
        Tile(75, 0, 24, 1),
        Tile(999, 0, 0, 1),
        *_LARGE.coverage.tiles[0][3:],
    )
    coverage = replace(_LARGE.coverage, tiles=(tiles,) * 50)
    marks = trace(heat_map(coverage, _WORDS, "coverage", 20), 3)
    assert marks["marker"]["symbol"] == "x"
    assert marks["x"][:3] == [0, 1, 2]
    assert marks["marker"]["size"][:3] == [1.0, 0.75, 0.3]
    assert marks["marker"]["color"][:3] == [
        f"var(--mark-{one})" for one in ("most", "many", "data")
    ]
    single = trace(heat_map(_SMALL.coverage, _WORDS, "coverage", 20), 2)
    assert (single["x"], single["y"], single["marker"]["size"]) == ([2], [1], [1.0])


def test_hover_text_has_the_counts_and_no_markup_of_others() -> None:
    """Of many cells how many are in each state; of one, which state."""
    hover = trace(heat_map(_LARGE.coverage, _WORDS, "coverage", 20))["hovertext"]
    assert hover[45][30] == (
        "40 companies, 2800 \N{EN DASH} 2839<br>7 windows, 2025-07-28 \N{EN DASH} 2025-08-03<br>"
        "missing: 280 of 280"
    )
    hover = trace(heat_map(_SMALL.coverage, _WORDS, "coverage", 20))["hovertext"]
    assert hover[0][0] == "<b>0 &lt;script&gt;alert(1)&lt;/script&gt;</b><br>2026-01-01<br>data"
    assert hover[4][6].endswith("nothing planned")


def test_a_row_is_called_by_its_company_or_by_both_ends() -> None:
    """Names are for people: between the ends of many companies there is no room for them."""
    first, last = Company("1", "One <&>"), Company("identifier-of-40", "Forty")
    assert company_text(first) == "1 One <&>"
    one, many = CompanyGroup(first, first, 1), CompanyGroup(first, last, 40)
    coverage = replace(
        _SMALL.coverage, groups=(one, many), tiles=_SMALL.coverage.tiles[:2], gaps=()
    )
    labels = layout(heat_map(coverage, _WORDS, "coverage", 20))["yaxis"]["ticktext"]
    assert labels == ["1 One &lt;&amp;&gt;", "1 \N{EN DASH} identif…"]
