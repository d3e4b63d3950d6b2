"""Every option, once.

The frozen dataclasses in this room are the only place where an option is spelled: the command line
library derives the flag, the `COLLECTOR_*` environment variable, the key in `collector.toml`
and the help text from the field, its type and the docstring under it.

Secrets are not among the settings: see `collector.http.credentials`.
"""

from dataclasses import Field, fields
from typing import Any

from collector.settings.read import (
    DiffSettings,
    ExportSettings,
    LatestSettings,
    ReportSettings,
    StatusSettings,
)
from collector.settings.run import (
    MOST_IN_FLIGHT,
    CheckSettings,
    CollectSettings,
    DemoSettings,
    LogLevel,
    PlanSettings,
    Processes,
    RehearsalSettings,
    RunSettings,
    Selection,
    Service,
    SinceLast,
    Zone,
)

__all__ = [
    "MOST_IN_FLIGHT",
    "CheckSettings",
    "CollectSettings",
    "DemoSettings",
    "DiffSettings",
    "ExportSettings",
    "LatestSettings",
    "LogLevel",
    "PlanSettings",
    "Processes",
    "RehearsalSettings",
    "ReportSettings",
    "RunSettings",
    "Selection",
    "Service",
    "SinceLast",
    "StatusSettings",
    "Zone",
    "option_name",
    "option_names",
]


def option_names() -> frozenset[str]:
    """Return all option names as keys of `collector.toml`, such as `from`."""
    return frozenset(
        option_name(field)
        for command in (
            *(RunSettings, RehearsalSettings, CheckSettings, StatusSettings),
            *(DiffSettings, ExportSettings, ReportSettings),
        )
        for field in fields(command)
    )


def option_name(field: Field[Any]) -> str:
    """Return the name of a field's option without leading dashes: `from`, `max-attempts`."""
    return field.name.removesuffix("_date").replace("_", "-")
