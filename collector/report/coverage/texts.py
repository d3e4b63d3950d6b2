"""Texts about coverage: the heat map, its legend and its tables."""

from typing import Final

from collector.report.language import Plural, Text

HEADING: Final = Text("Coverage", "Cobertura")
INTRO: Final = Text(
    "Companies from top to bottom, time from left to right. Each tile stands for the cells of "
    "its companies on its days. Its colour shows the share without an answer, from 1 % on. A "
    "mark shows that at least one cell failed or is missing; it grows with the share.",
    "Empresas de arriba abajo, tiempo de izquierda a derecha. Cada recuadro representa las "
    "celdas de sus empresas en sus días. El color indica la proporción sin respuesta, a partir "
    "del 1 %. Una marca indica que al menos una celda falló o falta, y crece con la proporción.",
)
INTRO_SINGLE: Final = Text(
    "Companies from top to bottom, windows from left to right: one tile per cell.",
    "Empresas de arriba abajo, ventanas de izquierda a derecha: un recuadro por celda.",
)
SUMMARY: Final = Text(
    "Answered: {answered} of {planned} cells ({share}), {data} and {empty}. "
    "Not answered: {failed} and {missing}.",
    "Con respuesta: {answered} de {planned} celdas ({share}), {data} y {empty}. "
    "Sin respuesta: {failed} y {missing}.",
)
ONE_CELL: Final = Text(
    "There is only one cell, so there is no map. State: {state}.",
    "Hay una sola celda, así que no hay mapa. Estado: {state}.",
)
NONE: Final = Text("Nothing was planned.", "No se planificó nada.")

COUNT_DATA: Final = Plural(
    Text("{n} with data", "{n} con datos"), Text("{n} with data", "{n} con datos")
)
COUNT_EMPTY: Final = Plural(Text("{n} empty", "{n} vacía"), Text("{n} empty", "{n} vacías"))
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
    "answered, and more than half of them empty (zeros)",
    "con respuesta, y más de la mitad vacías (ceros)",
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

BY_COMPANIES: Final = Text("Cells by company", "Celdas por empresa")
BY_DAYS: Final = Text("Cells over time", "Celdas en el tiempo")

GAPS: Final = Text("Companies with the most gaps", "Empresas con más huecos")
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
