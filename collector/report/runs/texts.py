"""Texts about runs: how they went over time, and their facts."""

from typing import Final

from collector.core.errors import ExitCode
from collector.report.language import Plural, Text

BEHAVIOUR_HEADING: Final = Text("Rate and latency", "Ritmo y latencia")
BEHAVIOUR_NONE: Final = Text(
    "None of the runs recorded its rate and latency.",
    "Ninguna ejecución registró su ritmo ni su latencia.",
)
BEHAVIOUR_ONE: Final = Text(
    "The run is too short for a picture: it has one interval, which is in the table.",
    "La ejecución es demasiado corta para un gráfico: tiene un intervalo, que está en la tabla.",
)
BEHAVIOUR_SUMMARY: Final = Text(
    "From {start} to {end}: at most {sent} requests/s sent; {refused}; {latency}.",
    "Del {start} al {end}: como máximo {sent} solicitudes/s enviadas; {refused}; {latency}.",
)
HIGHEST_LATENCY: Final = Text("the highest p99 was {p99}", "el p99 más alto fue {p99}")
HIGHEST_MEAN_LATENCY: Final = Text(
    "the highest mean p99 of an interval was {p99}",
    "el p99 medio más alto de un intervalo fue {p99}",
)
JOINED: Final = Text(
    "Each interval joins several measurements: its p50, p90 and p99 are the means of theirs, "
    "weighted by requests, and those of some measurements were higher.",
    "Cada intervalo une varias mediciones: sus p50, p90 y p99 son las medias de los de ellas, "
    "ponderadas por solicitudes, y los de algunas mediciones fueron más altos.",
)
NONE_REFUSED: Final = Text("none was rate-limited", "ninguna fue limitada")
SOME_REFUSED: Final = Text(
    "at most {n} per second were rate-limited", "como máximo {n} por segundo fueron limitadas"
)
OLDER: Final = Text("Earlier runs", "Ejecuciones anteriores")
OLDER_LEFT_OUT: Final = Text(
    "Of {n} runs, the newest {shown} are shown here.",
    "De {n} ejecuciones, aquí se muestran las {shown} más recientes.",
)
SENT: Final = Text("sent", "enviadas")
ALLOWED: Final = Text("rate in force", "ritmo vigente")
REFUSED: Final = Text("rate-limited", "limitadas")
RETRIED: Final = Text("retried", "reintentadas")
RATE_AXIS: Final = Text("requests per second", "solicitudes por segundo")
LATENCY_AXIS: Final = Text("latency in seconds", "latencia en segundos")
INTERVALS: Final = Text("Requests per second and latencies", "Solicitudes por segundo y latencias")
INTERVALS_LAST: Final = Text(
    "The table has the last {shown} of {n} intervals.",
    "La tabla tiene los últimos {shown} de {n} intervalos.",
)
ENDED_AT: Final = Text("until", "hasta")
SECONDS: Final = Text("seconds", "segundos")

RUNS_HEADING: Final = Text("Runs", "Ejecuciones")
RUNS_TABLE: Final = Text(
    "Facts about the runs, the newest first", "Datos de las ejecuciones, la más reciente primero"
)
RUN: Final = Text("Run", "Ejecución")
PLAN: Final = Text("Plan", "Plan")
UP_TO: Final = Text("{companies}, up to {windows} each", "{companies}, hasta {windows} cada una")
CELLS: Final = Text("Cells of its plan", "Celdas de su plan")
CELLS_PLANNED: Final = Plural(
    Text("{n} planned", "{n} planificada"), Text("{n} planned", "{n} planificadas")
)
CELLS_ANSWERED: Final = Plural(
    Text("{n} answered", "{n} respondida"), Text("{n} answered", "{n} respondidas")
)
TIMES: Final = Text("Last attempt", "Último intento")
BEGAN: Final = Text("started {at}", "comenzó el {at}")
ENDED: Final = Text("ended {at}", "terminó el {at}")
ATTEMPTS: Final = Plural(
    Text("{n} attempt in all", "{n} intento en total"),
    Text("{n} attempts in all", "{n} intentos en total"),
)
END: Final = Text("End", "Fin")
REQUESTS: Final = Text("Requests, all attempts", "Solicitudes, todos los intentos")
REQUESTS_LINE: Final = Plural(Text("{n} sent", "{n} enviada"), Text("{n} sent", "{n} enviadas"))
REFUSED_LINE: Final = Plural(
    Text("{n} rate-limited", "{n} limitada"), Text("{n} rate-limited", "{n} limitadas")
)
RETRIED_LINE: Final = Plural(
    Text("{n} retried", "{n} reintentada"), Text("{n} retried", "{n} reintentadas")
)
AT_LEAST: Final = Text("at least {count}", "al menos {count}")
"""For a run with an attempt that did not record its end: only its samples are known."""
SPEED: Final = Text("Speed, last attempt", "Velocidad, último intento")
RATE_NOT_KNOWN: Final = Text("rate not known", "ritmo desconocido")
LATENCY_NOT_KNOWN: Final = Text("latency not known", "latencia desconocida")
RATE_LINE: Final = Text("{rate} requests/s", "{rate} solicitudes/s")
LIMIT_LINE: Final = Text(
    "server's limit, as last found: {rate}/s", "último límite hallado del servidor: {rate}/s"
)
LATENCY_LINE: Final = Text("latency p50 {p50}, p99 {p99}", "latencia p50 {p50}, p99 {p99}")
REMARKS: Final = Text("Remarks", "Observaciones")

