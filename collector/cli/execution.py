"""A run from its plan to its exit code: progress, signals, summary."""

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from collector.cli.answers import AnswerPrinter, printed_answers
from collector.cli.hints import exit_text
from collector.cli.printing import complain
from collector.cli.signals import stop_on_signals
from collector.cli.summary import one_line, print_summary
from collector.cli.watch import watch
from collector.core.errors import NOT_STARTED, ExitCode, InputError
from collector.core.extras import needs_extra
from collector.core.text import json_text
from collector.core.threads import in_thread
from collector.http.credentials import Credentials
from collector.http.network import Network
from collector.http.ping import Ping
from collector.plan import Plan
from collector.run.base import BaseRun
from collector.run.result import End
from collector.run.run import Run
from collector.settings import RunSettings
from collector.store.attempt_entry import counts_of
from collector.store.chain import newest_in

__all__ = ["collect", "execute", "report_end"]


def collect(
    plan: Plan, settings: RunSettings, credentials: Credentials, output: Path, network: Network
) -> int:
    """Collect a plan into a run directory, and return the exit code."""
    with printed_answers(settings.answers) as printer:
        run = _make_run(plan, settings, credentials, output, network, printer)
        ping = None if settings.ping_url is None else Ping(settings.ping_url, network)
        end = asyncio.run(_with_pings(ping, run, printer))
        return report_end(run, end)


async def _with_pings(ping: Ping | None, run: BaseRun, printer: AnswerPrinter | None) -> End:
    """Execute a run, and send a ping to `--ping-url` when it begins and when it ends.

    A run that never began sends none: while another process works on the same directory, the
    service would take its end for the end of that one.
    """
    if ping is None:
        return await execute(run, printer)
    starting = asyncio.create_task(_ping_start(ping, run), name="ping")
    end = End(ExitCode.BUG)
    try:
        end = await execute(run, printer, hurry=starting.cancel)
    finally:
        # The service may take its time.
        run.stats.end()
        if run.has_begun.is_set() or end.exit_code not in NOT_STARTED:
            problems = await _ping_in_order(ping, run, starting, end)
            for problem in dict.fromkeys(filter(None, problems)):
                _warn(run, f"the ping to --ping-url failed: {problem}")
        else:
            starting.cancel()
    return end


async def _ping_in_order(
    ping: Ping, run: BaseRun, starting: asyncio.Task[str | None], end: End
) -> tuple[str | None, str | None]:
    """Send the ping of the end after that of the start; return why each of them failed.

    A signal ends the wait for the start, now or while the run works: what sent it does not wait for
    long. The next one ends the wait for the end. The exit code is that of the run.
    """
    # It may wait for that, if the run has failed before.
    run.has_begun.set()

    async def end_after_start() -> str | None:
        await asyncio.wait([starting])
        return await _ping_end(ping, run, end)

    def hurry(_: ExitCode) -> None:
        starting.cancel()

    def give_up() -> None:
        ending.cancel()

    ending = asyncio.create_task(end_after_start(), name="ping")
    with stop_on_signals(hurry, give_up):
        await asyncio.wait([ending])
    return _problem(starting), _problem(ending)


def _problem(pinging: asyncio.Task[str | None]) -> str | None:
    """Return why a ping failed, if it did."""
    if pinging.cancelled():
        return "a signal ended the wait for its answer"
    return pinging.result()


async def _ping_start(ping: Ping, run: BaseRun) -> str | None:
    await run.has_begun.wait()
    return await ping.started()


async def _ping_end(ping: Ping, run: BaseRun, end: End) -> str | None:
    summary = {
        # The name of a directory may not be UTF-8; the text of an error may have that name.
        "directory": json_text(run.files.directory),
        "exit_code": end.exit_code.value,
        "exit": json_text(exit_text(end.exit_code, end.error)),
        "manifests": await in_thread(newest_in, run.files.directory),
        **counts_of(run.stats, run.pace.limit),
    }
    return await ping.ended(end.exit_code.value, summary)


def _make_run(  # noqa: PLR0913, PLR0917 - those of `collect`, and the printer
    plan: Plan,
    settings: RunSettings,
    credentials: Credentials,
    output: Path,
    network: Network,
    printer: AnswerPrinter | None,
) -> BaseRun:
    if settings.engine == "local":
        on_durable = None if printer is None else printer.reach
        return Run(plan, settings, credentials, output, network=network, on_durable=on_durable)
    try:
        with needs_extra("dask", "dask", "distributed", "cryptography"):
            from collector.cluster.run import ClusterRun
    except (OSError, TypeError, ValueError) as error:
        # Dask reads its files and variables while it is imported.
        cause = str(error).partition("\n")[0]
        raise InputError(
            f"--engine dask: the configuration of Dask cannot be used ({cause}); "
            "look at DASK_CONFIG, at other variables that begin with DASK_, and at ~/.config/dask"
        ) from error
    return ClusterRun(plan, settings, credentials, output, network)


_GARBAGE: Final = 10_000
"""New objects after which the collector of garbage looks for cycles: they take 2 MB or so."""


async def execute(
    run: BaseRun,
    printer: AnswerPrinter | None = None,
    *,
    hurry: Callable[[], object] = lambda: None,
) -> End:
    """Execute a run, show its progress, print its answers, and let signals stop it gracefully.

    `hurry` is called at the first signal.
    """
    # Imported modules and the plan stay in memory. Without this the first full collection scans
    # them as the first request leaves: it leaves 20 ms late, and the next ones follow too closely.
    gc.freeze()
    # Answers that wait for their connection are no garbage. The default of 700 new objects looks
    # through them again and again, for 2 % of the time of a request.
    gc.set_threshold(_GARBAGE)
    run.announcer.show = partial(_warn, run)

    def stop(code: ExitCode) -> None:
        run.stop(code)
        hurry()
        if printer is not None:
            printer.hurry(End(code))

    with stop_on_signals(stop, run.stop_at_once):
        if printer is None:
            async with watch(run, may_be_live=True):
                return await run.execute()
        # A live display would be drawn over the answers.
        async with watch(run, may_be_live=not printer.is_terminal):
            return await _printed(run, printer)


async def _printed(run: BaseRun, printer: AnswerPrinter) -> End:
    """Execute a run, and wait for the reader of its answers: for no longer than the deadline."""
    deadline = run.settings.deadline
    timer = None
    if deadline is not None:
        loop = asyncio.get_running_loop()
        passed = End(ExitCode.STOPPED_EARLY, f"the deadline of {deadline} has passed")
        timer = loop.call_later(deadline, printer.hurry, passed)
    try:
        end, remark = await printer.finish(await run.execute())
    finally:
        if timer is not None:
            timer.cancel()
    if remark is not None:
        _warn(run, remark)
    return end


def report_end(run: BaseRun, end: End, *, can_resume: bool = True) -> int:
    """Print warnings, error and summary of a run, and return its exit code.

    If the run never began, there is no log, and its warnings come first. See `summary_rows` for
    `can_resume`.
    """
    if end.exit_code is not ExitCode.COMPLETE:
        for event in run.events.unwritten():
            complain(event)
    for remark in run.remarks:
        if remark not in run.announcer.shown:
            _warn(run, remark)
    if end.error is not None:
        complain(end.error)
    if end.exit_code not in NOT_STARTED:
        if not run.settings.quiet:
            print_summary(run, end, can_resume=can_resume)
        elif end.exit_code is not ExitCode.COMPLETE:
            complain(one_line(run, end, can_resume=can_resume))
    return end.exit_code


def _warn(run: BaseRun, remark: str) -> None:
    complain(f"warning: {run.files.directory}: {remark}")
