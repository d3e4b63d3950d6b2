"""Words about what is odd in the data, and how to read the page."""

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
        "{n} company is empty (zeros) in every answered window. Is its id right?",
        "{n} empresa está vacía (ceros) en todas las ventanas respondidas. ¿Es correcto su id?",
    ),
    Text(
        "{n} companies are empty (zeros) in every answered window. Are their ids right?",
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
LISTED: Final = Text("The first {n} are listed.", "Se listan las primeras {n}.")
WHICH: Final = Text("Show which", "Mostrar cuáles")
TOTAL: Final = Text("total", "total")
SUM: Final = Text("sended + pending + fails", "sended + pending + fails")
DIFFERENCE: Final = Text("Difference", "Diferencia")
FILES: Final = Text("In the files", "En los archivos")

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
        Text("refused · retried", "rechazada · reintentada"),
        Text(
            "Requests that the server turned away for coming too fast; requests that were sent "
            "again after an error.",
            "Solicitudes que el servidor rechazó por llegar demasiado rápido; solicitudes "
            "enviadas de nuevo tras un error.",
        ),
    ),
)
