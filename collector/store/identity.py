"""The identity of a run directory: what its answers depend on beside the plan.

The manifest records it in `service`, and lines of two identities are never mixed. Only what changes
the meaning of an answer is in it: an option that says how to get an answer, such as the address of
the tokens, is not. `until_exclusive` is recorded in `dates`, as the verification has found it.
"""

import time
from collections.abc import Mapping
from typing import Final

from collector.plan.date_params import MOMENTS
from collector.settings import PlanSettings, RunSettings

__all__ = ["LOCAL", "describe_service", "service_differences"]

LOCAL: Final = "local "
"""What precedes the names of the time zone of the machine, used when none was given."""

_IN_OLDER_MANIFESTS: Final = {"date-format": "YYYY-MM-DD"}
"""What was true of runs whose manifests lack an option, for it was added later."""


def describe_service(settings: RunSettings | PlanSettings) -> dict[str, str]:
    """Return the identity, as the values of options under their names.

    This is the one list. An option that is added to it needs a value in `_IN_OLDER_MANIFESTS`, or
    the runs of older versions could not be continued.
    """
    described = {
        "base-url": settings.base_url.rstrip("/"),
        "from-param": settings.from_param,
        "until-param": settings.until_param,
        "date-format": str(settings.date_format),
    }
    if settings.date_format in MOMENTS:
        described["timezone"] = settings.timezone or f"{LOCAL}{'/'.join(time.tzname)}"
    return described


def service_differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return how two services differ, one text for each option."""
    if old == new:
        return []
    old, new = ({**_IN_OLDER_MANIFESTS, **service} for service in (old, new))
    return [
        f"--{name} was {old.get(name, 'not given')} and is now {new.get(name, 'not given')}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]
