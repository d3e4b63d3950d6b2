import re
from dataclasses import replace

import pytest

from collector.report.delivery.model import Delivery
from collector.report.delivery.sums_figure import funnel
from collector.report.language import Lang, Language
from collector.report.model import Tile
from collector.report.report import Report
from tests.report import sample
from tests.report.parts import MADE
from tests.report.shown import page_of, texts, words_of


@pytest.mark.usefixtures("words_only")
def test_the_verdict_says_first_whether_all_is_well() -> None:
    """Complete, incomplete, in progress, nothing planned, or days that are wrong."""
    bare = sample.bare()
    small = sample.small()
    assert "Complete The one planned cell has an answer." in words_of(page_of(bare))
    assert "Incomplete: 1 cell missing, 1 cell failed Answered: 32 of 34" in words_of(
        page_of(small)
    )
    assert "Incompleto: falta 1 celda, falló 1 celda" in words_of(page_of(small, Lang.ES))
    run = replace(bare.runs[0], is_running=True)
    assert "In progress: no gaps so far" in words_of(page_of(replace(bare, runs=(run,))))
    assert "Nothing planned" in words_of(page_of(sample.nothing()))
    run = replace(bare.runs[0], verdict="ignored")
    assert "Do not trust these figures" in words_of(page_of(replace(bare, runs=(run,))))


def _top(report: Report, lang: Lang = Lang.EN) -> tuple[str, str]:
    """Return the kind of the verdict, and its words."""
    page = page_of(report, lang)
    found = re.search(r'<div class="verdict (\w+)">(.*?)</div>\s*</div>', page, re.DOTALL)
    assert found is not None
    return found[1], " ".join(re.sub(r"<[^>]*>", " ", found[2]).replace("\xa0", " ").split())


@pytest.mark.usefixtures("words_only")
def test_what_cannot_be_known_is_never_green() -> None:
    """An edited list of companies, gaps or not: amber, and the reason is said."""
    bare = sample.bare()
    assert _top(bare)[0] == "good"
    unknown = replace(bare, coverage=replace(bare.coverage, is_known=False))
    kind, said = _top(unknown)
    assert kind == "warn"
    assert "the list of companies of a run is lost or was edited" in said
    small = sample.small()
    kind, said = _top(replace(small, coverage=replace(small.coverage, is_known=False)))
    assert kind == "warn"
    assert "Incomplete: 1 cell missing" in said
    assert "lost or was edited" in said


@pytest.mark.parametrize(
    ("older", "lang", "said"),
    [
        (1, Lang.EN, "Complete, but 1 cell is from an older run"),
        (12, Lang.EN, "12 cells are from an older run: the newest run that planned them has no"),
        (1, Lang.ES, "Completo, pero 1 celda es de una ejecución anterior"),
        (12, Lang.ES, "12 celdas son de una ejecución anterior: la ejecución más reciente que las"),
    ],
)
def test_answers_of_an_older_run_are_amber(older: int, lang: Lang, said: str) -> None:
    """The newest run that planned the cell has failed it, or lacks it."""
    bare = sample.bare()
    kind, words = _top(replace(bare, coverage=replace(bare.coverage, older=older)), lang)
    assert kind == "warn"
    assert said in words


def test_gaps_come_before_answers_of_an_older_run() -> None:
    """They are the title; both are said."""
    small = sample.small()
    kind, words = _top(replace(small, coverage=replace(small.coverage, older=3)))
    assert kind == "warn"
    assert "Incomplete: 1 cell missing" in words
    assert "3 cells are from an older run: " in words


@pytest.mark.parametrize(
    ("same", "comparable", "kind"),
    [(1, 1, "good"), (2, 4, "good"), (2, 3, "warn"), (50, 51, "warn")],
)
def test_the_same_answer_everywhere_is_amber_once_it_is_the_rule(
    same: int, comparable: int, kind: str
) -> None:
    """One company, or half of them, may be a chance."""
    bare = sample.bare()
    quality = replace(bare.quality, same_everywhere=same, comparable=comparable)
    found, said = _top(replace(bare, quality=quality))
    assert found == kind
    assert ("the API seems to ignore the dates" in said) is (kind == "warn")


def test_dates_that_were_not_proved_are_a_remark() -> None:
    """Of the newest run; the verdict stays green."""
    bare = sample.bare()
    for verdict, words in (
        ("trusted", "not verified"),
        ("inconclusive", "could not be determined"),
    ):
        newest = replace(bare.runs[0], verdict=verdict)
        kind, said = _top(replace(bare, runs=(bare.runs[0], newest)))
        assert kind == "good"
        assert words in said
        assert words not in _top(replace(bare, runs=(newest, bare.runs[0])))[1]


@pytest.mark.usefixtures("words_only")
def test_how_to_resume_is_what_the_run_itself_says() -> None:
    """No promise of the same command: tomorrow its days are others. Runs count together."""
    small = sample.small()
    page = page_of(small)
    assert "<code>collector status DIR</code>" in page
    assert "same command" not in words_of(page)
    two = replace(small, runs=small.runs * 2)
    assert "Answered in at least one of the runs: 32 of 34 planned cells." in _top(two)[1]
    two = replace(sample.bare(), runs=sample.bare().runs * 2)
    assert "has an answer in at least one of the runs." in _top(two)[1]


@pytest.mark.usefixtures("words_only")
def test_the_card_of_a_run_that_was_killed_says_that_its_time_is_that_of_the_start() -> None:
    """It is unknown when it ended; also where only the code is lost."""
    bare, large = sample.bare(), sample.large()
    began = "record its end started 2026-01-05 06:30:00 UTC"
    assert f"Last run killed, or could not {began}" in words_of(page_of(bare))
    run = replace(bare.runs[0], ended_at=MADE)
    assert began in words_of(page_of(replace(bare, runs=(run,))))
    assert "some cells failed ended 2026-01-06 02:33:00 UTC" in words_of(page_of(large))


def test_a_gap_is_not_rounded_away() -> None:
    """Coverage of all but one cell of 730,000 is not 100 %."""
    bare = sample.bare()
    coverage = replace(bare.coverage, total=Tile(729_999, 0, 0, 1))
    words = words_of(page_of(replace(bare, coverage=coverage)))
    assert "Coverage &gt; 99.9 % 729,999 of 730,000 cells" in words


def test_a_measure_has_one_percentage() -> None:
    """The card, the sentence, the picture and the table say the same: a share of total."""
    delivery = Delivery(total=2000, sended=1700, pending=100, fails=200, actions={"RECEIVED": 1000})
    page = page_of(replace(sample.bare(), delivery=delivery))
    words = words_of(page)
    for name, action, count, share in (
        ("sended", "sended", "1,700", "85.0 %"),
        ("fails", "fails", "200", "10.0 %"),
        ("received", "action RECEIVED", "1,000", "50.0 %"),
    ):
        assert f"{name} {share} of total ({count} of 2,000)" in words
        assert f"{name} {count} ({share})" in words
        assert f"{action} {count} {share}" in words
        assert set(re.findall(rf"\b{name} ([\d.]+ %)", words)) == {share}
    figure = funnel(delivery, Language(Lang.EN))
    assert figure is not None
    drawn = {text.replace("\xa0", " ") for text in texts(figure.wide) if text.endswith("%")}
    assert drawn == {"100 %", "85.0 %", "10.0 %", "5.0 %", "50.0 %", "0 %"}
    assert "sended \u2013 no notifications" in words_of(page_of(sample.bare()))
