"""The measurements as Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.report import megabytes, table
from benchmarks.speed.contenders import BARE, CURL, CURL_AND_JQ, Contender
from benchmarks.speed.measure import Measurement
from benchmarks.speed.work import IN_FLIGHT

__all__ = ["speed_tables"]

_IN_C = {CURL.key, CURL_AND_JQ.key}
_WANTED_OF_BARE = 0.85
_WANTED_OF_CEILING = 0.98


def speed_tables(measurement: Measurement, contenders: Sequence[Contender]) -> str:
    """Return a paragraph about the server, the table, and whether the target is reached."""
    header = [
        "",
        "requests/s",
        *_shares(measurement),
        "CPU a request",
        "peak memory",
        "whole command",
        "runs",
    ]
    rows = (_row(contender, measurement) for contender in contenders)
    parts = (_server(measurement), table(header, rows), *_wanted(measurement))
    return "\n".join(parts)


def _shares(measurement: Measurement) -> Iterator[str]:
    """Yield the columns that compare; the bare loop only if it was measured."""
    if measurement.latency:
        yield "of the ceiling"
    if BARE.key in measurement.figures:
        yield "of the bare loop"


def _row(contender: Contender, measurement: Measurement) -> list[str]:
    figures = measurement.figures[contender.key]
    cells = [contender.title, f"{figures.rate:,.0f}"]
    if measurement.latency:
        cells.append(f"{figures.rate / measurement.ceiling:.1%}")
    if bare := measurement.figures.get(BARE.key):
        cells.append(f"{figures.times(bare):.1%}")
    seconds = f"{figures.seconds:.1f} s"
    runs = f"{len(figures.runs)} x {figures.requests:,}"
    return [*cells, f"{figures.cpu * 1000:.3f} ms", megabytes(figures.peak), seconds, runs]


def _server(measurement: Measurement) -> str:
    if not measurement.latency:
        return f"**Without latency.** {_alone(measurement)}\n"
    return (
        f"**{measurement.latency * 1000:.0f} ms of latency.** An answer takes "
        f"{measurement.measured_latency * 1000:.2f} ms, so that {measurement.ceiling:,.0f} "
        f"requests per second is the most that {IN_FLIGHT} in flight can reach.\n"
    )


def _alone(measurement: Measurement) -> str:
    """Say how far the server is from being the bottleneck of the Python programs."""
    if not measurement.alone:
        return "What the server can do alone was not measured: wrk is not installed."
    said = f"The server alone: {measurement.alone:,.0f} answers per second to wrk"
    rates = [figures.rate for key, figures in measurement.figures.items() if key not in _IN_C]
    if rates:
        said += f", {measurement.alone / max(rates):.1f} times the fastest here in Python"
    return f"{said}."


def _wanted(measurement: Measurement) -> Iterator[str]:
    ours = measurement.figures.get("collector")
    if ours is None:
        return
    if measurement.latency:
        yield _judged("the ceiling", ours.rate / measurement.ceiling, _WANTED_OF_CEILING)
    elif bare := measurement.figures.get(BARE.key):
        yield _judged("the bare loop", ours.times(bare), _WANTED_OF_BARE)


def _judged(of_what: str, share: float, wanted: float) -> str:
    verdict = "reached" if share >= wanted else "**not reached**"
    return f"Wanted: the collector at {wanted:.0%} of {of_what}; {verdict} ({share:.1%}).\n"
