"""`collector demo`: the embedded API and a run against it, in one command."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, warn_of_duplicates
from collector.settings import DemoSettings
from collector.settings.prepare import prepare_plan

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
        File with one company id a line; - is standard input. Default: a few made-up companies.
    """
    now = datetime.now(UTC)
    plan, read = prepare_plan(companies, settings, now)
    warn_of_duplicates(read)
    from collector.cli.rehearsal import run_demo

    # Each demo has its own directory: the embedded API has another address every time.
    output = settings.output or Path("output") / f"demo-{now:%Y%m%dT%H%M%SZ}"
    return run_demo(plan, settings, output)