CODE: Final = Text("exit code {code}", "código de salida {code}")
RUNNING: Final = Text("in progress", "en curso")
KILLED: Final = Text(
    "killed, or could not record its end",
    "terminada a la fuerza, o no pudo registrar su fin",
)
ENDS: Final = {
    ExitCode.COMPLETE: Text("every cell has an answer", "todas las celdas tienen respuesta"),
    ExitCode.SOME_FAILED: Text(
        "finished, but some cells failed", "terminó, pero con celdas fallidas"
    ),
    ExitCode.BAD_INPUT: Text("bad input, nothing was sent", "entrada inválida, no se envió nada"),
    ExitCode.CREDENTIALS: Text(
        "credentials missing or rejected", "credenciales ausentes o rechazadas"
    ),
    ExitCode.STOPPED_EARLY: Text("stopped early", "se detuvo antes de terminar"),
    ExitCode.STORAGE: Text("the output cannot be written", "no se puede escribir la salida"),
    ExitCode.LOCKED: Text("another run holds the directory", "otra ejecución ocupa el directorio"),
    ExitCode.DATES: Text(
        "dates are not honoured, or mean something else now",
        "las fechas no se respetan, o ahora significan otra cosa",
    ),
    ExitCode.IMPLAUSIBLE: Text(
        "not plausible: everything fails for one reason, or more fails or is empty than allowed",
        "no es verosímil: todo falla por una misma causa, o falla o está vacío más de lo permitido",
    ),
    ExitCode.BUG: Text("a bug in the collector", "un error del recolector"),
    ExitCode.SIGHUP: Text("interrupted (SIGHUP)", "interrumpida (SIGHUP)"),
    ExitCode.SIGINT: Text("interrupted (SIGINT)", "interrumpida (SIGINT)"),
    ExitCode.SIGTERM: Text("interrupted (SIGTERM)", "interrumpida (SIGTERM)"),
}
SOME_SHARDS: Final = Text(
    "every cell of {begun} of {count} shards has an answer",
    "todas las celdas de {begun} de {count} partes tienen respuesta",
)
UNKNOWN_END: Final = Text("ended", "terminó")

VERDICTS: Final = {
    "honoured": Text("dates honoured", "fechas respetadas"),
    "ignored": Text("dates IGNORED by the server", "fechas IGNORADAS por el servidor"),
    "doubted": Text(
        "in doubt whether dates are still honoured",
        "en duda si se siguen respetando las fechas",
    ),
    "inconclusive": Text(
        "not known whether dates are honoured", "no se sabe si se respetan las fechas"
    ),
    "trusted": Text("dates assumed, not verified", "fechas supuestas, sin verificar"),
}
UNTIL: Final = {
    "included": Text("last day included", "último día incluido"),
    "excluded": Text("last day excluded by the server", "último día excluido por el servidor"),
    "inconclusive": Text(
        "not known whether the last day is included", "no se sabe si se incluye el último día"
    ),
}
NO_DATES: Final = Text("no dates were sent", "no se enviaron fechas")
NOT_PROVED: Final = Text("dates not verified", "fechas sin verificar")
