import re
from dataclasses import replace

import pytest

from collector.report.language import Lang, Language
from collector.report.runs.behaviour_figure import behaviour
from collector.report.runs.model import Behaviour
from tests.report import sample
from tests.report.shown import lines, page_of, tips, words_of

_WORDS = Language(Lang.EN)

_LARGE = sample.large()


def test_a_line_is_broken_where_no_run_worked() -> None:
    """Half an hour between two attempts is no half hour of ten requests per second."""
    figure = behaviour(_LARGE.behaviour[0], _WORDS, "behaviour")
    assert figure is not None
    assert len(tips(figure.wide)) == 120
    # Latencies have a gap of their own, where nothing was answered.
    assert [path.count("M") for path in lines(figure.wide, "received")] == [3]
    assert [path.count("M") for path in lines(figure.wide, "muted")] == [2]
    first = tips(figure.wide)[0].split("\n")
    assert first[0] == "2026-01-04 06:31:00 UTC"
    assert first[2].startswith("sent: ")
    assert first[2].endswith("/s")


def test_the_newest_run_is_the_last_one_and_older_ones_are_folded_away() -> None:
    """In the order in which they come; that there are more runs than were looked at is said."""
    small = sample.small()
    intervals = small.behaviour[0].intervals
    nights = tuple(Behaviour(f"night-{n}", intervals) for n in range(5))
    page = page_of(replace(small, behaviour=nights, runs=small.runs * 30))
    assert re.findall(r"<h3><bdi>(night-\d)", page) == [f"night-{n}" for n in (4, 3, 2, 1, 0)]
    assert page.index("night-4") < page.index("Earlier runs") < page.index("night-3")
    assert page.count('data-figure="behaviour-') == 2 * 5
    assert "Of 30 runs, the newest 5 are shown here." in words_of(page)
    page = page_of(replace(small, behaviour=nights, runs=small.runs * 5))
    assert "are shown here" not in words_of(page)


def test_a_run_goes_from_the_begin_of_its_first_interval() -> None:
    """Not from its end, a minute later."""
    assert "From 2026-01-05 06:30:00 UTC to 2026-01-05 06:35:00 UTC" in words_of(
        page_of(sample.small())
    )


@pytest.mark.parametrize(
    ("lang", "mean", "note"),
    [
        (Lang.EN, "the highest mean p99 of an interval was", "Each interval joins several"),
        (Lang.ES, "el p99 medio más alto de un intervalo fue", "Cada intervalo une varias"),
    ],
)
def test_the_mean_of_percentiles_is_called_one(lang: Lang, mean: str, note: str) -> None:
    """Where intervals join samples, in time or of shards, no p99 is known."""
    small = sample.small()
    joined = replace(small.behaviour[0], is_joined=True)
    words = words_of(page_of(replace(small, behaviour=(joined,)), lang))
    assert mean in words
    assert note in words
    plain = words_of(page_of(small, lang))
    assert mean not in plain
    assert note not in plain
