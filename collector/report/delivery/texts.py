"""Texts about delivery: sums, figures over time, the companies that fail most, restated cells."""

from typing import Final

from collector.report.language import Plural, Text

HEADING: Final = Text("Delivery funnel", "Embudo de entrega")
INTRO: Final = Text(
    "Sums of the newest answer of every cell. Percentages are shares of total. Received and "
    "pressed are counted by the API on their own: they may exceed sended.",
    "Sumas de la respuesta más reciente de cada celda. Los porcentajes son respecto del total. "
    "La API cuenta las recibidas y presionadas por separado: pueden superar a sended.",
)
SUMMARY: Final = Text(
    "Of {total} notifications, {sended} were sent ({share}), {fails} are fails and {pending} are "
    "pending; {received} were received and {pressed} pressed.",
    "De {total} notificaciones, {sended} se enviaron ({share}), {fails} son fails y {pending} "
    "están pendientes; {received} se recibieron y {pressed} se presionaron.",
)
ZEROS: Final = Text(
    "All counters are zero, so there is nothing to draw.",
    "Todos los contadores están en cero, así que no hay nada que dibujar.",
)
COUNTER: Final = Text("Counter", "Contador")
COUNT: Final = Text("Count", "Cantidad")
SHARE: Final = Text("Share of total", "Proporción del total")
TABLE: Final = Text("Counters and actions", "Contadores y acciones")
OTHERS: Final = Plural(
    Text("{n} other action", "{n} acción más"), Text("{n} other actions", "{n} acciones más")
)
RECEIVED: Final = Text("received", "recibidas")
PRESSED: Final = Text("pressed", "presionadas")

TIME_HEADING: Final = Text("Figures over time", "Cifras en el tiempo")
TIME_SUMMARY: Final = Text(
    "{days}. The highest total, {high}, is of {high_days}; the lowest, {low}, of {low_days}.",
    "{days}. El total más alto, {high}, es de {high_days}; el más bajo, {low}, de {low_days}.",
)
TIME_SAME: Final = Text(
    "{days}. The total is the same in each window: {count}.",
    "{days}. El total es el mismo en cada ventana: {count}.",
)
TOO_FEW: Final = Text(
    "Fewer than two windows can be compared, so there is no picture; the table has the figures.",
    "Hay menos de dos ventanas comparables, así que no hay gráfico; la tabla tiene las cifras.",
)
LEFT_OUT: Final = Text(
    "The server's default window has no known days, so it is in the table only.",
    "No se conocen los días de la ventana por defecto del servidor, por eso solo está en la tabla.",
)
A_DAY: Final = Text("{count} a day", "{count} por día")
PER_DAY: Final = Text(
    "Not every point stands for as many days, so the picture shows counts per day; "
    "the table has the sums.",
    "No todos los puntos abarcan los mismos días, por eso el gráfico muestra cantidades por día; "
    "la tabla tiene las sumas.",
)
SUMS: Final = Text(
    "Each point is the sum over all companies.", "Cada punto es la suma de todas las empresas."
)
RECENT: Final = Text(
    "The newest windows usually still grow: notifications and actions arrive later.",
    "Las ventanas más recientes suelen seguir creciendo: notificaciones y acciones llegan después.",
)
SHADED: Final = Text(
    "Shaded: at least 1 % of the cells have no answer, so the counts are too low there.",
    "Sombreado: al menos el 1 % de las celdas no tiene respuesta; allí las cifras son "
    "demasiado bajas.",
)
ONE_SPAN: Final = Text(
    "There is only one window, so there is nothing to compare; its figures are above.",
    "Hay una sola ventana, así que no hay nada que comparar; sus cifras están arriba.",
)
NO_SPAN: Final = Text("No window has an answer.", "Ninguna ventana tiene respuesta.")
WITHOUT_ANSWER: Final = Text("Cells without answer", "Celdas sin respuesta")

FAILING_HEADING: Final = Text(
    "Companies with a high share of fails", "Empresas con alta proporción de fails"
)
FAILING_SUMMARY: Final = Text(
    "First: {company}, fails {fails} of {total} ({share}).",
    "Primera: {company}, fails {fails} de {total} ({share}).",
)
FAILING_ORDER: Final = Text(
    "Ordered by the lower end of the 95 % interval of the share (Wilson), so that one fail of one "
    "does not come before 900 of 1000.",
    "Ordenadas por el extremo inferior del intervalo del 95 % de la proporción (Wilson), para que "
    "un solo fail de un total de uno no preceda a 900 de 1000.",
)
FAILING_NONE: Final = Text("No company reports fails.", "Ninguna empresa informa fails.")
FAILING_COUNT: Final = Plural(
    Text("{n} company is shown.", "Se muestra {n} empresa."),
    Text("{n} companies are shown.", "Se muestran {n} empresas."),
)
FAILING_TABLE: Final = Text("Share of fails by company", "Proporción de fails por empresa")
FAILING_SHARE: Final = Text("Share", "Proporción")
FAILING_HOVER: Final = Text("fails: {fails} of {total}", "fails: {fails} de {total}")

RESTATED_HEADING: Final = Text("Restated cells", "Celdas modificadas (restated)")
RESTATED_SUMMARY: Final = Text(
    "{restated} of {cells} cells that were asked for more than once had changed ({share}).",
    "{restated} de {cells} celdas consultadas más de una vez habían cambiado ({share}).",
)
RESTATED_ONE_RUN: Final = Text(
    "Only one run was given. Give several, and this part shows whose figures have changed since.",
    "Se indicó una sola ejecución. Indique varias y aquí se verá qué cifras cambiaron.",
)
RESTATED_APART: Final = Text(
    "The runs have no answered cell in common, so there is nothing to compare.",
    "Las ejecuciones no tienen celdas respondidas en común, así que no hay nada que comparar.",
)
RESTATED_NONE: Final = Text("No figure has changed.", "Ninguna cifra cambió.")
RESTATED_WINDOWS: Final = Text(
    "Share of restated cells by window", "Proporción de celdas modificadas por ventana"
)
RESTATED_WINDOWS_SUMMARY: Final = Text(
    "The highest share is {share}, in the window {days}.",
    "La mayor proporción es {share}, en la ventana {days}.",
)
RESTATED_ONE_WINDOW: Final = Text(
    "Only one window was asked for more than once; its figures are in the table.",
    "Una sola ventana se consultó más de una vez; sus cifras están en la tabla.",
)
RESTATED_NEWEST: Final = Text(
    "The newest {shown} of {n} windows are shown.",
    "Se muestran las {shown} ventanas más recientes de {n}.",
)
EXAMPLES: Final = Text("Cells that moved most", "Celdas que más se movieron")
RESTATED: Final = Text("restated", "modificadas")
COMPARED: Final = Text("compared", "comparadas")
RESTATED_SHARE: Final = Text("share", "proporción")
MOVEMENTS: Final = Text("What rose and what fell", "Qué subió y qué bajó")
MOVEMENTS_SUMMARY: Final = Text(
    "The largest movement is {name}: it rose by {rose} and fell by {fell}.",
    "El mayor movimiento es {name}: subió {rose} y bajó {fell}.",
)
MOVEMENTS_SHOWN: Final = Text(
    "The {n} largest are drawn; the table has all.",
    "Se dibujan los {n} mayores; la tabla los tiene todos.",
)
ROSE: Final = Text("rose by", "subió")
FELL: Final = Text("fell by", "bajó")
