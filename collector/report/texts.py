"""Texts of the page as a whole: title, verdict, cards, glossary; and those that features share."""

from typing import Final

from collector.report.language import Plural, Text

TITLE: Final = Text("Collection report", "Informe de recolección")
SUBTITLE: Final = Text(
    "Push-notification statistics by company and window",
    "Estadísticas de notificaciones push por empresa y ventana",
)
COMPANIES: Final = Plural(Text("{n} company", "{n} empresa"), Text("{n} companies", "{n} empresas"))
WINDOWS: Final = Plural(Text("{n} window", "{n} ventana"), Text("{n} windows", "{n} ventanas"))
RUNS: Final = Plural(Text("{n} run", "{n} ejecución"), Text("{n} runs", "{n} ejecuciones"))
MADE: Final = Text("made {at} by collector {version}", "generado {at} por collector {version}")
SKIP: Final = Text("Skip to the figures", "Saltar a las cifras")
CONTENTS: Final = Text("Contents", "Contenido")
DATA_AS_TABLE: Final = Text("Data as a table", "Datos en tabla")
FOOTER: Final = Text(
    "This page is complete in itself: it loads nothing and sends nothing.",
    "Esta página está completa: no carga ni envía nada.",
)
COMPANY: Final = Text("Company", "Empresa")
WINDOW: Final = Text("Window", "Ventana")
ACTION: Final = Text("action", "acción")
OVERLAP: Final = Text(
    "Windows of these runs have days in common: sums count those days more than once.",
    "Las ventanas de estas ejecuciones comparten días: las sumas cuentan esos días más de una vez.",
)

COMPLETE: Final = Text("Complete", "Completo")
COMPLETE_LINE: Final = Plural(
    Text("The one planned cell has an answer.", "La única celda planificada tiene respuesta."),
    Text(
        "Every one of the {n} planned cells has an answer.",
        "Cada una de las {n} celdas planificadas tiene respuesta.",
    ),
)
COMPLETE_RUNS_LINE: Final = Plural(
    Text(
        "The one planned cell has an answer in at least one of the runs.",
        "La única celda planificada tiene respuesta en alguna de las ejecuciones.",
    ),
    Text(
        "Every one of the {n} planned cells has an answer in at least one of the runs.",
        "Cada una de las {n} celdas planificadas tiene respuesta en alguna de las ejecuciones.",
    ),
)
COMPLETE_BUT_SAME: Final = Text(
    "Complete, but the dates are in doubt", "Completo, pero las fechas son dudosas"
)
SAME_LINE: Final = Text(
    "Most companies have the same answer in every window: the API seems to ignore the dates.",
    "La mayoría de las empresas tiene la misma respuesta en todas las ventanas: "
    "la API parece ignorar las fechas.",
)
NOT_KNOWN: Final = Text("Coverage is not known", "No se conoce la cobertura")
NOT_KNOWN_LINE: Final = Text(
    "Coverage is not known: the list of companies of a run is lost or was edited, "
    "so cells may be missing that are not counted here.",
    "No se conoce la cobertura: la lista de empresas de una ejecución se perdió o fue editada, "
    "así que puede haber celdas faltantes que aquí no se cuentan.",
)
DATES_DOUBTS: Final = {
    "trusted": Text(
        "That the server honours the dates was trusted in the newest run, not proved.",
        "En la ejecución más reciente, que el servidor respeta las fechas se dio por bueno, "
        "sin comprobarlo.",
    ),
    "doubted": Text(
        "The latest answers of the newest run repeat, and it was not found out whether the server "
        "still honours the dates.",
        "Las últimas respuestas de la ejecución más reciente se repiten, y no se averiguó si el "
        "servidor sigue respetando las fechas.",
    ),
    "inconclusive": Text(
        "Whether the server honours the dates could not be found out in the newest run.",
        "En la ejecución más reciente no se pudo averiguar si el servidor respeta las fechas.",
    ),
}
INCOMPLETE: Final = Text("Incomplete: {what}", "Incompleto: {what}")
IN_PROGRESS: Final = Text("In progress: {what}", "En curso: {what}")
ANSWERED: Final = Text(
    "{answered} of {planned} planned cells have an answer.",
    "{answered} de {planned} celdas planificadas tienen respuesta.",
)
ANSWERED_RUNS: Final = Text(
    "{answered} of {planned} planned cells have an answer in at least one of the runs.",
    "{answered} de {planned} celdas planificadas tienen respuesta en alguna de las ejecuciones.",
)
NEXT_STEP: Final = Text(
    "collector status DIR, with the directory of a run, prints the command that goes on with it.",
    "collector status DIR, con el directorio de una ejecución, muestra el comando que la continúa.",
)
RUNNING: Final = Text("A run is at work.", "Una ejecución está en curso.")
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
    Text("{n} cell missing", "{n} celda faltante"),
    Text("{n} cells missing", "{n} celdas faltantes"),
)
FAILED_CELLS: Final = Plural(
    Text("{n} cell failed", "{n} celda fallida"), Text("{n} cells failed", "{n} celdas fallidas")
)
NOTHING_YET: Final = Text("no gaps so far", "sin huecos hasta ahora")

