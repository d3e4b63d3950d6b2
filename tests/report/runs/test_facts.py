from dataclasses import replace

import pytest

from collector.report.language import Lang, Language
from collector.report.runs.facts import end_text
from tests.report import sample
from tests.report.parts import facts
from tests.report.shown import page_of, words_of

_EN = Language(Lang.EN)


@pytest.mark.parametrize(
    ("shards", "code", "said"),
    [
        (None, 0, "every cell has an answer"),
        ((2, 2), 0, "every cell has an answer"),
        ((1, 2), 0, "every cell of 1 of 2 shards has an answer"),
        ((1, 2), 1, "finished, but some cells failed"),
    ],
)
def test_the_end_is_that_of_the_shards_that_have_begun(
    shards: tuple[int, int] | None, code: int, said: str
) -> None:
    """The page does not say of the whole run what only some of its shards have come to."""
    run = replace(facts("r", exit_code=code), shards=shards)
    assert end_text(run, _EN) == said


@pytest.mark.usefixtures("words_only")
def test_the_facts_of_a_run_say_what_they_are_of() -> None:
    """Its own cells, counts that are the least there were, and what is of the last attempt."""
    bare, large = sample.bare(), sample.large()
    said = words_of(page_of(large))
    assert "730,000 planned 729,991 answered 9 failed 0 missing" in said
    assert "731,204 sent 212 rate-limited" in said
    assert "Requests, all attempts Speed, last attempt" in said
    assert said.index("output/2026-01-05 2025-01-01") < said.index("output/2026-01-04 2025-01-01")
    runs = tuple(replace(run, has_first_days=True) for run in large.runs)
    assert "2,000 companies, up to 365 windows each" in words_of(page_of(replace(large, runs=runs)))
    said = words_of(page_of(bare))
    assert "at least 731,204 sent at least 212 rate-limited at least 992 retried" in said
    assert "rate not known latency not known" in said
