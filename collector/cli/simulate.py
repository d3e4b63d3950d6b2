"""`collector simulate`: serves the embedded API until it is interrupted."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from collector.cli.printing import note
from collector.cli.signals import ending_signals
from collector.simulator import SimulatorSettings

if TYPE_CHECKING:
    from collector.simulator import Simulator

__all__ = ["simulate"]


def simulate(
    *,
    settings: Annotated[SimulatorSettings, Parameter(name="*")] = SimulatorSettings(),  # noqa: B008 - frozen
) -> int:
    """Serve the embedded API until a signal ends it, then print what came."""
    # Here, for the help and bad input do not need it.
    import asyncio

    from collector.cli.streams import background_streams

    with background_streams():
        asyncio.run(_serve(settings))
    return 0


async def _serve(settings: SimulatorSettings) -> None:
    import asyncio

    from collector.simulator import Simulator

    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, interrupted.set)
    async with Simulator(settings) as simulator:
        note(_instructions(simulator))
        await interrupted.wait()
    note(_totals(simulator))


def _instructions(simulator: "Simulator") -> str:
    """Return the address, and the variables that point `collector run` at it."""
    settings = simulator.settings
    return "\n".join(
        (
            f"The embedded API listens on {simulator.base_url}; Ctrl-C ends it. To use it:",
            f"  export COLLECTOR_BASE_URL={simulator.base_url}",
            f"  export COLLECTOR_TOKEN_URL={simulator.token_url}",
            f"  export TRUST_CLIENT_ID={settings.client_id}",
            f"  export TRUST_CLIENT_SECRET={settings.client_secret}",
        )
    )


def _totals(simulator: "Simulator") -> str:
    """Return the counts of requests, of answers by status, and of faults."""
    counts = simulator.counts
    return "\n".join(
        (
            f"requests  {counts.total:,} ({_list(counts.kinds)})",
            f"answers   {_list(counts.statuses)}",
            f"faults    {_list(counts.faults)}",
        )
    )


def _list(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.most_common()) or "none"
