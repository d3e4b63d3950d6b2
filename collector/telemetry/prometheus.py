"""Metrics of a run for Prometheus: its series, and their file for node_exporter.

The only module that imports prometheus_client. It is imported only when there is a file to write:
other runs do not load that library.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from collector import __version__
from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.core.links import resolved
from collector.core.own_files import new_draft
from collector.core.text import json_text
from collector.plan import Shard
from collector.telemetry.stats import RunStats

__all__ = ["LABEL", "MetricsFile", "MetricsPage", "RunState", "page"]

LABEL: Final = "collection"
"""Label of every series. Prometheus itself sets `job` and `instance`."""

_SHARD: Final = "shard"
"""Label of the series of a shard; without it those of several shards would be equal."""

_WHOLE_RUN: Final = Shard()

_LAST_SUCCESS: Final = "collector_last_success_timestamp_seconds"
_LAST_SERIES: Final = "collector_build_info"
"""The last series of every file: without it the file is not whole."""

_Family = GaugeMetricFamily | CounterMetricFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """State of a run beside its counts. Times are in seconds since 1970, rates in requests/s.

    `exit_code` is None while the run works, `limit_found` when no limit was found, `last_success`
    when no run has ended with 0 yet.
    """

    started_at: float
    now: float
    allowed: float
    limit_found: float | None = None
    exit_code: int | None = None
    last_success: float | None = None


class MetricsPage:
    """The series of one collection, or of a shard of it, as prometheus_client collects them."""

    def __init__(self, collection: str, shard: Shard = _WHOLE_RUN) -> None:
        self._labels = _labels(collection, shard)
        self._families: dict[str, _Family] = {}

    def collect(self) -> list[Metric]:
        """Return all families of series."""
        return list(self._families.values())

    def gauge(self, name: str, text: str, value: float | None, **labels: str) -> None:
        """Add a value that may fall; nothing if it is None."""
        if value is not None:
            self._add(GaugeMetricFamily(name, text, labels=(*self._labels, *labels)), value, labels)

    def counter(self, name: str, text: str, value: float, **labels: str) -> None:
        """Add a count that only grows, from 0 at the start of each run."""
        self._add(CounterMetricFamily(name, text, labels=(*self._labels, *labels)), value, labels)

    def _add(self, family: _Family, value: float, labels: Mapping[str, str]) -> None:
        family = self._families.setdefault(family.name, family)
        family.add_metric((*self._labels.values(), *labels.values()), value)


def page(
    collection: str, stats: RunStats, state: RunState, shard: Shard = _WHOLE_RUN
) -> MetricsPage:
    """Return all series of a run. Their help texts never change: node_exporter requires that."""
    made = MetricsPage(collection, shard)
    _add_cells(made, stats)
    _add_requests(made, stats)
    _add_rates(made, stats, state)
    _add_run(made, stats, state)
    return made


def _add_cells(made: MetricsPage, stats: RunStats) -> None:
    made.gauge("collector_cells_planned", "Companies times windows of the plan.", stats.planned)
    text = "Planned cells by state, earlier invocations included."
    for state in CellState:
        cells = stats.kept[state] + stats.cells[state]
        if state is CellState.MISSING:
            cells = stats.missing
        made.gauge("collector_cells", text, cells if stats.is_known else None, state=state.value)
    text = "Fields and actions of the answers that changed since earlier runs; absent if unknown."
    for change, names in () if stats.drift is None else stats.drift.counts().items():
        made.gauge("collector_changed_names", text, names, change=change)


def _add_requests(made: MetricsPage, stats: RunStats) -> None:
    for name, text, count in (
        ("sent", "Requests that were sent, tokens and retries included.", stats.requests),
        ("answered", "Requests whose answer had what was requested.", stats.good),
        ("refused", "Requests that were refused because of the rate.", stats.refused),
        ("retried", "Tries that failed and were made again.", stats.retries),
    ):
        made.counter(f"collector_requests_{name}_total", text, count)
    text = "Requests by the HTTP status of their answer, or by what broke them."
    for status, count in sorted(stats.statuses.items()):
        made.counter("collector_requests_total", text, count, outcome=str(status))
    for kind, count in sorted(stats.broken.items()):
        made.counter("collector_requests_total", text, count, outcome=kind.value)


def _add_rates(made: MetricsPage, stats: RunStats, state: RunState) -> None:
    for name, text, rate in (
        ("requests", "Rate of the whole run so far.", stats.average_rate()),
        ("allowed_requests", "Rate in force.", state.allowed),
        ("limit_found_requests", "Limit of the server, as found last.", state.limit_found),
    ):
        made.gauge(f"collector_{name}_per_second", text, rate)


def _add_run(made: MetricsPage, stats: RunStats, state: RunState) -> None:
    is_running = float(state.exit_code is None)
    for name, text, value in (
        ("run_running", "1 while the run works, 0 when it has ended.", is_running),
        ("run_exit_code", "How the run ended; absent while it works.", state.exit_code),
        ("run_duration_seconds", "How long the run has taken.", stats.seconds),
        ("run_started_timestamp_seconds", "When the run began.", state.started_at),
        ("run_updated_timestamp_seconds", "When this was written.", state.now),
    ):
        made.gauge(f"collector_{name}", text, value)
    made.gauge(_LAST_SUCCESS, "When a run last ended with exit code 0.", state.last_success)
    made.gauge(_LAST_SERIES, "Version of the collector.", 1.0, version=__version__)


class MetricsFile:
    """A file for node_exporter's textfile collector, which is replaced atomically.

    Its series have the name of the file, without the ending, as `collection`. The file of a shard
    has its own name, `night-00003-of-00016.prom`, the same collection, and a label for the shard.
    `last_success` is when a run last ended with exit code 0, in seconds since 1970.
    """

    def __init__(self, path: Path, shard: Shard = _WHOLE_RUN) -> None:
        self.collection = json_text(path.stem)
        self._shard = shard
        path = path.with_name(f"{path.stem}{shard.in_names}{path.suffix}")
        # Resolve links: the file that a link names is replaced, and the link stays.
        try:
            self.path = resolved(path)
        except OSError as error:
            raise InputError(
                f"--metrics-file {path}: cannot be written: it is a link that leads nowhere"
            ) from error
        self.last_success: float | None = None
        self._started_at = time.time()

    def check(self) -> None:
        """Raise `InputError` unless the file can be written. Nothing is left behind."""
        try:
            if self.path.exists() and not self.path.is_file():
                raise self.unwritable("there is something that is no file")
            # Without a name where the system supports that, so that no other process sees it.
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise self.unwritable(error.strerror) from error

    def recall(self) -> str | None:
        """Read `last_success` from the existing file; return why that is not possible."""
        try:
            labels = _labels(self.collection, self._shard)
            self.last_success = _last_success(self.path, labels, time.time())
        except FileNotFoundError:
            pass
        except Exception as error:  # noqa: BLE001 - the parser may raise anything for an unknown file
            return (
                f"{self.path}: {str(error) or 'is no file of metrics'}; when a run last ended with "
                "exit code 0 is not known any more"
            )
        return None

    def page(
        self, stats: RunStats, *, allowed: float, limit_found: float | None, exit_code: int | None
    ) -> MetricsPage:
        """Return the series to write now; rates are in requests per second."""
        now = time.time()
        if exit_code == 0:
            self.last_success = now
        state = RunState(
            started_at=self._started_at,
            now=now,
            allowed=allowed,
            limit_found=limit_found,
            exit_code=exit_code,
            last_success=self.last_success,
        )
        return page(self.collection, stats, state, self._shard)

    def write(self, made: MetricsPage) -> None:
        """Replace the file. Raises `OSError`.

        Until it is whole its name does not end in `.prom`: node_exporter ignores it.
        """
        descriptor, draft = new_draft(self.path)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(generate_latest(made))
            draft.replace(self.path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def unwritable(self, reason: str | None) -> InputError:
        """Return the error for a file that cannot be written."""
        return InputError(
            f"--metrics-file {self.path}: cannot be written: {reason}; "
            "check that its directory exists and that this user may write into it"
        )


def _labels(collection: str, shard: Shard) -> dict[str, str]:
    """Return the labels of every series."""
    return {LABEL: collection} | ({} if shard.is_whole else {_SHARD: str(shard)})


def _last_success(path: Path, labels: Mapping[str, str], now: float) -> float | None:
    """Return when a run last ended with 0, as a file says; None if none ever did.

    Raises `OSError`, and `ValueError` when it is not a whole file with these labels. The parser
    may raise other errors for a file of another kind.
    """
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }
    if _LAST_SERIES not in values:
        message = f"it is no whole file of {' '.join(labels.values())}"
        raise ValueError(message)
    value = values.get(_LAST_SUCCESS)
    if value is not None and not 0 < value <= now:
        message = f"{_LAST_SUCCESS} is {value}"
        raise ValueError(message)
    return value
