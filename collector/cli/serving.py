"""The embedded API as a service of its own: how it is found, and what came."""

import asyncio
from collections import Counter
from typing import Any

from collector.cli.printing import say
from collector.cli.signals import ending_signals
from collector.simulator import Simulator, SimulatorSettings

__all__ = ["serve"]


def serve(settings: SimulatorSettings) -> None:
    """Serve the embedded API until a signal ends it, then print what came."""
    asyncio.run(_serve(settings))


async def _serve(settings: SimulatorSettings) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, interrupted.set)
    async with Simulator(settings) as simulator:
        say(_how_to_use(simulator))
        await interrupted.wait()
    say(_what_came(simulator))


def _how_to_use(simulator: Simulator) -> str:
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


def _what_came(simulator: Simulator) -> str:
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
