"""Texts about delivery: sums, figures over time, the companies that fail most, restated cells."""

from typing import Final

from collector.report.bins import Unit
from collector.report.language import Plural, Text

HEADING: Final = Text("Delivery funnel", "Embudo de entrega")
INTRO: Final = Text(
    "Sums of the newest answer of every cell. All percentages are shares of total. The API counts "
    "received and pressed separately: they may exceed sended.",
    "Sumas de la respuesta más reciente de cada celda. Todos los porcentajes son respecto del "
    "total. La API cuenta las recibidas y las pulsadas por separado: pueden superar a sended.",
)
SUMMARY: Final = Plural(
    Text("{n} notification in total: {counts}.", "{n} notificación en total: {counts}."),
    Text("{n} notifications in total: {counts}.", "{n} notificaciones en total: {counts}."),
)
ZEROS: Final = Text(
    "All counters are zero, so there is nothing to draw.",
    "Todos los contadores están en cero, así que no hay nada que dibujar.",
)
COUNTER: Final = Text("Counter", "Contador")
COUNT: Final = Text("Count", "Cantidad")
SHARE: Final = Text("Share of total", "Porcentaje del total")
TABLE: Final = Text("Counters and actions", "Contadores y acciones")
OTHERS: Final = Plural(
    Text("{n} other action", "{n} acción más"), Text("{n} other actions", "{n} acciones más")
)
RECEIVED: Final = Text("received", "recibidas")
PRESSED: Final = Text("pressed", "pulsadas")

TIME_HEADING: Final = Text("Figures over time", "Cifras en el tiempo")
TIME_SUMMARY: Final = Text(
    "{days}. The highest total, {high}, is that of {high_days}; the lowest, {low}, that of "
    "{low_days}.",
    "{days}. El total más alto, {high}, corresponde al {high_days}; el más bajo, {low}, al "
    "{low_days}.",
)
TIME_SAME: Final = Text(
    "{days}. All totals are the same: {count}.", "{days}. Todos los totales son iguales: {count}."
)
TIME_NOT_COMPARED: Final = Text(
    "{days}. No totals are compared: fewer than two periods are complete.",
    "{days}. No se comparan totales: menos de dos periodos están completos.",
)
TIME_SOME: Final = Text(
    "{n} of the {count} periods are compared; the others are partial, lack answers or may still "
    "change.",
    "Se comparan {n} de los {count} periodos; los demás están incompletos, carecen de respuestas "
    "o aún pueden cambiar.",
)
TIME_UNSETTLED: Final = Text(
    "The compared figures may still change.", "Las cifras comparadas aún pueden cambiar."
)
TIME_LACKING: Final = Text(
    "Some of the compared periods lack 1 % of their answers or more: their totals are too low.",
    "A algunos de los periodos comparados les falta el 1 % de las respuestas o más: sus totales "
    "son demasiado bajos.",
)
TIME_ALL_LACKING: Final = Text(
    "All of the compared periods lack 1 % of their answers or more: their totals are too low.",
    "A todos los periodos comparados les falta el 1 % de las respuestas o más: sus totales son "
    "demasiado bajos.",
)
TOO_FEW: Final = Text(
    "Fewer than two windows can be compared, so there is no picture; the table has the figures.",
    "Hay menos de dos ventanas comparables, así que no hay gráfico; la tabla tiene las cifras.",
)
LEFT_OUT: Final = Text(
    "The server's default window has no known days, so it is in the table only.",
    "No se conocen los días de la ventana predeterminada del servidor: solo está en la tabla.",
)
A_DAY: Final = Text("{count} per day", "{count} por día")
POINTS: Final = {
    Unit.DAY: Text(
        "Each point is one day, the sum over all companies.",
        "Cada punto es un día: la suma de todas las empresas.",
    ),
    Unit.WEEK: Text(
        "Each point is one week, Monday to Sunday, the sum over all companies.",
        "Cada punto es una semana, de lunes a domingo: la suma de todas las empresas.",
    ),
    Unit.MONTH: Text(
        "Each point is one calendar month, the sum over all companies.",
        "Cada punto es un mes de calendario: la suma de todas las empresas.",
    ),
    Unit.QUARTER: Text(
        "Each point is one quarter of a year, the sum over all companies.",
        "Cada punto es un trimestre: la suma de todas las empresas.",
    ),
    Unit.YEAR: Text(
        "Each point is one year, the sum over all companies.",
        "Cada punto es un año: la suma de todas las empresas.",
    ),
    Unit.WINDOW: Text(
        "Each point is the sum over all companies for the days that it names.",
        "Cada punto es la suma de todas las empresas en los días que indica.",
    ),
}
PER_DAY: Final = Text(
    "The points cover different numbers of days, so the picture shows counts per day; the table "
    "has the sums.",
    "Los puntos abarcan distintas cantidades de días, por eso el gráfico muestra cifras por día; "
    "la tabla tiene las sumas.",
)
PARTIAL: Final = Text(
    "Faded: these runs have only some days of the week, month or window.",
    "Atenuado: estas ejecuciones solo tienen algunos días de la semana, del mes o de la ventana.",
)
SETTLED: Final = Plural(
    Text(
        "Figures still change if they were requested less than {n} day after their last day: in "
        "these runs they had settled by then.",
        "Las cifras aún cambian si se consultaron menos de {n} día después de su último día: en "
        "estas ejecuciones ya no cambiaron a partir de entonces.",
    ),
    Text(
        "Figures still change if they were requested less than {n} days after their last day: in "
        "these runs they had settled by then.",
        "Las cifras aún cambian si se consultaron menos de {n} días después de su último día: en "
        "estas ejecuciones ya no cambiaron a partir de entonces.",
    ),
)
SETTLED_PERHAPS: Final = Plural(
    Text(
        "Figures may still change if they were requested less than {n} day after their last day.",
        "Las cifras aún pueden cambiar si se consultaron menos de {n} día después de su último "
        "día.",
    ),
    Text(
        "Figures may still change if they were requested less than {n} days after their last day.",
        "Las cifras aún pueden cambiar si se consultaron menos de {n} días después de su último "
        "día.",
    ),
)
SHADED: Final = Text(
    "Where 1 % or more of the cells have no answer, the counts are too low.",
    "Donde el 1 % o más de las celdas no tiene respuesta, las cifras son demasiado bajas.",
)
BOTH_GROUNDS: Final = Text(
    "Grey and hatched: answers are lacking, and the figures may still change.",
    "Gris y rayado: faltan respuestas y las cifras aún pueden cambiar.",
)
ONE_SPAN: Final = Text(
    "There is only one window, so there is nothing to compare; its figures are above.",
    "Hay una sola ventana, así que no hay nada que comparar; sus cifras están arriba.",
)
NO_SPAN: Final = Text("No window has an answer.", "Ninguna ventana tiene respuesta.")
WITHOUT_ANSWER: Final = Text("Cells without answer", "Celdas sin respuesta")

