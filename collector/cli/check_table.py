"""The verdicts of a check as a table for people."""

import shutil
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.check import MOST_REQUESTS, Report
from collector.date_query import DateQuery
from collector.models import Failure
from collector.plan import Companies
from collector.probe import Finding, Until, Verdict
from collector.quoting import escaped

__all__ = ["check_table"]

_WIDEST: Final = 120
_SHOWN: Final = 5


class _Row(NamedTuple):
    question: str
    verdict: str
    evidence: str


def check_table(report: Report, companies: Companies, query: DateQuery) -> str:
    """Return the table as plain text, and below it what to do, unless the check was given up."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("question", "verdict", "evidence"):
        table.add_column(heading, overflow="fold")
    for row in _rows(report, companies, query):
        table.add_row(*(Text("\n".join(map(escaped, cell.split("\n")))) for cell in row))
    out = StringIO()
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    Console(file=out, width=width, color_system=None).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    advice = [] if report.error is not None else [_advice(report)]
    return "\n".join([*(line for line in lines if line), *advice])


def _rows(report: Report, companies: Companies, query: DateQuery) -> Iterator[_Row]:
    checkup = report.checkup
    if any(not isinstance(answer, Failure) for answer in checkup.answers.values()):
        yield _Row("credentials", "good", "the API takes the token")
    else:
        yield _Row("credentials", "unknown", "there is a token, but no company answers with it")
    yield _companies(report, companies)
    yield from _finding("dates", query, checkup.configured)
    if checkup.found is not None:
        yield from _finding("other dates", *checkup.found)
    elif checkup.configured.dates is not Verdict.HONOURED:
        yield _Row("other dates", *_nothing_found(report))
    yield _Row("requests", f"{report.requests}", f"{MOST_REQUESTS} at most")


def _nothing_found(report: Report) -> tuple[str, str]:
    """Return why no other way was found, as a verdict and its evidence."""
    checkup = report.checkup
    if report.error is not None:
        return "not found", "the check ended before"
    if not checkup.was_searched:
        return "not tried", "without a company with data they show nothing"
    if checkup.is_spent:
        tried = "the requests were used up before all likely names and spellings were tried"
        return "none found", tried
    return "none found", "none of the likely names and spellings shows an effect"


def _companies(report: Report, companies: Companies) -> _Row:
    answers = report.checkup.answers
    failed = {i: a for i, a in answers.items() if isinstance(a, Failure)}
    empty = sum(not isinstance(a, Failure) and a.is_empty for a in answers.values())
    data = len(answers) - len(failed) - empty
    texts = [f"{data} with data, {empty} empty in the last days, {len(failed)} failed"]
    for company_id, failure in islice(failed.items(), _SHOWN):
        name = companies.names.get(company_id)
        texts.append(f"{company_id}{f' ({name})' if name else ''}: {failure.message}")
    asked = f"{len(answers) - len(failed)} of {len(answers)} answer"
    if len(answers) < len(companies):
        texts.append(f"asked were {len(answers)} of {len(companies):,}")
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


def _advice(report: Report) -> str:
    checkup = report.checkup
    if checkup.found is not None:
        found = checkup.found.query
        return (
            f"To use the other dates: --from-param {found.from_param} --until-param "
            f'{found.until_param} --date-format "{found.date_format}", or collector check with '
            "--write, which puts them into collector.toml."
        )
    match checkup.configured.dates:
        case Verdict.HONOURED:
            return "collector run can send dates as they are set."
        case Verdict.IGNORED:
            return (
                "collector run refuses to send these dates (exit code 7). Ask the vendor how they "
                "are called, or collect without dates."
            )
        case _:
            return (
                "collector run would send these dates with a warning. Companies with data in "
                "the last days or in a month that is over would tell more."
            )
