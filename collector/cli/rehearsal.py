"""The run of `collector demo`, and the embedded API that it is against."""

import asyncio
from dataclasses import fields
from pathlib import Path

from collector.cli.execution import execute, report
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials
from collector.plan import Plan
from collector.run.run import End, Run
from collector.settings import DemoSettings, RunSettings
from collector.simulator import Simulator, SimulatorSettings

__all__ = ["run_demo"]


def run_demo(plan: Plan, settings: DemoSettings, output: Path) -> int:
    """Start the embedded API, run against it, and return the run's exit code."""
    run, end = asyncio.run(_rehearse(plan, settings, output))
    # The embedded API ends with this command.
    return report(run, end, can_resume=False)


async def _rehearse(plan: Plan, settings: DemoSettings, output: Path) -> tuple[Run, End]:
    api = SimulatorSettings(port=0)
    credentials = ClientCredentials(Secret(api.client_id), Secret(api.client_secret))
    async with Simulator(api) as simulator:
        service = RunSettings(
            **{field.name: getattr(settings, field.name) for field in fields(settings)},
            base_url=simulator.base_url,
            token_url=simulator.token_url,
        )
        run = Run(plan, service, credentials, output)
        return run, await execute(run)
