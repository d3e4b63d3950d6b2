"""`collector check`: its progress, its table, and the options it writes to `collector.toml`."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import tomlkit
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tomlkit.exceptions import TOMLKitError

from collector.cli.config import read_options
from collector.cli.printing import company_text, complain, note, say
from collector.cli.signals import stop_on_signals
from collector.cli.streams import background_streams
from collector.core.errors import ExitCode, InputError, StorageError
from collector.core.links import resolved
from collector.core.outcome import Failure
from collector.core.text import counted, escaped
from collector.dates.probe import CheckFindings, Finding, Until, Verdict
from collector.http.credentials import Credentials
from collector.http.network import Network
from collector.plan import Companies
from collector.plan.date_params import DateQuery
from collector.run.check import MOST_REQUESTS, Check, CheckResult
from collector.settings import CheckSettings
from collector.settings.prepare import date_query
from collector.store.atomic import replace_file

__all__ = ["run_check", "write_options"]

_REFRESH_SECONDS: Final = 0.25

_CONFIG: Final = Path("collector.toml")


def run_check(
    companies: Companies, settings: CheckSettings, credentials: Credentials, network: Network
) -> int:
    """Run the check, print its table, write the options if asked to, and return the exit code."""
    with background_streams() as output:
        code = _run(companies, settings, credentials, network)
    return code or (ExitCode.STORAGE if output.is_lost else code)


def _run(
    companies: Companies, settings: CheckSettings, credentials: Credentials, network: Network
) -> int:
    path = settings.config or _CONFIG
    # Before anything is sent: they may be why there is no answer.
    say(_proxies(network))
    check = Check(companies.ids, settings, credentials, network=network)
    result = asyncio.run(_execute(check))
    if result.error is not None:
        complain(result.error)
    if result.findings.answers:
        say(_table(result, companies, date_query(settings), path))
    honoured = _honoured(result.findings, date_query(settings))
    if not settings.write:
        return result.exit_code
    if honoured is None:
        complain(f"{path}: nothing is written, for nothing was found to be honoured")
        return result.exit_code or ExitCode.SOME_FAILED
    _write(*honoured, path)
    return ExitCode.COMPLETE if result.exit_code is ExitCode.DATES else result.exit_code


def _proxies(network: Network) -> str:
    """Return a line: `proxy for api.trust.lat, atenea.trust.lat: none`."""
    hosts: dict[str, list[str]] = {}
    for host, proxy in network.described().items():
        hosts.setdefault(proxy, []).append(host)
    return "\n".join(f"proxy for {', '.join(names)}: {proxy}" for proxy, names in hosts.items())


async def _execute(check: Check) -> CheckResult:
    with stop_on_signals(check.stop, check.cancel):
        showing = asyncio.create_task(_show(check), name="show")
        try:
            return await check.execute()
        finally:
            showing.cancel()
            await asyncio.wait([showing])


async def _show(check: Check) -> None:
    """Show the number of requests on a terminal: with a slow API, silence looks like a hang."""
    console = Console(stderr=True)
    # Ask the stream itself: FORCE_COLOR must not put a live display into a file.
    if not sys.stderr or not sys.stderr.isatty() or console.is_dumb_terminal:
        return
    with console.status("") as status:
        while True:
            status.update(f"{check.requests} of at most {MOST_REQUESTS} requests")
            await asyncio.sleep(_REFRESH_SECONDS)


def _honoured(findings: CheckFindings, query: DateQuery) -> tuple[DateQuery, Finding] | None:
    if findings.configured.dates is Verdict.HONOURED:
        return query, findings.configured
    return findings.found


def _write(query: DateQuery, finding: Finding, path: Path) -> None:
    """Write the options with which the API honours the dates, for `collector run`."""
    options: dict[str, str | bool] = {
        "from-param": query.from_param,
        "until-param": query.until_param,
        "date-format": query.date_format,
    }
    if finding.until is not Until.INCONCLUSIVE:
        options["until-exclusive"] = finding.until is Until.EXCLUDED
    write_options(path, options)
    note(f"written to {path}: {', '.join(options)}")
    for name in options:
        variable = f"COLLECTOR_{name.upper().replace('-', '_')}"
        if variable in os.environ:
            complain(f"warning: {variable} is set, and goes before {path}")


_WIDEST: Final = 120
_SHOWN: Final = 5


class _Row(NamedTuple):
    question: str
    verdict: str
    evidence: str


def _table(result: CheckResult, companies: Companies, query: DateQuery, path: Path) -> str:
    """Return the table as plain text, followed by advice unless an error ended the check.

    `path` is the file of options that --write would change.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("question", "verdict", "evidence"):
        table.add_column(heading, overflow="fold")
    for row in _rows(result, companies, query):
        table.add_row(*(Text("\n".join(map(escaped, cell.split("\n")))) for cell in row))
    out = StringIO()
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    Console(file=out, width=width, color_system=None).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    advice = [] if result.error is not None else [_advice(result, path)]
    return "\n".join([*(line for line in lines if line), *advice])


