"""Words about coverage: the heat map, its legend and its tables."""

from typing import Final

from collector.report.language import Plural, Text

HEADING: Final = Text("Coverage", "Cobertura")
INTRO: Final = Text(
    "Companies from top to bottom, windows from left to right. Each tile stands for the cells of "
    "its companies in its windows, and shows the worst that is among them.",
    "Empresas de arriba abajo, ventanas de izquierda a derecha. Cada recuadro representa las "
    "celdas de sus empresas en sus ventanas, y muestra lo peor que hay entre ellas.",
)
INTRO_SINGLE: Final = Text(
    "Companies from top to bottom, windows from left to right: one tile for each cell.",
    "Empresas de arriba abajo, ventanas de izquierda a derecha: un recuadro por celda.",
)
SUMMARY: Final = Text(
    "{share} of {planned} cells have an answer: {data} with data, {empty} empty. "
    "Failed: {failed}; missing: {missing}.",
    "{share} de {planned} celdas tienen respuesta: {data} con datos, {empty} vacías. "
    "Fallidas: {failed}; faltantes: {missing}.",
)
ONE_CELL: Final = Text(
    "There is only one cell, so there is no map to draw. It is: {state}.",
    "Hay una sola celda, así que no hay mapa que dibujar. Está: {state}.",
)
NONE: Final = Text("Nothing was planned.", "No se planificó nada.")

DATA: Final = Text("data", "con datos")
EMPTY: Final = Text("empty", "vacías")
FAILED: Final = Text("failed", "fallidas")
MISSING: Final = Text("missing", "faltantes")
PLANNED: Final = Text("planned", "planificadas")
ANSWERED: Final = Text("answered", "respondidas")

LEGEND: Final = Text("Legend of the map", "Leyenda del mapa")
LEGEND_DATA: Final = Text("data", "con datos")
LEGEND_EMPTY: Final = Text("empty: answered, all zeros", "vacía: respondida, todo en cero")
LEGEND_FAILED: Final = Text("failed for good", "falló definitivamente")
LEGEND_MISSING: Final = Text("missing: no answer yet", "falta: aún sin respuesta")
LEGEND_BLANK: Final = Text("blank: not planned", "en blanco: no planificada")
LEGEND_MOSTLY_DATA: Final = Text(
    "all answered, half or more with data", "todo respondido, la mitad o más con datos"
)
LEGEND_MOSTLY_EMPTY: Final = Text(
    "all answered, more than half empty (zeros)", "todo respondido, más de la mitad vacío (ceros)"
)
LEGEND_SOME_FAILED: Final = Text(
    "at least one cell failed for good, none missing",
    "al menos una celda falló definitivamente, ninguna falta",
)
LEGEND_SOME_MISSING: Final = Text(
    "at least one cell is missing (no answer yet)", "falta al menos una celda (aún sin respuesta)"
)
LEGEND_SIZE: Final = Text(
    "The larger the mark, the larger the share of such cells in the tile.",
    "Cuanto mayor la marca, mayor la proporción de esas celdas en el recuadro.",
)

HOVER_COMPANIES: Final = Text(
    "{n} companies, {first} \N{EN DASH} {last}", "{n} empresas, {first} \N{EN DASH} {last}"
)
HOVER_WINDOWS: Final = Text("{n} windows, {days}", "{n} ventanas, {days}")
HOVER_STATE: Final = Text("{state}: {n} of {planned}", "{state}: {n} de {planned}")
NOT_PLANNED: Final = Text("nothing planned", "nada planificado")

BY_COMPANIES: Final = Text("Cells by companies", "Celdas por empresas")
BY_WINDOWS: Final = Text("Cells by windows", "Celdas por ventanas")
COMPANIES: Final = Text("Companies", "Empresas")
WINDOWS: Final = Text("Windows", "Ventanas")

GAPS: Final = Text("Companies with most gaps", "Empresas con más huecos")
GAPS_ALL: Final = Plural(
    Text("{n} company lacks answers.", "A {n} empresa le faltan respuestas."),
    Text("{n} companies lack answers.", "A {n} empresas les faltan respuestas."),
)
GAPS_SOME: Final = Text(
    "{n} companies lack answers; the {shown} that lack most are listed. "
    "collector status --json lists them all.",
    "A {n} empresas les faltan respuestas; se listan las {shown} con más huecos. "
    "collector status --json las lista todas.",
)
NO_GAPS: Final = Text("No company lacks an answer.", "A ninguna empresa le faltan respuestas.")
