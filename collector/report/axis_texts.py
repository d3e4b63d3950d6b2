"""Titles of axes, and texts within figures."""

from typing import Final

from collector.report.bins import Unit
from collector.report.language import Text

OF_TOTAL: Final = Text("notifications; share of total", "notificaciones; porcentaje del total")
PER: Final = {
    Unit.DAY: Text("notifications per day", "notificaciones por día"),
    Unit.WEEK: Text("notifications per week", "notificaciones por semana"),
    Unit.MONTH: Text("notifications per month", "notificaciones por mes"),
    Unit.QUARTER: Text("notifications per quarter", "notificaciones por trimestre"),
    Unit.YEAR: Text("notifications per year", "notificaciones por año"),
    Unit.WINDOW: Text("notifications per window", "notificaciones por ventana"),
}
THOUSANDS: Final = Text("{what}, thousands", "{what}, miles")
MILLIONS: Final = Text("{what}, millions", "{what}, millones")
FIRST_DAY: Final = Text("first day of each column", "primer día de cada columna")
DAY: Final = Text("day", "día")
WINDOW: Final = Text("window", "ventana")
LAST_DAY: Final = Text("last day: {day}", "último día: {day}")
TIME: Final = Text("time (UTC), {days}", "hora (UTC), {days}")
FAILS: Final = Text(
    "fails, % of total, with the 95 % interval", "fails, % del total, con el intervalo del 95 %"
)
INTERVAL: Final = Text("95 % interval: {low} to {high}", "intervalo del 95 %: de {low} a {high}")
OVERALL: Final = Text("all companies: {share}", "todas las empresas: {share}")
RESTATED: Final = Text("restated cells, %", "celdas modificadas, %")
MOVED: Final = Text(
    "by how much each counter fell and rose", "cuánto bajó y cuánto subió cada contador"
)
COMPANIES: Final = Text("companies", "empresas")
WITHOUT_ANSWER: Final = Text("cells without answer: {n}", "celdas sin respuesta: {n}")
NO_ANSWERS: Final = Text("no answers", "sin respuestas")
PARTIAL: Final = Text("{days}, only a part of its period", "{days}, solo una parte de su periodo")
LACKING: Final = Text("1 % or more without answer", "1 % o más sin respuesta")
UNSETTLED: Final = Text("figures may still change", "las cifras aún pueden cambiar")