def _rows(result: CheckResult, companies: Companies, query: DateQuery) -> Iterator[_Row]:
    findings = result.findings
    if any(not isinstance(answer, Failure) for answer in findings.answers.values()):
        yield _Row("credentials", "good", "the API accepts the token")
    else:
        yield _Row("credentials", "unknown", "there is a token, but no company answers with it")
    yield _companies(result, companies)
    yield from _finding("dates", query, findings.configured)
    if findings.found is not None:
        yield from _finding("other dates", *findings.found)
    elif findings.configured.dates is not Verdict.HONOURED:
        yield _Row("other dates", *_nothing_found(result))
    yield _Row("requests", f"{result.requests}", f"{MOST_REQUESTS} at most")


def _nothing_found(result: CheckResult) -> tuple[str, str]:
    """Return the verdict and the evidence when no other dates are honoured."""
    findings = result.findings
    if result.error is not None:
        return "not found", "the check ended before"
    if not findings.was_searched:
        return "not tried", "without a company with data they show nothing"
    if findings.is_spent:
        tried = "the requests were used up before all likely names and spellings were tried"
        return "none found", tried
    return "none found", "none of the likely names and spellings shows an effect"


def _companies(result: CheckResult, companies: Companies) -> _Row:
    answers = result.findings.answers
    failed = {i: a for i, a in answers.items() if isinstance(a, Failure)}
    empty = sum(not isinstance(a, Failure) and a.is_empty for a in answers.values())
    data = len(answers) - len(failed) - empty
    texts = [f"{data:,} with data, {empty:,} empty in the last days, {len(failed):,} failed"]
    for company_id, failure in islice(failed.items(), _SHOWN):
        name = companies.names.get(company_id)
        texts.append(f"{company_text(company_id, name)}: {failure.message}")
    asked = f"{len(answers) - len(failed):,} of {len(answers):,} answered"
    if len(answers) < len(companies):
        texts.append(
            f"{len(answers):,} of {counted(len(companies), 'company', 'companies')} were asked"
        )
    return _Row("companies", asked, "\n".join(texts))


def _finding(question: str, query: DateQuery, finding: Finding) -> Iterator[_Row]:
    evidence = "\n".join((str(query), *finding.evidence))
    yield _Row(question, finding.dates.value, evidence)
    if finding.dates is Verdict.HONOURED:
        what = {
            Until.INCLUDED: f"the day that {query.until_param} names belongs to the answer",
            Until.EXCLUDED: f"the day that {query.until_param} names does not belong to the answer",
            Until.INCONCLUSIVE: "no day with data was found that tells",
        }
        yield _Row("until", finding.until.value, what[finding.until])


def _advice(result: CheckResult, path: Path) -> str:
    findings = result.findings
    if findings.found is not None:
        found = findings.found.query
        return (
            f"To use the other dates: --from-param {found.from_param} --until-param "
            f'{found.until_param} --date-format "{found.date_format}", or collector check with '
            f"--write, which puts them into {path}."
        )
    match findings.configured.dates:
        case Verdict.HONOURED:
            return "collector run can send dates as they are set."
        case Verdict.IGNORED:
            return (
                "collector run does not send these dates (exit code 7). Ask the vendor for the "
                "names of the parameters, or collect without dates."
            )
        case _:
            return (
                "collector run would send these dates with a warning. Companies with data in "
                "the last days or in a month that is over would tell more."
            )


def write_options(path: Path, options: Mapping[str, str | bool]) -> None:
    """Set options in a TOML file, by their names without leading dashes; keep comments and order.

    A key with underscores keeps its spelling; of a key in both spellings the first is kept. The
    file is replaced atomically, or created. Raises `InputError` when it is not TOML or cannot be
    read, `StorageError` when it cannot be written.
    """
    try:
        path = resolved(path)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    text = read_options(path)
    try:
        document = tomlkit.document() if text is None else tomlkit.parse(text)
    except TOMLKitError as error:
        raise InputError(f"{path.name}: is not TOML: {error}") from error
    for name, value in options.items():
        first, *others = [key for key in document if key.replace("_", "-") == name] or [name]
        document[first] = value
        for key in others:
            del document[key]
    try:
        replace_file(path, [tomlkit.dumps(document).encode()])
    except OSError as error:
        raise StorageError(f"{path.name}: cannot be written: {error.strerror}") from error
