import base64
import hashlib
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from collector.errors import InputError
from collector.report.language import Lang
from collector.report.model import Behaviour, Delivery, Movement, Report, Restated, Tile
from collector.report.page import render
from tests.report import sample


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
    assert "Incompleto: falta 1 celda, falló 1 celda" in _words(_page(small, Lang.ES))
    run = replace(bare.runs[0], is_at_work=True)
    assert "In progress: no gaps so far" in _words(_page(replace(bare, runs=(run,))))
    assert "Nothing planned" in _words(_page(sample.nothing()))
    run = replace(bare.runs[0], verdict="ignored")
    assert "Do not trust these figures" in _words(_page(replace(bare, runs=(run,))))


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
        "There is only one cell, so there is no map to draw. It is: empty.",
        "All counters are zero",
        "There is only one window, so there is nothing to compare",
        "No company reports failed notifications.",
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


def _moved(count: int) -> Restated:
    moved = (Movement("total", is_action=False, rose=count, fell=count),)
    return Restated(cells=1, restated=1, windows=(), movements=moved)


def test_overlap_is_said_wherever_sums_are() -> None:
    """At the top, and beside both pictures of sums."""
    small = sample.small()
    assert _words(_page(small)).count("sums count those days more than once") == 3
    assert "more than once." not in _words(_page(replace(small, overlap=False)))


def test_runs_beyond_the_newest_eight_are_not_drawn() -> None:
    """A page of thirty nights stays a page."""
    small = sample.small()
    intervals = small.behaviour[0].intervals
    nights = tuple(Behaviour(f"night-{n}", intervals) for n in range(30))
    page = _page(replace(small, behaviour=nights))
    assert page.count('data-figure="behaviour-') == 8
    assert "The newest 8 of 30 runs are drawn." in _words(page)


def test_without_plotly_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(InputError, match=r'pip install "collector\[report\]"'):
        render(sample.bare(), Lang.EN, "1.2.3")
