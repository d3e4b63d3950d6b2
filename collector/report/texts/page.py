"""Words of the frame of the page: title, headings, the verdict, the cards."""

from typing import Final

from collector.report.language import Plural, Text

TITLE: Final = Text("Collection report", "Informe de recolección")
SUBTITLE: Final = Text(
    "Push-notification statistics by company and window",
    "Estadísticas de notificaciones push por empresa y ventana",
)
PERIOD: Final = Text("Period", "Período")
COMPANIES: Final = Plural(Text("{n} company", "{n} empresa"), Text("{n} companies", "{n} empresas"))
WINDOWS: Final = Plural(Text("{n} window", "{n} ventana"), Text("{n} windows", "{n} ventanas"))
RUNS: Final = Plural(Text("{n} run", "{n} ejecución"), Text("{n} runs", "{n} ejecuciones"))
MADE: Final = Text("made {at} by collector {version}", "generado {at} por collector {version}")
SKIP: Final = Text("Skip to the figures", "Saltar a las cifras")
CONTENTS: Final = Text("Contents", "Contenido")
NO_SCRIPT: Final = Text(
    "The pictures need JavaScript, which is switched off here. "
    "All figures are in the tables: open “Data as a table”.",
    "Los gráficos necesitan JavaScript, que aquí está desactivado. "
    "Todas las cifras están en las tablas: abra «Datos en tabla».",
)
DATA_AS_TABLE: Final = Text("Data as a table", "Datos en tabla")
PNG: Final = Text("Save as a picture (PNG)", "Guardar como imagen (PNG)")
FOOTER: Final = Text(
    "This page is complete in itself: it loads nothing and sends nothing.",
    "Esta página está completa: no carga ni envía nada.",
)
COMPANY: Final = Text("Company", "Empresa")
WINDOW: Final = Text("Window", "Ventana")
TOTAL_ROW: Final = Text("All", "Todo")

NAV_COVERAGE: Final = Text("Coverage", "Cobertura")
NAV_DELIVERY: Final = Text("Delivery", "Entrega")
NAV_TIME: Final = Text("Over time", "En el tiempo")
NAV_FAILING: Final = Text("Failures", "Fallos")
NAV_RESTATED: Final = Text("Changes", "Cambios")
NAV_BEHAVIOUR: Final = Text("Behaviour", "Comportamiento")
NAV_QUALITY: Final = Text("Data quality", "Calidad")
NAV_RUNS: Final = Text("Runs", "Ejecuciones")
NAV_READING: Final = Text("How to read this", "Cómo leer esto")

COMPLETE: Final = Text("Complete", "Completo")
COMPLETE_LINE: Final = Plural(
    Text("The one planned cell has an answer.", "La única celda planificada tiene respuesta."),
    Text(
        "Every one of the {n} planned cells has an answer.",
        "Cada una de las {n} celdas planificadas tiene respuesta.",
    ),
)
INCOMPLETE: Final = Text("Incomplete: {what}", "Incompleto: {what}")
IN_PROGRESS: Final = Text("In progress: {what}", "En curso: {what}")
INCOMPLETE_LINE: Final = Text(
    "{answered} of {planned} planned cells have an answer. "
    "The same command again asks for what failed or is missing.",
    "{answered} de {planned} celdas planificadas tienen respuesta. "
    "El mismo comando, otra vez, pide lo que falló o falta.",
)
IN_PROGRESS_LINE: Final = Text(
    "{answered} of {planned} planned cells have an answer so far; a run is at work.",
    "{answered} de {planned} celdas planificadas tienen respuesta; una ejecución está en curso.",
)
NOTHING: Final = Text("Nothing planned", "Nada planificado")
NOTHING_LINE: Final = Text(
    "The runs hold no planned cell, so there is nothing to show.",
    "Las ejecuciones no tienen celdas planificadas, así que no hay nada que mostrar.",
)
OTHER_DAYS: Final = Text("Do not trust these figures", "No confíe en estas cifras")
OTHER_DAYS_LINE: Final = Text(
    "The server ignored the date range of a run: its answers are of other days than they say.",
    "El servidor ignoró las fechas de una ejecución: sus respuestas son de otros días "
    "que los indicados.",
)
ODD_DATA: Final = Text(
    "There are remarks on the data quality.", "Hay observaciones sobre la calidad de los datos."
)
MISSING_CELLS: Final = Plural(
    Text("{n} cell missing", "falta {n} celda"), Text("{n} cells missing", "faltan {n} celdas")
)
FAILED_CELLS: Final = Plural(
    Text("{n} cell failed", "falló {n} celda"), Text("{n} cells failed", "fallaron {n} celdas")
)
NOTHING_YET: Final = Text("no gaps so far", "sin huecos hasta ahora")

CARD_COVERAGE: Final = Text("Coverage", "Cobertura")
CARD_COVERAGE_NOTE: Final = Text("{answered} of {planned} cells", "{answered} de {planned} celdas")
CARD_GAPS: Final = Text("Missing · failed", "Faltan · fallaron")
CARD_GAPS_NOTE: Final = Plural(
    Text("cells, of {n} company", "celdas, de {n} empresa"),
    Text("cells, of {n} companies", "celdas, de {n} empresas"),
)
CARD_NO_GAPS: Final = Text("no company has gaps", "ninguna empresa tiene huecos")
CARD_TOTAL_NOTE: Final = Text("notifications", "notificaciones")
CARD_OF_TOTAL: Final = Text("{share} of total", "{share} del total")
CARD_FAILS_NOTE: Final = Text("{n} of {total}", "{n} de {total}")
CARD_RECEIVED: Final = Text("received", "recibidas")
CARD_RECEIVED_NOTE: Final = Text("{n}, as a share of sended", "{n}, respecto de sended")
CARD_NONE: Final = Text("no notifications", "sin notificaciones")
CARD_NONE_SENT: Final = Text("{n}; sended is 0", "{n}; sended es 0")
CARD_ENDED: Final = Text("Last run", "Última ejecución")
