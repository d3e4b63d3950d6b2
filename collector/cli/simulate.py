"""`collector simulate`: serves the embedded API until it is interrupted."""

from typing import Annotated

from cyclopts import Parameter

from collector.simulator import SimulatorSettings

__all__ = ["simulate"]


def simulate(
    *,
    settings: Annotated[SimulatorSettings, Parameter(name="*")] = SimulatorSettings(),  # noqa: B008 - frozen
) -> int:
    """Serve the embedded API until a signal ends it, then print what came."""
    from collector.cli.serving import serve

    serve(settings)
    return 0
