"""`collector demo`: the embedded API and a run against it, in one command."""

import asyncio
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesFile, warn_of_duplicates
from collector.cli.run import execute, report
from collector.fetch.credentials import ClientCredentials
from collector.plan import Plan
from collector.prepare import prepare_plan
from collector.run import End, Run
from collector.secrets import Secret
from collector.settings import DemoSettings, RunSettings
from collector.simulator import Simulator, SimulatorSettings

__all__ = ["demo"]

_SAMPLE: Final = Path(__file__).with_name("sample_companies.txt")


def demo(
    companies: CompaniesFile = _SAMPLE,
    /,
    *,
    settings: Annotated[DemoSettings, Parameter(name="*")] = DemoSettings(),  # noqa: B008 - frozen
) -> int:
    """Start the embedded API, run against it, and return the run's exit code.

    Parameters
    ----------
    companies
        File with one company id a line; - is standard input. Default: a few made-up companies.
    """
    now = datetime.now(UTC)
    plan, read = prepare_plan(companies, settings, now)
    warn_of_duplicates(read)
    # Each demo has its own directory: the embedded API has another address every time.
    output = settings.output or Path("output") / f"demo-{now:%Y%m%dT%H%M%SZ}"
    job, end = asyncio.run(_demo(plan, settings, output))
    # The embedded API ends with this command.
    return report(job, end, can_go_on=False)


async def _demo(plan: Plan, settings: DemoSettings, output: Path) -> tuple[Run, End]:
    api = SimulatorSettings(port=0)
    credentials = ClientCredentials(Secret(api.client_id), Secret(api.client_secret))
    async with Simulator(api) as simulator:
        service = RunSettings(
            **{field.name: getattr(settings, field.name) for field in fields(settings)},
            base_url=simulator.base_url,
            token_url=simulator.token_url,
        )
        job = Run(plan, service, credentials, output)
        return job, await execute(job)
