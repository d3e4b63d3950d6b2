"""Vega-Lite specifications as inline SVG that is small, safe, and the same for the same input.

vl-convert draws in this process, without a browser and without the network. What it returns is read
again, and only elements and attributes of a short list are written: no id, no address, no script
and no style can pass, whatever a name of the data says.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup

__all__ = ["Json", "drawn"]

Json = Mapping[str, object]

_VERSION: Final = "6.4"
"""The version of Vega-Lite, of those that vl-convert brings."""

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_SPACE: Final = "{http://www.w3.org/2000/svg}"

_ELEMENTS: Final = frozenset({"svg", "g", "path", "line", "text", "tspan", "rect"})
_INHERITED: Final = (
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"),
    *("font-size", "font-weight", "text-anchor"),
)
_PLACES: Final = ("d", "transform", "x", "y", "x2", "y2", "dx", "dy", "width", "height")
_KEPT: Final = frozenset((*_PLACES, *_INHERITED, "opacity"))
_DEFAULTS: Final = {
    ("transform", "translate(0,0)"),
    ("opacity", "1"),
    ("stroke-width", "1"),
    ("stroke-dasharray", "1,0"),
    ("x2", "0"),
    ("y2", "0"),
}
_SCENERY: Final = frozenset({"background", "foreground"})
"""Classes of paths that show nothing: the grounds of groups."""

_SYMBOL: Final = re.compile(r"(?:[ML][-\d.]+,[-\d.]+|A[-\d.]+(?:,[-\d.]+){6}|Z)+")
"""The way of a symbol: all its places are absolute."""

_PLACE: Final = re.compile(r"(-?[\d.]+),(-?[\d.]+)(?=[MLAZ]|$)")
"""A place in such a way: the last two numbers of each command."""

_TRANSLATED: Final = re.compile(r"translate\((-?[\d.]+),(-?[\d.]+)\)")
_FRACTION: Final = re.compile(r"-?\d+\.\d+(?:e-\d+)?")


@dataclass(slots=True)
class _Node:
    """An element of a picture; `tip` is what is known of the mark."""

    name: str
    attributes: dict[str, str]
    tip: str | None = None
    text: str = ""
    children: list["_Node"] = field(default_factory=list)


def drawn(spec: Json, *, decimal: str, thousands: str) -> Markup:
    """Return the SVG of a specification; `decimal` and `thousands` are the marks in numbers.

    A mark with a `description` becomes one with a <title>, in a group of the class `spots`. Raises
    `ValueError` for a specification that names an address, or that cannot be drawn.
    """
    text = vl_convert.vegalite_to_svg(
        {"$schema": _SCHEMA, **spec},
        vl_version=_VERSION,
        allowed_base_urls=[],
        format_locale={
            "decimal": decimal,
            "thousands": thousands,
            "grouping": [3],
            "currency": ["", ""],
        },
    )
    root = ET.fromstring(text)  # noqa: S314 - made above, without a document type
    nodes = [found for child in root for found in _nodes(child)]
    for node in nodes:
        _hoist(node)
    width, height = root.get("width", "0"), root.get("height", "0")
    body = "".join(map(_written, nodes))
    svg = f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">{body}</svg>'
    # Every text and attribute in it was escaped when it was written.
    return Markup(svg)  # noqa: S704


def _nodes(element: ET.Element) -> Iterator[_Node]:
    """Yield an element, or its children if it is a group that says nothing."""
    name = element.tag.removeprefix(_SPACE)
    if name not in _ELEMENTS:
        raise ValueError(f"a picture has the element {name}, which is not allowed")
    if element.get("class") in _SCENERY:
        return
    node = _Node(name, _attributes(element), text=(element.text or "").strip())
    if name != "g":
        node.tip = element.get("aria-label")
    node.children = _joined([found for child in element for found in _nodes(child)])
    if any(child.tip for child in node.children):
        node.attributes["class"] = "spots"
    if name != "g" or (node.children and node.attributes):
        yield node
    else:
        yield from node.children


def _attributes(element: ET.Element) -> dict[str, str]:
    kept = (
        (name, _FRACTION.sub(_tenth, value) if "." in value else value)
        for name, value in element.items()
        if name in _KEPT
    )
    return {name: value for name, value in kept if value and (name, value) not in _DEFAULTS}


def _joined(nodes: list[_Node]) -> list[_Node]:
    """Return nodes with neighbouring symbols of one style as one: each alone takes 130 bytes."""
    found: list[_Node] = []
    for style, group in groupby(nodes, key=_style):
        same = list(group)
        if style is not None and len(same) > 1:
            way = "".join(map(_moved, same))
            found.append(_Node("path", {"d": way, **dict(style)}))
        else:
            found += same
    return found


def _style(node: _Node) -> tuple[tuple[str, str], ...] | None:
    """Return what a symbol has but its place and its way; None for what cannot be joined.

    What overlaps may shine through, so that two with an opacity are not the same as one of both.
    """
    has_opacity = any("opacity" in name for name in node.attributes)
    if node.name != "path" or node.tip or has_opacity:
        return None
    if not _TRANSLATED.fullmatch(node.attributes.get("transform", "")):
        return None
    if not _SYMBOL.fullmatch(node.attributes.get("d", "")):
        return None
    return tuple(one for one in node.attributes.items() if one[0] not in {"d", "transform"})


def _moved(symbol: _Node) -> str:
    """Return the way of a symbol where its transform puts it."""
    by = _TRANSLATED.fullmatch(symbol.attributes["transform"])
    across, down = map(float, by.groups()) if by else (0.0, 0.0)

    def place(found: re.Match[str]) -> str:
        return f"{_short(float(found[1]) + across)},{_short(float(found[2]) + down)}"

    return _PLACE.sub(place, symbol.attributes["d"])


def _hoist(node: _Node) -> None:
    """Move what most children have in common to their group, if each says what it has."""
    for child in node.children:
        _hoist(child)
    if node.name != "g":
        return
    for name in _INHERITED:
        values = Counter(child.attributes.get(name) for child in node.children)
        commonest, _ = values.most_common(1)[0]
        if commonest is None or None in values:
            continue
        node.attributes[name] = commonest
        for child in node.children:
            if child.attributes[name] == commonest:
                del child.attributes[name]


def _written(node: _Node) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes.items())
    tip = f"<title>{escape(node.tip)}</title>" if node.tip else ""
    inner = f"{tip}{escape(node.text, quote=False)}{''.join(map(_written, node.children))}"
    return (
        f"<{node.name}{attributes}>{inner}</{node.name}>"
        if inner
        else (f"<{node.name}{attributes}/>")
    )


def _tenth(number: re.Match[str]) -> str:
    return _short(float(number[0]))


def _short(number: float) -> str:
    """Return a number to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
