"""Texts about what is odd in the data."""

from typing import Final

from collector.report.language import Plural, Text

HEADING: Final = Text("Data quality", "Calidad de los datos")
FINE: Final = Text("Nothing odd was found.", "No se encontró nada llamativo.")
UNBALANCED: Final = Plural(
    Text(
        "{n} cell has a total that is not sended + pending + fails.",
        "{n} celda tiene un total distinto de sended + pending + fails.",
    ),
    Text(
        "{n} cells have a total that is not sended + pending + fails.",
        "{n} celdas tienen un total distinto de sended + pending + fails.",
    ),
)
EMPTY: Final = Plural(
    Text(
        "{n} company is empty (zeros) in every answered window. Is its id correct?",
        "{n} empresa está vacía (ceros) en todas las ventanas respondidas. ¿Es correcto su id?",
    ),
    Text(
        "{n} companies are empty (zeros) in every answered window. Are their ids correct?",
        "{n} empresas están vacías (ceros) en todas las ventanas respondidas. "
        "¿Son correctos sus ids?",
    ),
)
SAME: Final = Plural(
    Text(
        "{n} company has the same answer, not an empty one, in every window. "
        "Does the server ignore the dates?",
        "{n} empresa tiene la misma respuesta, no vacía, en todas las ventanas. "
        "¿Ignora el servidor las fechas?",
    ),
    Text(
        "{n} companies have the same answer, not an empty one, in every window. "
        "Does the server ignore the dates?",
        "{n} empresas tienen la misma respuesta, no vacía, en todas las ventanas. "
        "¿Ignora el servidor las fechas?",
    ),
)
LISTED: Final = Text("The first {n} are shown.", "Se muestran las primeras {n}.")
WHICH: Final = Text("Show which", "Mostrar cuáles")
TOTAL: Final = Text("total", "total")
SUM: Final = Text("sended + pending + fails", "sended + pending + fails")
DIFFERENCE: Final = Text("Difference", "Diferencia")
FILES: Final = Text("In the files", "En los archivos")
