import base64
import hashlib
import re
import sys
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from collector.errors import InputError
from collector.report.delivery.model import (
    CountMovement,
    Delivery,
    RestatedWindow,
    Restatements,
    SpanDelivery,
)
from collector.report.language import Lang
from collector.report.model import Tile, WindowSpan
from collector.report.page import render
from collector.report.report import Report
from collector.report.runs.model import Behaviour
from tests.report import sample
from tests.report.parts import MADE


def _page(report: Report, lang: Lang = Lang.EN) -> str:
    return b"".join(render(report, lang, "1.2.3")).decode()


def _words(page: str) -> str:
    """Return what stands in the page before its data and scripts, without tags."""
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("\xa0", " ").split())


class _Outline(HTMLParser):
    """Collects elements, and how deep in them the text is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it; void elements are not open."""
        self.starts.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("name", ["large", "small", "bare", "nothing"])
def test_the_page_is_whole(name: str, lang: Lang) -> None:
    """Elements nest, ids are unique, links and labels lead somewhere, heads have scopes."""
    page = _page(getattr(sample, name)(), lang)
    outline = _Outline(page)
    assert outline.open == []
    ids = [attrs["id"] for _, attrs in outline.starts if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in outline.starts:
        if tag == "a":
            assert str(attrs["href"]).removeprefix("#") in ids
        if label := attrs.get("aria-labelledby"):
            assert label in ids
        assert tag != "th" or attrs["scope"] in {"row", "col"}
        assert not set(attrs) & {"src", "srcset", "onclick", "onload", "onerror"}
    assert page.count("<h1>") == 1
    assert f'<html lang="{lang.value}">' in page
    assert len(page) < 10_000_000


@pytest.mark.parametrize("name", ["large", "small"])
def test_only_its_own_scripts_may_run(name: str) -> None:
    """The policy names them by their hashes, and allows nothing to be loaded."""
    page = _page(getattr(sample, name)())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    said = policy[1].replace("&#x27;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert len(scripts) == 3
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert said.startswith(f"default-src 'none'; script-src {allowed}; ")
    assert "unsafe-eval" not in said
    assert re.search(r"script-src[^;]*unsafe-inline", said) is None


def test_hostile_names_are_text() -> None:
    """Whole in the tables; no tag of theirs is in the page."""
    page = _page(sample.small())
    outline = _Outline(page)
    tags = {tag for tag, _ in outline.starts}
    assert not tags & {"img", "i", "iframe", "object"}
    assert sum(tag == "script" for tag, _ in outline.starts) == 5
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;long" in page
    assert "end-of-the-name" in page
    assert "\u202e" not in page
    assert "=cmd()" in page


def test_the_verdict_says_first_whether_all_is_well() -> None:
    """Complete, incomplete, in progress, nothing planned, or days that are wrong."""
    bare = sample.bare()
    small = sample.small()
    assert "Complete The one planned cell has an answer." in _words(_page(bare))
    assert "Incomplete: 1 cell missing, 1 cell failed 32 of 34" in _words(_page(small))
    assert "Incompleto: 1 celda faltante, 1 celda fallida" in _words(_page(small, Lang.ES))
    run = replace(bare.runs[0], is_at_work=True)
    assert "In progress: no gaps so far" in _words(_page(replace(bare, runs=(run,))))
    assert "Nothing planned" in _words(_page(sample.nothing()))
    run = replace(bare.runs[0], verdict="ignored")
    assert "Do not trust these figures" in _words(_page(replace(bare, runs=(run,))))


def _top(report: Report, lang: Lang = Lang.EN) -> tuple[str, str]:
    """Return the kind of the verdict, and its words."""
    page = _page(report, lang)
    found = re.search(r'<div class="verdict (\w+)">(.*?)</div></div>', page, re.DOTALL)
    assert found is not None
    return found[1], " ".join(re.sub(r"<[^>]*>", " ", found[2]).replace("\xa0", " ").split())


def test_what_nobody_can_know_is_never_green() -> None:
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
    for verdict, words in (("trusted", "not proved."), ("inconclusive", "could not be found out")):
        newest = replace(bare.runs[0], verdict=verdict)
        kind, said = _top(replace(bare, runs=(bare.runs[0], newest)))
        assert kind == "good"
        assert words in said
        assert words not in _top(replace(bare, runs=(newest, bare.runs[0])))[1]


def test_how_to_go_on_is_what_the_run_itself_says() -> None:
    """No promise of the same command: tomorrow its days are others. Runs count together."""
    small = sample.small()
    page = _page(small)
    assert "<code>collector status DIR</code>" in page
    assert "same command" not in _words(page)
    two = replace(small, runs=small.runs * 2)
    assert "32 of 34 planned cells have an answer in at least one of the runs." in _top(two)[1]
    two = replace(sample.bare(), runs=sample.bare().runs * 2)
    assert "has an answer in at least one of the runs." in _top(two)[1]


def test_the_facts_of_a_run_say_what_they_are_of() -> None:
    """Its own cells, counts that are the least there were, and what is of the last attempt."""
    bare, large = sample.bare(), sample.large()
    said = _words(_page(large))
    assert "730,000 planned 729,991 answered 9 failed 0 missing" in said
    assert "731,204 sent 212 refused" in said
    assert "Requests, all attempts Speed, last attempt" in said
    assert said.index("output/2026-01-05 2025-01-01") < said.index("output/2026-01-04 2025-01-01")
    said = _words(_page(bare))
    assert "at least 731,204 sent at least 212 refused at least 992 retried" in said
    assert "rate not known latency not known" in said


def test_the_card_of_a_run_that_was_killed_says_that_its_time_is_that_of_the_start() -> None:
    """Nobody knows when it ended; also where only the code is lost."""
    bare, large = sample.bare(), sample.large()
    began = "write down its end began 2026-01-05 06:30:00 UTC"
    assert f"Last run killed, or could not {began}" in _words(_page(bare))
    run = replace(bare.runs[0], ended_at=MADE)
    assert began in _words(_page(replace(bare, runs=(run,))))
    assert "some cells failed ended 2026-01-06 02:33:00 UTC" in _words(_page(large))


def test_a_gap_is_not_rounded_away() -> None:
    """Coverage of all but one cell of 730,000 is not 100 %."""
    bare = sample.bare()
    coverage = replace(bare.coverage, total=Tile(729_999, 0, 0, 1))
    words = _words(_page(replace(bare, coverage=coverage)))
    assert "Coverage &gt; 99.9 % 729,999 of 730,000 cells" in words


def test_what_is_not_drawn_is_said() -> None:
    """Each picture that is missing has a sentence in its place."""
    page = _page(sample.bare())
    words = _words(page)
    assert 'class="plot' not in page
    for sentence in (
        "There is only one cell, so there is no map to draw. State: empty.",
        "All counters are zero",
        "There is only one window, so there is nothing to compare",
        "No company reports fails.",
        "Only one run was given.",
        "None of the runs has written down how it went over time.",
        "Nothing odd was found.",
        "the server&#x27;s default window",
        "killed, or could not write down its end",
    ):
        assert sentence in words


def test_counts_may_be_larger_than_any_float() -> None:
    """An answer is taken as it is; the page then says what it says, and is drawn all the same."""
    small = sample.small()
    huge = Delivery(total=10**400, sended=-(10**30), fails=10**399, actions={"RECEIVED": 1})
    sums = tuple(replace(one, delivery=huge) for one in small.over_time)
    page = _page(replace(small, delivery=huge, over_time=sums, restated=_moved(10**400)))
    assert "10.0 % " + "1" in _words(page)
    assert "Infinity" not in page


def _moved(count: int) -> Restatements:
    moved = (CountMovement("total", is_action=False, rose=count, fell=count),)
    return Restatements(
        cells=1,
        restated=1,
        windows=(),
        all_windows=0,
        highest=None,
        movements=moved,
        examples=(),
    )


def test_overlap_is_said_wherever_sums_are() -> None:
    """At the top, and beside both pictures of sums."""
    small = sample.small()
    assert _words(_page(small)).count("sums count those days more than once") == 3
    assert "more than once." not in _words(_page(replace(small, overlap=False)))


def test_the_newest_run_is_the_last_one_and_older_ones_are_folded_away() -> None:
    """In the order in which they come; that there are more runs than were looked at is said."""
    small = sample.small()
    intervals = small.behaviour[0].intervals
    nights = tuple(Behaviour(f"night-{n}", intervals) for n in range(5))
    page = _page(replace(small, behaviour=nights, runs=small.runs * 30))
    assert re.findall(r"<h3><bdi>(night-\d)", page) == [f"night-{n}" for n in (4, 3, 2, 1, 0)]
    assert page.index("night-4") < page.index("Earlier runs") < page.index("night-3")
    assert page.count('data-figure="behaviour-') == 5
    assert "Of 30 runs, the newest 5 are looked at here." in _words(page)
    page = _page(replace(small, behaviour=nights, runs=small.runs * 5))
    assert "are looked at" not in _words(page)


def test_a_run_goes_from_the_begin_of_its_first_interval() -> None:
    """Not from its end, a minute later."""
    assert "From 2026-01-05 06:30:00 UTC to 2026-01-05 06:35:00 UTC" in _words(
        _page(sample.small())
    )


def _over_time(report: Report, *totals: tuple[int, int, int]) -> Report:
    """Return it with windows one after the other: days (0: the default window), total, answers."""
    at = date(2026, 2, 1)
    sums = []
    for days, total, answers in totals:
        span = (
            WindowSpan(at, at + timedelta(days=days - 1), 1, days)
            if days
            else WindowSpan(None, None, 1, None)
        )
        sums.append(SpanDelivery(span, Delivery(total=total), answers))
        at += timedelta(days=days)
    return replace(report, over_time=tuple(sums), overlap=False)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        (
            ((1, 5, 1), (1, 0, 0), (1, 7, 1)),
            "total, 7, is of 2026-02-03 ; the lowest, 5, of 2026-02-01 .",
        ),
        (((1, 5, 1), (1, 5, 1)), "The total is the same in each window: 5."),
        (((4, 20, 1), (1, 5, 1)), "The total is the same in each window: 5 a day."),
        (((9, 30, 1), (1, 0, 1)), "The highest total, 3.3 a day, is of"),
        (((99, 1, 1), (1, 0, 1)), "The highest total, &lt; 0.1 a day, is of"),
        (((1, 5, 1), (1, 0, 0)), "Fewer than two windows can be compared"),
        (((1, 0, 0), (1, 0, 0)), "No window has an answer."),
        (((0, 9, 1), (1, 5, 1), (1, 6, 1)), "2026-02-01 \u2013 2026-02-02 . The highest total, 6,"),
        (((0, 9, 1), (1, 5, 1)), "default window has no known days, so it is in the table only."),
    ],
)
def test_the_sentence_over_time(totals: tuple[tuple[int, int, int], ...], said: str) -> None:
    """Of what was answered, by day where windows are unequal, never rounded to nothing."""
    words = _words(_page(_over_time(sample.small(), *totals)))
    assert said in words
    assert ("in the table only" in words) is any(days == 0 for days, _, _ in totals)


