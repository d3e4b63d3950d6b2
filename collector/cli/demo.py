"""`collector demo`: the embedded API and a run against it, in one command."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, warn_of_duplicates
from collector.cli.printing import complain
from collector.plan import Plan
from collector.settings import DemoSettings, RunSettings
from collector.settings.prepare import prepare_plan

if TYPE_CHECKING:
    from collector.cli.answers import AnswerPrinter
    from collector.run.result import End
    from collector.run.run import Run

__all__ = ["demo"]

_SAMPLE: Final = Path(__file__).with_name("sample_companies.txt")


def demo(
    companies: CompaniesArgument = _SAMPLE,
    /,
    *,
    settings: Annotated[DemoSettings, Parameter(name="*")] = DemoSettings(),  # noqa: B008 - frozen
) -> int:
    """Start the embedded API, run against it, and return the run's exit code.

    Parameters
    ----------
    companies
        A list, with one company id per line, or a table (CSV) with a column of ids. - is standard
        input. Default: a few made-up companies.
    """
    now = datetime.now(UTC)
    plan, read = prepare_plan(companies, settings, now)
    # Each demo has its own directory: the embedded API has another address every time.
    output = settings.output or Path("output") / f"demo-{now:%Y%m%dT%H%M%SZ}"
    # Here, for the help and bad input need none of it.
    import asyncio

    from collector.cli.answers import printed_answers
    from collector.cli.execution import report_end
    from collector.cli.streams import background_streams

    with background_streams(), printed_answers(settings.answers) as printer:
        warn_of_duplicates(read)
        run, end = asyncio.run(_run_against_embedded_api(plan, settings, output, printer))
        # The embedded API ends with this command.
        return report_end(run, end, can_resume=False)


async def _run_against_embedded_api(
    plan: Plan, settings: DemoSettings, output: Path, printer: "AnswerPrinter | None"
) -> "tuple[Run, End]":
    from collector.cli.execution import execute
    from collector.core.secrets import Secret
    from collector.http.credentials import ClientCredentials
    from collector.run.descriptors import reserve_descriptors
    from collector.run.run import Run
    from collector.simulator import Simulator, SimulatorSettings

    api = SimulatorSettings(port=0)
    credentials = ClientCredentials(Secret(api.client_id), Secret(api.client_secret))
    # Both ends of each connection are in this process.
    concurrency, remark = reserve_descriptors(settings.concurrency, each=2)
    if remark is not None:
        complain(f"warning: {remark}")
    settings = replace(settings, concurrency=concurrency)
    async with Simulator(api) as simulator:
        service = RunSettings(
            **{field.name: getattr(settings, field.name) for field in fields(settings)},
            base_url=simulator.base_url,
            token_url=simulator.token_url,
        )
        on_durable = None if printer is None else printer.reach
        run = Run(plan, service, credentials, output, on_durable=on_durable)
        return run, await execute(run, printer)
