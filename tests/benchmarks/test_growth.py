"""`python -m benchmarks.growth`: its fit, its tables, and the data that it makes."""

from datetime import date
from pathlib import Path

import pytest

from benchmarks.growth.__main__ import parsed
from benchmarks.growth.fit import exponent, extrapolated
from benchmarks.growth.made import figures, make_part, planned
from benchmarks.growth.series import Cost, Series, growth_table, paper_table
from benchmarks.report import rewritten
from collector.core.cell import CellState
from collector.plan import Shard
from collector.store.coverage import read_coverage
from collector.store.files import PartFiles
from collector.store.verify import verify

_SIZES = (500_000, 1_000_000, 2_000_000, 4_000_000)
_START = 0.5


@pytest.mark.parametrize("power", [1.0, 1.1, 1.5, 2.0])
def test_the_exponent_is_that_of_what_is_above_the_start(power: float) -> None:
    """The start counts nothing, however much of the cost it is."""
    costs = {size: _START + 2e-6 * size**power / 500_000 ** (power - 1) for size in _SIZES}
    assert exponent(costs, _START) == pytest.approx(power)


def test_a_part_that_is_quadratic_shows() -> None:
    """Although half of the largest cost is linear."""
    costs = {size: _START + 1e-6 * size + 1e-6 * size * size / 4_000_000 for size in _SIZES}
    found = exponent(costs, _START)
    assert found is not None
    assert found > 1.2


def test_a_cost_that_has_not_grown_has_no_exponent() -> None:
    """Noise around the start is none, and the cost stays the same at any size."""
    costs = {8: 0.49, 32: 0.55, 128: 0.6}
    assert exponent(costs, _START) is None
    assert extrapolated(costs, _START, 10_000) == 0.6


def test_a_cost_below_the_start_is_noise() -> None:
    """It counts as little above the start, so that a later growth is not hidden."""
    found = exponent({8: 0.4, 32: 0.5, 128: 1.0}, _START)
    assert found is not None
    assert found > 0.5


def test_noise_at_small_sizes_does_not_count() -> None:
    """A cost that is hardly above the start there would seem to grow fast from there on."""
    costs = {10: 0.501, 100: 0.505, 1000: _START + 1, 2000: _START + 2}
    assert exponent(costs, _START) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("noise", [-0.03, 0.03])
def test_noise_of_the_start_counts_little(noise: float) -> None:
    """It is most of what is above it at a small size, and next to nothing at a large one."""
    costs = {size: _START * (1 + noise) + size / 1000 for size in (50, 100, 200, 400, 2000)}
    found = exponent(costs, _START)
    assert found == pytest.approx(1, abs=0.05)


def test_a_cost_is_extrapolated_by_its_exponent() -> None:
    """From the largest size: twice the size is four times what is above the start."""
    costs = {size: _START + (size / 1e6) ** 2 for size in _SIZES}
    assert extrapolated(costs, _START, 8_000_000) == pytest.approx(_START + 64)


def test_an_exponent_may_count_as_more() -> None:
    """CPU time that grows less than linearly is not believed."""
    costs = {size: _START + (size / 1e6) ** 0.5 for size in _SIZES}
    assert extrapolated(costs, _START, 8_000_000, least=1.0) == pytest.approx(_START + 4)


def test_the_median_of_several_rounds_counts() -> None:
    """Of CPU time; the least of memory."""
    costs = [Cost(2, 50), Cost(9, 41), Cost(3, 40)]
    assert Cost.median(costs) == Cost(3, 40)


def test_the_lesser_start_counts() -> None:
    """Each figure by itself."""
    assert Cost.least(Cost(2, 50), Cost(3, 40)) == Cost(2, 40)


def _series(power: float) -> Series:
    costs = {size: Cost(0.5 + (size / 1e6) ** power, 40_000_000) for size in _SIZES}
    return Series("`status`", 1, Cost(0.5, 38_000_000), costs)


def test_a_row_has_the_costs_and_the_exponents() -> None:
    """Of each size, and whether they are what is wanted."""
    text = growth_table("lines", [_series(1.0), _series(1.5)])
    assert "| by lines | start (1) | 500,000 | 1,000,000 | 2,000,000 | 4,000,000 |" in text
    assert "| `status` | 0.50 s, 38 MB | 1.00 s, 40 MB | 1.50 s, 40 MB |" in text
    assert "| 1.00 | flat | at most 1.1: reached |" in text
    assert "| 1.50 | flat | at most 1.1: **not reached** |" in text


def test_the_size_of_the_start_is_subtracted_too() -> None:
    """Else a linear cost would seem to grow faster: the start has some of it already."""
    costs = {size: Cost(size / 100, 1) for size in (20, 40)}
    assert "| 1.00 | flat |" in growth_table("runs", [Series("it", 10, Cost(0.1, 1), costs)])


def test_a_billion_is_calculated() -> None:
    """In the unit that a reader can picture."""
    text = paper_table("lines", [_series(1.0)])
    assert "| `status` | 16.7 min | 40 MB |" in text


def test_a_billion_is_not_calculated_from_a_growth_that_is_not_wanted() -> None:
    """A figure of four sizes, to the power of 1.5, says nothing about a thousand times as many."""
    assert "| `status` | not calculated (^ 1.50) | 40 MB |" in paper_table("lines", [_series(1.5)])


def test_the_page_has_its_markers() -> None:
    """So that what took minutes is not lost in its last line."""
    page = Path(__file__).parents[2] / "docs" / "scale.md"
    rewritten(page.read_text(), "new")


def test_the_runs_that_are_made_are_runs(tmp_path: Path) -> None:
    """Whole, with missing cells, and as shards: the commands find nothing wrong with them."""
    plan = planned(3, date(2026, 1, 1), 9)
    whole, part, shards = tmp_path / "whole", tmp_path / "part", tmp_path / "shards"
    make_part(PartFiles(whole), plan, figures(), base_url="http://127.0.0.1:9")
    make_part(
        PartFiles(part), plan, figures(1), base_url="http://127.0.0.1:9", missing=4, attempts=3
    )
    for number in range(2):
        files = PartFiles(shards, Shard(number, 2))
        make_part(files, plan, figures(), base_url="http://127.0.0.1:9")
    for run, missing in ((whole, 0), (part, 4), (shards, 0)):
        coverage = read_coverage(run)
        assert coverage.counts()[CellState.DATA] == 27 - missing
        assert not coverage.remarks
    assert len(read_coverage(part).manifest.attempts) == 3
    assert not verify([whole, shards], print).findings


def test_a_page_gets_no_part_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The tables of the other parts would be gone, after minutes that made them."""
    with pytest.raises(SystemExit):
        parsed(["docs/scale.md", "--only", "lines"])
    assert "leave out the page or --only" in capsys.readouterr().err
    assert parsed(["docs/scale.md"]).only is None


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (["20000,x"], "at least two whole numbers"),
        (["20000"], "at least two whole numbers"),
        (["5000,20000"], "10,000 is the size of the start"),
        (["20000,40000", "--only", "shards"], "give --only once"),
    ],
)
def test_sizes_that_cannot_be_fitted_are_rejected(
    sizes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    with pytest.raises(SystemExit):
        parsed(["--only", "lines", "--sizes", *sizes])
    assert message in capsys.readouterr().err
    assert parsed(["--only", "lines", "--sizes", "40000,20000"]).sizes == [20_000, 40_000]