def test_a_window_without_an_answer_has_dashes_in_the_table() -> None:
    """Zeros would be figures."""
    words = _words(_page(_over_time(sample.small(), (1, 5, 1), (1, 0, 0), (1, 0, 1))))
    assert "2026-02-02 \u2013 \u2013 \u2013 \u2013 \u2013 \u2013 0" in words
    assert "2026-02-03 0 0 0 0 0 0 0" in words


def test_companies_with_fails_come_in_an_order_that_is_said() -> None:
    """The first need not have the highest share."""
    words = _words(_page(sample.large()))
    assert "lower end of the 95 % interval of the share" in words
    assert "20 companies are shown. First: 1000, fails 4,000 of 10,000 (40.0 %)." in words
    assert "highest share:" not in words
    assert "lower end" not in _words(_page(sample.bare()))


def test_what_moved_is_said_of_all_windows_and_cell_by_cell() -> None:
    """The highest share may be of a window that is not among the newest 60."""
    large = sample.large()
    assert large.restated is not None
    old = RestatedWindow(date(2025, 1, 1), date(2025, 1, 1), 10, 10)
    words = _words(_page(replace(large, restated=replace(large.restated, highest=old))))
    assert "The highest share is 100 %, in the window 2025-01-01 ." in words
    assert "The newest 60 of 75 windows are shown." in words
    assert (
        "1000 2025-12-31 sended +4,000 pending \u22124,000 action RECEIVED +900 "
        "1031 Transportes Pacífico 2025-12-30"
    ) in words
    small = sample.small()
    assert "windows are shown" not in _words(_page(small))


def test_where_nothing_was_restated_there_is_no_empty_picture() -> None:
    """Only the sentence that says so."""
    large = sample.large()
    assert large.restated is not None
    windows = tuple(replace(one, restated=0) for one in large.restated.windows)
    still = replace(
        large.restated,
        restated=0,
        windows=windows,
        highest=windows[0],
        movements=(),
        examples=(),
    )
    page = _page(replace(large, restated=still))
    assert 'data-figure="restated"' not in page
    assert "No figure has changed." in _words(page)


def test_remarks_of_the_files_are_marked_as_english() -> None:
    """A screen reader that reads Spanish must know; on an English page they are like the rest."""
    small = sample.small()
    remark = '<bdi lang="en">&lt;script&gt;alert(1)&lt;/script&gt;</bdi>'
    assert _page(small, Lang.ES).count(remark) == 2
    assert _page(small).count(remark) == 0


def test_without_plotly_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(InputError, match=r'pip install "collector\[report\]"'):
        render(sample.bare(), Lang.EN, "1.2.3")
