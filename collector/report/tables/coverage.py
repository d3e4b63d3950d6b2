"""The tables behind the heat map."""

from collections.abc import Iterable, Sequence

from collector.report.html import Markup, company, joined, prose, untrusted
from collector.report.language import Language
from collector.report.model import CompanyGap, CompanyGroup, CoverageMap, Tile
from collector.report.tables.parts import Row, numbers, row, table
from collector.report.texts import coverage as texts
from collector.report.texts import page as page_texts

__all__ = ["by_companies", "by_windows", "gaps"]


def by_companies(coverage: CoverageMap, words: Language) -> Markup:
    """Return the cells of each row of the heat map."""
    rows = (
        row(_group(group), *_states(_summed(tiles), words))
        for group, tiles in zip(coverage.groups, coverage.tiles, strict=True)
    )
    head = words(page_texts.COMPANY)
    return _states_table(words(texts.BY_COMPANIES), head, rows, words)


def by_windows(coverage: CoverageMap, words: Language) -> Markup:
    """Return the cells of each column of the heat map."""
    columns = zip(*coverage.tiles, strict=True)
    rows = (
        row(prose(words.span(span)), *_states(_summed(tiles), words))
        for span, tiles in zip(coverage.spans, columns, strict=False)
    )
    head = words(page_texts.WINDOW)
    return _states_table(words(texts.BY_WINDOWS), head, rows, words)


def gaps(found: Sequence[CompanyGap], words: Language) -> Markup:
    """Return the companies that lack most answers."""
    names = (texts.MISSING, texts.FAILED, texts.PLANNED)
    rows = (
        row(company(gap.company), *numbers((gap.missing, gap.failed, gap.planned), words))
        for gap in found
    )
    head = words(page_texts.COMPANY)
    return table(words(texts.GAPS), [head, *map(words, names)], rows)


def _states_table(caption: str, head: str, rows: Iterable[Row], words: Language) -> Markup:
    names = (
        *(texts.DATA, texts.EMPTY, texts.FAILED),
        *(texts.MISSING, texts.ANSWERED),
    )
    return table(caption, [head, *map(words, names)], rows)


def _states(tile: Tile, words: Language) -> list[str]:
    answered = tile.data + tile.empty
    planned = answered + tile.failed + tile.missing
    counts = (tile.data, tile.empty, tile.failed, tile.missing)
    return [*numbers(counts, words), words.share(answered, planned)]


def _summed(tiles: Iterable[Tile]) -> Tile:
    found = [(tile.data, tile.empty, tile.failed, tile.missing) for tile in tiles]
    data, empty, failed, missing = (sum(column) for column in zip(*found, strict=True))
    return Tile(data, empty, failed, missing)


def _group(group: CompanyGroup) -> Markup:
    if group.companies == 1:
        return company(group.first)
    return joined((untrusted(group.first.id), " \N{EN DASH} ", untrusted(group.last.id)))
