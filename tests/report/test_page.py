import base64
import hashlib
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from collector.report.coverage.model import CompanyGap, CompanyGroup
from collector.report.delivery.model import (
    CompanyShare,
    CountMovement,
    Delivery,
    OtherActions,
    RestatedWindow,
    Restatements,
)
from collector.report.delivery.settling import Settling
from collector.report.language import Lang
from collector.report.model import Company, Tile, WindowSpan
from tests.report import sample
from tests.report.shown import page_of, words_of


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


def test_a_page_in_spanish_says_that_remarks_are_in_english() -> None:
    """Above those of the runs and those on the files; an English page needs no such note."""
    said = "Tal como se registraron, en inglés."
    assert words_of(page_of(sample.small(), Lang.ES)).count(said) == 2
    assert "Remarks are as recorded." not in words_of(page_of(sample.small()))
    assert said not in words_of(page_of(sample.bare(), Lang.ES))


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("name", ["large", "small", "bare", "nothing"])
def test_the_page_is_whole(name: str, lang: Lang) -> None:
    """Elements nest, ids are unique, links and labels lead somewhere, heads have scopes."""
    page = page_of(getattr(sample, name)(), lang)
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
    assert len(page.encode()) < 2_000_000


@pytest.mark.parametrize("name", ["large", "small"])
def test_only_its_own_scripts_may_run(name: str) -> None:
    """The policy names them by their hashes, and allows nothing to be loaded."""
    page = page_of(getattr(sample, name)())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    said = policy[1].replace("&#39;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert len(scripts) == 1
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert said.startswith(f"default-src 'none'; script-src {allowed}; ")
    assert "unsafe-eval" not in said
    assert re.search(r"script-src[^;]*unsafe-inline", said) is None


def test_hostile_names_are_text() -> None:
    """Whole in the tables; no tag of theirs is in the page."""
    page = page_of(sample.small())
    outline = _Outline(page)
    tags = {tag for tag, _ in outline.starts}
    assert not tags & {"img", "i", "iframe", "object"}
    assert sum(tag == "script" for tag, _ in outline.starts) == 1
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;long" in page
    assert "end-of-the-name" in page
    assert "\u202e" not in page
    assert "=cmd()" in page


def test_what_is_not_drawn_is_said() -> None:
    """Each picture that is missing has a sentence in its place."""
    page = page_of(sample.bare())
    words = words_of(page)
    assert 'class="plot' not in page
    for sentence in (
        "There is only one cell, so there is no map. State: empty.",
        "All counters are zero",
        "There is only one window, so there is nothing to compare",
        "No company with notifications has fails.",
        "Only one run was given.",
        "None of the runs recorded its rate and latency.",
        "Nothing odd was found.",
        "the server&#39;s default window",
        "killed, or could not record its end",
    ):
        assert sentence in words


def test_counts_may_be_larger_than_any_float() -> None:
    """An answer is taken as it is; the page then says what it says, and is drawn all the same."""
    small = sample.small()
    huge = Delivery(total=10**400, sended=-(10**30), fails=10**399, actions={"RECEIVED": 1})
    sums = tuple(replace(one, delivery=huge) for one in small.over_time)
    page = page_of(replace(small, delivery=huge, over_time=sums, restated=_moved(10**400)))
    assert "10.0 % " + "1" in words_of(page)
    assert "Infinity" not in page[: page.index("<script>")]


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
    assert words_of(page_of(small)).count("sums count those days more than once") == 3
    assert "more than once." not in words_of(page_of(replace(small, overlap=False)))


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize("lang", list(Lang))
def test_one_thing_is_singular(lang: Lang) -> None:
    """Cells, companies, runs, requests, notifications, days: no "1 fallidas", no "1 cells"."""
    bare = sample.bare()
    one_of_each = Tile(1, 1, 1, 1)
    run = replace(
        bare.runs[0], cells=one_of_each, requests=1, refused=1, retried=1, is_counted=True
    )
    gap = CompanyGap(Company("a", None), 1, 1, 1)
    coverage = replace(bare.coverage, total=one_of_each, tiles=((one_of_each,),), gaps=(gap,))
    window = RestatedWindow(date(2026, 1, 1), date(2026, 1, 1), 1, 1)
    report = replace(
        bare,
        runs=(run,),
        coverage=replace(coverage, companies_with_gaps=1),
        delivery=Delivery(total=1, sended=1, pending=1, fails=1, others=OtherActions(1, 1)),
        failing=(CompanyShare(Company("a", None), 1, 1),),
        settling=Settling(1, is_measured=True),
        restated=Restatements(1, 1, (window,), 1, window, (), ()),
        quality=replace(bare.quality, unbalanced=1, empty_everywhere=1, same_everywhere=1),
    )
    words = words_of(page_of(report, lang))
    found = re.findall(r"(?<![\d.,\u202f])\b1 ([a-z\u00e1-\u00fa]+s)\b", words)
    assert found == []
    assert len(re.findall(r"(?<![\d.,\u202f])\b1 [a-z]", words)) > 15


_MOSTLY_EMPTY = (
    *(Tile(0, 1, 0, 0),) * 7,
    Tile(1, 0, 0, 0),
    Tile(0, 0, 1, 0),
    Tile(0, 0, 0, 1),
)
_GROUPS_MOSTLY_EMPTY = (
    *(Tile(1, 5, 0, 0), Tile(0, 6, 0, 0), Tile(1, 4, 1, 0)),
    *(Tile(0, 6, 0, 0), Tile(1, 5, 0, 0), Tile(1, 4, 0, 1), Tile(0, 6, 0, 0)),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("companies", "name", "tiles"),
    [
        (
            1,
            "Transportes y Log\u00edstica del Altiplano S.A., oficina {}",
            _MOSTLY_EMPTY,
        ),
        (1, "{}" + "\u65e5\u672c" * 30, _MOSTLY_EMPTY),
        (6, "{}", _GROUPS_MOSTLY_EMPTY),
    ],
    ids=["long names", "wide names", "groups"],
)
def test_a_page_of_the_most_tiles_is_below_2_mb(
    companies: int, name: str, tiles: tuple[Tile, ...]
) -> None:
    """120 days of 50 companies, or of 36 rows of 6: most cells are empty, and each has a mark."""
    large = sample.large()
    count = 50 if companies == 1 else 36
    named = [Company(str(10**9 + at), name.format(at)) for at in range(count)]
    days = [date(2026, 1, 1) + timedelta(at) for at in range(120)]
    spans = tuple(WindowSpan(day, day, 1, 1) for day in days)
    coverage = replace(
        large.coverage,
        groups=tuple(CompanyGroup(one, one, companies) for one in named),
        spans=spans,
        tiles=tuple(
            tuple(tiles[(7 * row + at) % len(tiles)] for at in range(len(spans)))
            for row in range(count)
        ),
    )
    sums = tuple(
        replace(large.over_time[at % 50], span=span, is_settled=False)
        for at, span in enumerate(spans)
    )
    page = page_of(replace(large, coverage=coverage, over_time=sums), Lang.ES)
    assert 1_000_000 < len(page.encode()) < 2_000_000