CARD_COVERAGE: Final = Text("Coverage", "Cobertura")
CARD_COVERAGE_NOTE: Final = Text("{answered} of {planned} cells", "{answered} de {planned} celdas")
CARD_GAPS: Final = Text("Missing · failed", "Faltantes · fallidas")
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

READING: Final = Text("How to read this", "Cómo leer esto")
GLOSSARY: Final = (
    (
        Text("cell", "celda"),
        Text(
            "One company in one window of days: one question to the API, and one answer.",
            "Una empresa en una ventana de días: una consulta a la API, y una respuesta.",
        ),
    ),
    (
        Text("coverage", "cobertura"),
        Text(
            "The share of planned cells that have an answer, be it with data or empty.",
            "La proporción de celdas planificadas que tienen respuesta, con datos o vacía.",
        ),
    ),
    (
        Text("data · empty", "con datos · vacía"),
        Text(
            "An answer with figures; an answer in which all are zero. A company without campaigns "
            "is empty, which is no error.",
            "Una respuesta con cifras; una respuesta con todo en cero. Una empresa sin campañas "
            "está vacía, y no es un error.",
        ),
    ),
    (
        Text("failed · missing", "fallida · faltante"),
        Text(
            "Given up after several tries, with the reason in errors.jsonl; not answered yet, "
            "because the run ended before. collector status DIR prints the command that asks "
            "for both again.",
            "Abandonada tras varios intentos, con el motivo en errors.jsonl; aún sin respuesta, "
            "porque la ejecución terminó antes. collector status DIR muestra el comando que las "
            "vuelve a pedir.",
        ),
    ),
    (
        Text("total", "total"),
        Text(
            "Notifications of the window. It should be sended + pending + fails.",
            "Notificaciones de la ventana. Debería ser sended + pending + fails.",
        ),
    ),
    (
        Text("sended", "sended"),
        Text(
            "Notifications that were sent (the API spells it so).",
            "Notificaciones enviadas (la API lo escribe así).",
        ),
    ),
    (
        Text("pending", "pending"),
        Text(
            "Notifications not sent yet. They move to sended or fails later.",
            "Notificaciones aún no enviadas. Más tarde pasan a sended o a fails.",
        ),
    ),
    (
        Text("fails", "fails"),
        Text(
            "Notifications that could not be sent.",
            "Notificaciones que no se pudieron enviar.",
        ),
    ),
    (
        Text("received · pressed", "recibidas · presionadas"),
        Text(
            "The actions RECEIVED and PRESS_ACTION: it arrived; somebody pressed on it. They come "
            "later than the sending, and nothing ties them to sended of the same window.",
            "Las acciones RECEIVED y PRESS_ACTION: llegó; alguien la presionó. Llegan después del "
            "envío, y nada las ata al sended de la misma ventana.",
        ),
    ),
    (
        Text("restated", "modificada (restated)"),
        Text(
            "A cell that was asked for again in a later run, and whose figures had changed. "
            "Recent days do so as a matter of course.",
            "Una celda consultada de nuevo en una ejecución posterior, cuyas cifras habían "
            "cambiado. En los días recientes es lo habitual.",
        ),
    ),
    (
        Text("p50 · p90 · p99", "p50 · p90 · p99"),
        Text(
            "Latencies that 50, 90 and 99 of 100 answers stayed below.",
            "Latencias que 50, 90 y 99 de cada 100 respuestas no superaron.",
        ),
    ),
    (
        Text("rate-limited · retried", "limitada · reintentada"),
        Text(
            "Requests that the server turned away for coming too fast; requests that were sent "
            "again after an error.",
            "Solicitudes que el servidor rechazó por llegar demasiado rápido; solicitudes "
            "enviadas de nuevo tras un error.",
        ),
    ),
)
