import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from collector.report.coverage.figure import heat_map
from collector.report.coverage.model import CompanyGroup, CoverageMap
from collector.report.language import Lang, Language
from collector.report.model import Company, Tile, WindowSpan
from collector.report.untrusted import company_text
from tests.report import sample
from tests.report.shown import marks, texts, tips

pytestmark = pytest.mark.usefixtures("wide_only")

_WORDS = Language(Lang.EN)

_LARGE, _SMALL = sample.large(), sample.small()


def _wide(coverage: CoverageMap) -> str:
    return heat_map(coverage, coverage, _WORDS).wide


def _of_one_row(*tiles: Tile) -> CoverageMap:
    """Return a map of tiles of many cells side by side."""
    large = _LARGE.coverage
    return replace(
        large, groups=large.groups[:1], spans=large.spans[: len(tiles)], tiles=(tiles,), gaps=()
    )


def _of_columns(columns: int, *tiles: Tile) -> CoverageMap:
    """Return a map of 36 rows of 4 companies, which has these tiles in turn."""
    large = _LARGE.coverage
    days = [date(2026, 1, 1) + timedelta(at) for at in range(columns)]
    return replace(
        large,
        groups=tuple(replace(group, companies=4) for group in large.groups),
        spans=tuple(WindowSpan(day, day, 1, 1) for day in days),
        tiles=tuple(
            tuple(tiles[(row + at) % len(tiles)] for at in range(columns))
            for row in range(len(large.groups))
        ),
        gaps=(),
    )


def test_marks_say_the_worst_and_how_much() -> None:
    """On each tile that lacks answers, in the colour that stands out from its fill."""
    svg = _wide(_of_one_row(Tile(0, 0, 0, 4), Tile(75, 0, 24, 1), Tile(999, 0, 0, 1)))
    fills = [mark.attributes["fill"] for mark in marks(svg) if mark.tip]
    assert fills == [f"var(--cell-{one})" for one in ("most", "many", "data")]
    crosses = [mark.attributes for mark in marks(svg) if not mark.tip and mark.name == "path"]
    arms = {
        cross["stroke"]: float(cross["d"][1:].split("L")[1].split(",")[0])
        - float(cross["d"][1:].split(",")[0])
        for cross in crosses
    }
    sizes = [arms[f"var(--mark-{one})"] for one in ("most", "many", "data")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_hover_text_has_the_counts_and_no_markup_of_others() -> None:
    """Of many cells how many are in each state; of one, which state. Blank tiles say nothing."""
    found = tips(_wide(_LARGE.coverage))
    assert len(found) == 36 * len(_LARGE.coverage.spans)
    assert (
        "56 companies, 2792 \N{EN DASH} 2847\n7 windows, 2025-07-28 \N{EN DASH} 2025-08-03\n"
        "missing: 392 of 392"
    ) in found
    found = tips(_wide(_SMALL.coverage))
    assert found[0] == "0 <script>alert(1)</script>\n2026-01-01\ndata"
    assert len(found) == 5 * 7 - 1


def test_a_row_is_called_by_its_company_or_by_both_ends() -> None:
    """Names are for people: between the ends of many companies there is no room for them."""
    first, last = Company("1", "One <&>"), Company("identifier-of-40", "Forty")
    assert company_text(first) == "1 One <&>"
    one, many = CompanyGroup(first, first, 1), CompanyGroup(first, last, 40)
    coverage = replace(
        _SMALL.coverage, groups=(one, many), tiles=_SMALL.coverage.tiles[:2], gaps=()
    )
    labels = texts(_wide(coverage))
    assert "1 One <&>" in labels
    assert "1 \N{EN DASH} identifier-…" in labels


def test_a_large_map_takes_few_bytes() -> None:
    """122 columns of 36 rows are the most that are drawn; the page stays below 2 MB."""
    assert len(_wide(_of_columns(122, *_LARGE.coverage.tiles[3]))) < 600_000


@pytest.mark.parametrize("lang", [Lang.ES, pytest.param(Lang.EN, marks=pytest.mark.slow)])
def test_a_map_of_marks_takes_few_bytes(lang: Lang) -> None:
    """Most tiles of 200 companies x 120 days are empty, and some lack answers."""
    mixed = (Tile(1, 3, 0, 0), Tile(0, 4, 0, 0), Tile(1, 2, 1, 0), Tile(0, 4, 0, 0))
    coverage = _of_columns(120, *mixed, *mixed, Tile(1, 2, 0, 1))
    assert len(heat_map(coverage, coverage, Language(lang)).wide.encode()) < 850_000


@pytest.mark.parametrize(
    "tile",
    [
        Tile(999, 0, 1, 0),
        *(
            pytest.param(tile, marks=pytest.mark.slow)
            for tile in (Tile(999, 0, 0, 1), Tile(9, 0, 1, 0), Tile(9, 0, 0, 1))
        ),
    ],
)
def test_what_lacks_answers_is_seen_on_the_smallest_tile(tile: Tile) -> None:
    """At 120 columns, whatever its share is: its mark is 4 pixels wide or more."""
    svg = _wide(_of_columns(120, tile))
    (mark,) = (mark for mark in marks(svg) if not mark.tip and mark.name == "path")
    first = mark.attributes["d"].split("M")[1]
    across = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+(?=[LZ]|$)", first)]
    assert max(across) - min(across) > 3.9
