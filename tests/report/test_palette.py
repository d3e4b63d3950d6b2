from collections.abc import Mapping
from itertools import pairwise

import pytest

from collector.report.palette import DARK, LIGHT, variable
from collector.report.panels import TINT

_PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _tinted(below: str, tint: str) -> str:
    """Return the colour of a ground of columns over another colour."""
    mixed = (
        (1 - TINT) * int(below[at : at + 2], 16) + TINT * int(tint[at : at + 2], 16)
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


@_PALETTES
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((text, ground) for text in ("ink", "muted", "link") for ground in ("page", "panel")),
        ("ink", "shade"),
        ("bad", "panel"),
        *(
            (text, f"{kind}-ground")
            for kind in ("good", "warn", "bad")
            for text in (kind, "ink", "link")
        ),
    ],
)
def test_text_stands_out(palette: Mapping[str, str], text: str, ground: str) -> None:
    """By 4.5 to 1 at least: WCAG 2.2, level AA."""
    assert _contrast(palette[text], palette[ground]) >= 4.5


@_PALETTES
@pytest.mark.parametrize("name", ["total", "sended", "received", "pending", "fails", "pressed"])
def test_lines_and_bars_stand_out(palette: Mapping[str, str], name: str) -> None:
    """By 3 to 1 at least, also on each ground of a column, and where it has both."""
    panel = palette["panel"]
    grey, yellow = (_tinted(panel, palette[tint]) for tint in ("edge", "unsettled"))
    for ground in (panel, grey, yellow, _tinted(grey, palette["unsettled"])):
        assert _contrast(palette[name], ground) >= 3, ground


@_PALETTES
def test_lines_of_a_grid_show_through_a_ground(palette: Mapping[str, str]) -> None:
    """A tint leaves most of the contrast that they have with the panel."""
    for tint in ("edge", "unsettled"):
        grounds = [_tinted(palette[below], palette[tint]) for below in ("panel", "line")]
        assert _contrast(*grounds) - 1 > 0.5 * (_contrast(palette["panel"], palette["line"]) - 1)


@_PALETTES
@pytest.mark.parametrize(
    "fills",
    [
        ("empty", "data", "failed", "missing"),
        ("empty", "data", "few", "many", "most"),
    ],
    ids=["single", "many"],
)
def test_fills_are_told_apart_without_colours(
    palette: Mapping[str, str], fills: tuple[str, ...]
) -> None:
    """The more is lacking, the further from the ground; the marks on them stand out by 3 to 1."""
    steps = [_contrast(palette[f"cell-{fill}"], palette["panel"]) for fill in fills]
    without_gaps = fills.index("data")
    for place, (better, worse) in enumerate(pairwise(steps)):
        # Whether some are empty is no alarm: there the step may be a small one.
        assert worse > (1.25 if place >= without_gaps else 1.15) * better, fills[place]
    for fill in fills:
        assert _contrast(palette[f"mark-{fill}"], palette[f"cell-{fill}"]) >= 3, fill
    for fill in fills[-2:]:
        assert _contrast(palette[f"cell-{fill}"], palette["cell-data"]) >= 2, fill


def test_both_palettes_have_the_same_colours() -> None:
    """And a name that is in neither is a mistake at once."""
    assert set(LIGHT) == set(DARK)
    with pytest.raises(KeyError):
        variable("pink")
