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
MADE: Final = Text(
    "generated on {at} by collector {version}", "generado el {at} por collector {version}"
)
SKIP: Final = Text("Skip to the figures", "Ir a las cifras")
CONTENTS: Final = Text("Contents", "Contenido")
DATA_AS_TABLE: Final = Text("Data as a table", "Datos en tabla")
FOOTER: Final = Text(
    "This page is complete in itself: it loads nothing and sends nothing.",
    "Esta página es autónoma: no carga ni envía nada.",
)
COMPANY: Final = Text("Company", "Empresa")
WINDOW: Final = Text("Window", "Ventana")
DAYS: Final = Text("Days", "Días")
ACTION: Final = Text("action", "acción")
RECORDED: Final = Text("Remarks are as recorded.", "Tal como se registraron, en inglés.")
OVERLAP: Final = Text(
    "Windows of these runs have days in common: sums count those days more than once.",
    "Las ventanas de estas ejecuciones comparten días: las sumas cuentan esos días más de una vez.",
)

COMPLETE: Final = Text("Complete", "Completo")
COMPLETE_LINE: Final = Plural(
    Text("The one planned cell has an answer.", "La única celda planificada tiene respuesta."),
    Text(
        "Every one of the {n} planned cells has an answer.",
        "Las {n} celdas planificadas tienen respuesta.",
    ),
)
COMPLETE_RUNS_LINE: Final = Plural(
    Text(
        "The one planned cell has an answer in at least one of the runs.",
        "La única celda planificada tiene respuesta en al menos una de las ejecuciones.",
    ),
    Text(
        "Every one of the {n} planned cells has an answer in at least one of the runs.",
        "Las {n} celdas planificadas tienen respuesta en al menos una de las ejecuciones.",
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
COMPLETE_BUT_OLDER: Final = Plural(
    Text(
        "Complete, but {n} cell is from an older run",
        "Completo, pero {n} celda es de una ejecución anterior",
    ),
    Text(
        "Complete, but {n} cells are from an older run",
        "Completo, pero {n} celdas son de una ejecución anterior",
    ),
)
OLDER_LINE: Final = Plural(
    Text(
        "{n} cell is from an older run: the newest run that planned it has no answer for it.",
        "{n} celda es de una ejecución anterior: la ejecución más reciente que la planificó no "
        "tiene respuesta para ella.",
    ),
    Text(
        "{n} cells are from an older run: the newest run that planned them has no answer for them.",
        "{n} celdas son de una ejecución anterior: la ejecución más reciente que las planificó no "
        "tiene respuesta para ellas.",
    ),
)
NOT_KNOWN: Final = Text("Coverage is not known", "No se conoce la cobertura")
NOT_KNOWN_LINE: Final = Text(
    "Coverage is not known: the list of companies of a run is lost or was edited, "
    "so cells may be missing that are not counted here.",
    "No se conoce la cobertura: la lista de empresas de una ejecución se perdió o se editó, "
    "así que puede haber celdas faltantes que aquí no se cuentan.",
)
DATES_DOUBTS: Final = {
    "trusted": Text(
        "In the newest run it was assumed, and not verified, that the server honours the dates.",
        "En la ejecución más reciente se supuso, sin verificarlo, que el servidor respeta las "
        "fechas.",
    ),
    "doubted": Text(
        "The latest answers of the newest run repeat, and it could not be determined whether the "
        "server still honours the dates.",
        "Las últimas respuestas de la ejecución más reciente se repiten, y no se pudo determinar "
        "si el servidor sigue respetando las fechas.",
    ),
    "inconclusive": Text(
        "In the newest run it could not be determined whether the server honours the dates.",
        "En la ejecución más reciente no se pudo determinar si el servidor respeta las fechas.",
    ),
}
INCOMPLETE: Final = Text("Incomplete: {what}", "Incompleto: {what}")
IN_PROGRESS: Final = Text("In progress: {what}", "En curso: {what}")
ANSWERED: Final = Plural(
    Text(
        "Answered: {answered} of {n} planned cell.",
        "Con respuesta: {answered} de {n} celda planificada.",
    ),
    Text(
        "Answered: {answered} of {n} planned cells.",
        "Con respuesta: {answered} de {n} celdas planificadas.",
    ),
)
ANSWERED_RUNS: Final = Plural(
    Text(
        "Answered in at least one of the runs: {answered} of {n} planned cell.",
        "Con respuesta en al menos una de las ejecuciones: {answered} de {n} celda planificada.",
    ),
    Text(
        "Answered in at least one of the runs: {answered} of {n} planned cells.",
        "Con respuesta en al menos una de las ejecuciones: {answered} de {n} celdas planificadas.",
    ),
)
NEXT_STEP: Final = Text(
    "collector status DIR, with the directory of a run, prints the command that resumes it.",
    "collector status DIR, con el directorio de una ejecución, muestra el comando que la reanuda.",
)
RUNNING: Final = Text("A run is in progress.", "Una ejecución está en curso.")
NOTHING: Final = Text("Nothing planned", "Nada planificado")
NOTHING_LINE: Final = Text(
    "The runs hold no planned cell, so there is nothing to show.",
    "Las ejecuciones no tienen celdas planificadas, así que no hay nada que mostrar.",
)
OTHER_DAYS: Final = Text("Do not trust these figures", "No confíe en estas cifras")
OTHER_DAYS_LINE: Final = Text(
    "The server ignored the dates of a run: its answers cover other days than they state.",
    "El servidor ignoró las fechas de una ejecución: sus respuestas corresponden a días distintos "
    "de los indicados.",
)
ODD_DATA: Final = Text(
    "There are remarks on the data quality.", "Hay observaciones sobre la calidad de los datos."
)
COUNT_FAILED: Final = Plural(Text("{n} failed", "{n} fallida"), Text("{n} failed", "{n} fallidas"))
COUNT_MISSING: Final = Plural(
    Text("{n} missing", "{n} faltante"), Text("{n} missing", "{n} faltantes")
)
MISSING_CELLS: Final = Plural(
    Text("{n} cell missing", "falta {n} celda"),
    Text("{n} cells missing", "faltan {n} celdas"),
)
FAILED_CELLS: Final = Plural(
    Text("{n} cell failed", "falló {n} celda"), Text("{n} cells failed", "fallaron {n} celdas")
)
NOTHING_YET: Final = Text("no gaps so far", "sin huecos hasta ahora")

CARD_COVERAGE: Final = Text("Coverage", "Cobertura")
CARD_COVERAGE_NOTE: Final = Plural(
    Text("{answered} of {n} cell", "{answered} de {n} celda"),
    Text("{answered} of {n} cells", "{answered} de {n} celdas"),
)
CARD_GAPS: Final = Text("Missing · failed cells", "Celdas faltantes · fallidas")
CARD_GAPS_NOTE: Final = Plural(
    Text("of {n} company", "de {n} empresa"),
    Text("of {n} companies", "de {n} empresas"),
)
CARD_NO_GAPS: Final = Text("no company has gaps", "ninguna empresa tiene huecos")
CARD_TOTAL_NOTE: Final = Plural(
    Text("notification", "notificación"), Text("notifications", "notificaciones")
)
CARD_SHARE_NOTE: Final = Text("of total ({n} of {total})", "del total ({n} de {total})")
CARD_NONE: Final = Text("no notifications", "sin notificaciones")
CARD_ENDED: Final = Text("Last run", "Última ejecución")

READING: Final = Text("How to read this page", "Cómo leer esta página")
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
            "The share of planned cells that have an answer, with data or empty.",
            "La proporción de celdas planificadas que tienen respuesta, con datos o vacía.",
        ),
    ),
    (
        Text("data · empty", "con datos · vacía"),
        Text(
            "An answer with figures; an answer in which all figures are zero. A company without "
            "campaigns is empty, and that is not an error.",
            "Una respuesta con cifras; una respuesta con todo en cero. Una empresa sin campañas "
            "está vacía, y eso no es un error.",
        ),
    ),
    (
        Text("failed · missing", "fallida · faltante"),
        Text(
            "Failed: given up after several attempts; the reason is in errors.jsonl. Missing: not "
            "answered yet, because the run ended before. collector status DIR prints the command "
            "that requests both again.",
            "Fallida: abandonada tras varios intentos; el motivo está en errors.jsonl. Faltante: "
            "aún sin respuesta, porque la ejecución terminó antes. collector status DIR muestra el "
            "comando que vuelve a pedir ambas.",
        ),
    ),
    (
        Text("total", "total"),
        Text(
            "Notifications of the window. It should be sended + pending + fails. The percentages "
            "of counters and of actions on this page are all shares of it.",
            "Notificaciones de la ventana. Debería ser sended + pending + fails. Los porcentajes "
            "de contadores y de acciones en esta página son todos respecto de él.",
        ),
    ),
    (
        Text("sended", "sended"),
        Text(
            "Notifications that were sent (this is how the API spells it).",
            "Notificaciones enviadas (así lo escribe la API).",
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
        Text("Notifications that could not be sent.", "Notificaciones que no se pudieron enviar."),
    ),
    (
        Text("received · pressed", "recibidas · pulsadas"),
        Text(
            "The actions RECEIVED and PRESS_ACTION: the notification arrived; the user pressed it. "
            "They come later than the sending, and the API counts them apart: they may exceed "
            "sended of the same window.",
            "Las acciones RECEIVED y PRESS_ACTION: la notificación llegó; el usuario la pulsó. "
            "Ocurren después del envío y la API las cuenta aparte: pueden superar al sended de la "
            "misma ventana.",
        ),
    ),
    (
        Text("restated", "modificada"),
        Text(
            "A cell that was requested again in a later run, and whose figures had changed. "
            "For recent days that is normal.",
            "Una celda consultada de nuevo en una ejecución posterior, cuyas cifras habían "
            "cambiado. En los días recientes es lo normal.",
        ),
    ),
    (
        Text("partial · still changing", "incompleto · aún puede cambiar"),
        Text(
            "A week, month or window of which these runs have only some days; days that were "
            "requested so early that their figures may still grow. The highest and the lowest are "
            "named among the others, unless too few of them have settled figures.",
            "Una semana, un mes o una ventana de los que estas ejecuciones solo tienen algunos "
            "días; días consultados tan pronto que sus cifras aún pueden crecer. El más alto y el "
            "más bajo se buscan entre los demás, salvo que muy pocos tengan cifras definitivas.",
        ),
    ),
    (
        Text("day · time", "día · hora"),
        Text(
            "Days are calendar days as the API counts them. All times are in UTC.",
            "Los días son días de calendario, tal como los cuenta la API. Todas las horas están "
            "en UTC.",
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
            "Requests that the server rejected because they came too fast; requests that were "
            "sent again after an error.",
            "Solicitudes que el servidor rechazó por llegar demasiado rápido; solicitudes "
            "enviadas de nuevo tras un error.",
        ),
    ),
)