FAILING_HEADING: Final = Text("Share of fails by company", "Proporción de fails por empresa")
FAILING_SUMMARY: Final = Text(
    "First: {company}, {share} of its total ({fails} of {total}).",
    "Primera: {company}, {share} de su total ({fails} de {total}).",
)
FAILING_ORDER: Final = Text(
    "The companies that stand out most. They are ordered by the lower end of the 95 % interval of "
    "the share (Wilson), so that one fail of one notification does not come before 90 of 100.",
    "Las empresas que más destacan, ordenadas por el extremo inferior del intervalo del 95 % de la "
    "proporción (Wilson), para que un fail de una sola notificación no preceda a 90 de 100.",
)
FAILING_NONE: Final = Text(
    "No company with notifications has fails.", "Ninguna empresa con notificaciones tiene fails."
)
FAILING_COUNT: Final = Plural(
    Text("{n} company is shown.", "Se muestra {n} empresa."),
    Text("{n} companies are shown.", "Se muestran {n} empresas."),
)
FAILING_SHARE: Final = Text("Share", "Proporción")
FAILING_HOVER: Final = Text("fails: {fails} of {total}", "fails: {fails} de {total}")

RESTATED_HEADING: Final = Text("Restated cells", "Celdas modificadas")
RESTATED_SUMMARY: Final = Plural(
    Text(
        "Changed: {restated} of {n} cell that was requested more than once ({share}).",
        "Con cambios: {restated} de {n} celda consultada más de una vez ({share}).",
    ),
    Text(
        "Changed: {restated} of {n} cells that were requested more than once ({share}).",
        "Con cambios: {restated} de {n} celdas consultadas más de una vez ({share}).",
    ),
)
RESTATED_ONE_RUN: Final = Text(
    "Only one run was given. With several runs, this part shows which figures have changed.",
    "Se indicó una sola ejecución. Con varias, esta parte muestra qué cifras cambiaron.",
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
    "The highest share, {share}, is that of {days}.",
    "La mayor proporción, {share}, corresponde al {days}.",
)
RESTATED_ONE_WINDOW: Final = Text(
    "Only one window was requested more than once; its figures are in the table.",
    "Una sola ventana se consultó más de una vez; sus cifras están en la tabla.",
)
RESTATED_NEWEST: Final = Text(
    "The newest {shown} of {n} windows are shown.",
    "Se muestran las {shown} ventanas más recientes de {n}.",
)
EXAMPLES: Final = Text("Cells that changed most", "Celdas que más cambiaron")
RESTATED: Final = Text("restated", "modificadas")
COMPARED: Final = Text("compared", "comparadas")
RESTATED_SHARE: Final = Text("share", "proporción")
MOVEMENTS: Final = Text("What rose and what fell", "Qué subió y qué bajó")
MOVEMENTS_SUMMARY: Final = Text(
    "The largest change is that of {name}: it rose by {rose} and fell by {fell}.",
    "El mayor cambio es el de {name}: subió {rose} y bajó {fell}.",
)
MOVEMENTS_SHOWN: Final = Text(
    "The {n} largest are drawn; the table has all.",
    "Se dibujan los {n} mayores; la tabla los tiene todos.",
)
ROSE: Final = Text("rose by", "subió")
FELL: Final = Text("fell by", "bajó")
