"""The report that `make bench` writes into its page."""

import re
from datetime import date
from pathlib import Path

import pytest

from benchmarks.memory import Planned, memory_table
from benchmarks.report import BEGIN, END, machine, rewritten, table
from benchmarks.speed.contenders import CONTENDERS, Contender, Job
from benchmarks.speed.measure import Figures, Measurement, Run
from benchmarks.speed.report import speed_tables
from benchmarks.speed.work import Work
from benchmarks.start import Start, start_table

_TODAY = date(2026, 11, 24)
_OURS, _BARE = CONTENDERS[:2]


def _figures(*rates: float) -> Figures:
    return Figures(1000, [Run(rate, 0.0003, 50_000_000, 1.5) for rate in rates], [0.1] * len(rates))


def _measurement(latency: float, alone: float | None = 70_000.0) -> Measurement:
    figures = {_OURS.key: _figures(900, 600, 700), _BARE.key: _figures(1000, 1000, 1000)}
    return Measurement(latency, latency or 0.0002, alone, figures)


def test_only_what_is_between_the_markers_is_rewritten() -> None:
    """And a second time it is the same page."""
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n"
    once = rewritten(page, "new\n")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nrest\n"
    assert rewritten(once, "new") == once


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    """Rather than losing what a user wrote."""
    with pytest.raises(ValueError, match="once each"):
        rewritten(page, "new")


def test_the_page_has_its_markers() -> None:
    """So that what took minutes is not lost in its last line."""
    page = Path(__file__).parents[2] / "docs" / "benchmarks.md"
    rewritten(page.read_text(), "new")


def test_a_table_is_markdown() -> None:
    """With figures at the right."""
    assert table(["a", "b"], [["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |\n"


def test_figures_are_medians_and_a_start_does_not_count() -> None:
    """0.3 ms a request of which the start, 0.1 s over 1,000 requests, is 0.1."""
    figures = _figures(900, 600, 700)
    assert figures.rate == 700
    assert figures.cpu == pytest.approx(0.0002)


def test_ratios_are_of_the_rounds_that_both_ran() -> None:
    """A slow one takes part in the first rounds only."""
    assert _figures(100, 300).times(_figures(1000, 1000, 1)) == pytest.approx(0.2)


def test_the_table_without_latency_compares_with_the_bare_loop() -> None:
    """And says whether what was wanted is reached."""
    text = speed_tables(_measurement(0.0), [_OURS, _BARE])
    row = "| **collector**, everything on | 700 | 70.0% | 0.200 ms | 50 MB | 1.5 s | 3 x 1,000 |"
    assert row in text
    assert "70,000 answers per second to wrk, 70.0 times the fastest here in Python." in text
    assert "**not reached** (70.0%)" in text


def test_the_table_with_latency_compares_with_the_ceiling() -> None:
    """64 in flight and 50 ms make 1,280."""
    text = speed_tables(_measurement(0.05), [_OURS, _BARE])
    assert "1,280 requests per second is the most" in text
    assert "| 700 | 54.7% | 70.0% |" in text


def test_what_was_not_measured_is_not_compared_with() -> None:
    """Without the bare loop there is no share of it; without wrk no figure of the server."""
    measurement = _measurement(0.0, alone=None)
    del measurement.figures[_BARE.key]
    text = speed_tables(measurement, [_OURS])
    assert "bare loop" not in text
    assert "wrk is not installed" in text


def test_memory_is_compared_with_the_smallest_plan() -> None:
    """In megabytes above it."""
    peaks = [(Planned(10, 1, 0), 50_000_000), (Planned(10, 1000, 60_000_000), 120_000_000)]
    text = memory_table(peaks)
    assert "| 10 x 1,000 | 10,000 | 120 MB | 70 MB | at most 60 MB: **not reached** |" in text


def test_starts_are_compared_round_by_round() -> None:
    """The machine's mood meets both."""
    text = start_table([Start("it", [0.1, 0.3, 0.2], [0.1, 0.2, 0.1])])
    assert "| it | 200 ms | 100 ms | 1.50 | at most 2: reached |" in text


@pytest.mark.parametrize("requests", [1, 200, 3000])
def test_the_work_is_as_many_addresses(requests: int) -> None:
    """All different, with single days that end yesterday."""
    addresses = list(Work(requests, _TODAY).addresses)
    assert len(set(addresses)) == len(addresses) == requests
    assert "from_date=2026-11-23&until_date=2026-11-23" in addresses[-1]


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.key)
def test_every_contender_is_sent_to_the_server(contender: Contender, tmp_path: Path) -> None:
    """By its command, or by a file that it names."""
    job = Job("http://127.0.0.1:9", Work(5, _TODAY), is_late=False, directory=tmp_path)
    said = " ".join(map(str, contender.command(job)))
    said += " ".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert "http://127.0.0.1:9" in said


def test_the_machine_is_described() -> None:
    """With its cores and its Python."""
    assert re.search(r"\d+ cores; .+; Python 3\.\d+", machine())
