"""Texts about coverage: the heat map, its legend and its tables."""

from typing import Final

from collector.report.language import Plural, Text

HEADING: Final = Text("Coverage", "Cobertura")
INTRO: Final = Text(
    "Companies from top to bottom, windows from left to right. Each tile stands for the cells of "
    "its companies in its windows: its colour tells the share that has no answer, its mark the "
    "worst that is among them. The larger the share, the larger the mark.",
    "Empresas de arriba abajo, ventanas de izquierda a derecha. Cada recuadro representa las "
    "celdas de sus empresas en sus ventanas: el color indica la proporción sin respuesta, y la "
    "marca lo peor que hay entre ellas. Cuanto mayor la proporción, mayor la marca.",
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
    "There is only one cell, so there is no map to draw. State: {state}.",
    "Hay una sola celda, así que no hay mapa que dibujar. Está: {state}.",
)
NONE: Final = Text("Nothing was planned.", "No se planificó nada.")

ONE_DATA: Final = Text("data", "con datos")
ONE_EMPTY: Final = Text("empty", "vacía")
ONE_FAILED: Final = Text("failed", "fallida")
ONE_MISSING: Final = Text("missing", "faltante")
DATA: Final = Text("data", "con datos")
EMPTY: Final = Text("empty", "vacías")
FAILED: Final = Text("failed", "fallidas")
MISSING: Final = Text("missing", "faltantes")
PLANNED: Final = Text("planned", "planificadas")
ANSWERED: Final = Text("answered", "respondidas")

LEGEND: Final = Text("Legend of the map", "Leyenda del mapa")
LEGEND_DATA: Final = Text("data", "con datos")
LEGEND_EMPTY: Final = Text("empty: answered, all zeros", "vacía: respondida, todo en cero")
LEGEND_FAILED: Final = Text("failed for good", "fallida definitivamente")
LEGEND_MISSING: Final = Text("missing: no answer yet", "faltante: aún sin respuesta")
LEGEND_BLANK: Final = Text("blank: not planned", "en blanco: no planificada")
LEGEND_ANSWERED: Final = Text("answered: at least 99 %", "con respuesta: al menos el 99 %")
LEGEND_MOST_EMPTY: Final = Text(
    "likewise, and more than half of them empty (zeros)",
    "ídem, y más de la mitad vacías (ceros)",
)
LEGEND_FEW: Final = Text(
    "failed or missing: 1 % to less than 10 %", "fallidas o faltantes: del 1 % a menos del 10 %"
)
LEGEND_MANY: Final = Text("10 % to less than 50 %", "del 10 % a menos del 50 %")
LEGEND_MOST: Final = Text("50 % or more", "50 % o más")
LEGEND_WORST_FAILED: Final = Text(
    "some failed for good, none missing", "algunas fallidas definitivamente, ninguna faltante"
)
LEGEND_WORST_MISSING: Final = Text(
    "some missing (no answer yet)", "algunas faltantes (aún sin respuesta)"
)

HOVER_COMPANIES: Final = Text(
    "{n} companies, {first} \N{EN DASH} {last}", "{n} empresas, {first} \N{EN DASH} {last}"
)
HOVER_WINDOWS: Final = Text("{n} windows, {days}", "{n} ventanas, {days}")
HOVER_STATE: Final = Text("{state}: {n} of {planned}", "{state}: {n} de {planned}")

BY_COMPANIES: Final = Text("Cells by companies", "Celdas por empresas")
BY_WINDOWS: Final = Text("Cells by windows", "Celdas por ventanas")

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
