"""The command line: its commands, with the texts of their help."""

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from cyclopts import App, Parameter

from collector import __version__
from collector.cli.config import SIMULATE, ConfigFile, Environment, keep_one_range

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app"]

# Each paragraph is one line; the help wraps it.
_EPILOGUE: Final = (
    "Every option can also be set in the environment (--max-attempts as COLLECTOR_MAX_ATTEMPTS) or "
    "in collector.toml in the current directory (max-attempts = 3); --config names another file. A "
    "flag overrides the environment, which overrides the file. A switch has an opposite: "
    "--no-quiet, or --quiet=false. Credentials come only from TRUST_CLIENT_ID and "
    "TRUST_CLIENT_SECRET, or "
    "TRUST_ACCESS_TOKEN (or from the files that TRUST_CLIENT_ID_FILE and the like name), or "
    "--credentials-file.\n"
    "\n"
    "Exit codes: 0 every cell has an answer; 1 some cells failed, or something was left out; "
    "2 bad input, nothing was sent; 3 credentials missing or rejected; 4 stopped early; "
    "5 the output cannot be written; 6 another run holds the directory; "
    "7 the API does not honour the dates; 8 everything fails for one reason, or more than allowed, "
    "or runs are not as they were recorded; "
    "70 a bug; 129, 130 and 143 interrupted."
)


def _shown_default(value: object) -> str | None:
    """Return a default as the help shows it; None for a switch and for what is not set."""
    return None if value is None or isinstance(value, (bool, frozenset)) else str(value)


class _NoConsole:
    """Placeholder for the console that the library would create for errors, which `main` shows.

    Importing that console takes a quarter of the time of all other imports.
    """


app = App(
    name="collector",
    help=(
        "Collects push-notification statistics for many companies and date windows: one answer "
        "for every company and window, or the reason why it is missing."
    ),
    help_epilogue=_EPILOGUE,
    # The list of commands needs no Markdown, whose renderer is slow to import.
    help_format="plaintext",
    version=__version__,
    version_flags=["--version", "-V"],
    # The help of the collector names the variables, once for all.
    default_parameter=Parameter(show_env_var=False, show_default=_shown_default),
    config=[Environment("COLLECTOR_"), ConfigFile("collector.toml"), keep_one_range],
    # `main` shows all errors, in one plain form.
    exit_on_error=False,
    print_error=False,
    error_console=cast("Console", _NoConsole()),
    # An interrupted command must not look like one that succeeded.
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)

_command = partial(
    app.command,
    help_format="markdown",
    help_epilogue="Environment variables, collector.toml and exit codes: `collector --help`",
)
"""Register a command whose help is Markdown: it has calls, lists, and wrapped texts of options."""

# A module is imported when its command runs, and what the command uses once its input is valid:
# --help and input errors respond at once.
_command(
    "collector.cli.run:run",
    help="""Collect every company and window into a run directory: the main job.

    Credentials come from TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or TRUST_ACCESS_TOKEN, in the
    environment. The run directory contains the answers (statistics.jsonl; each is there
    within seconds of its arrival), the cells (a cell is one company in one window) that failed for
    good (errors.jsonl), the events (log.jsonl) and all counts (run.json).

    Example, the last week day by day: `collector run companies.txt --last 7d --window 1d`
    """,
    sort_key=1,
)
_command(
    "collector.cli.plan:plan",
    help="""Show what a run would do and how long it takes; sends nothing.

    Takes the selection of collector run, its rate, and its shard.

    Example: `collector plan companies.txt --last 90d --window week --rate 50`
    """,
    sort_key=2,
)
_command(
    "collector.cli.status:status",
    help="""Show which cells of a run are answered, failed or missing, and how to resume it.

    It reads the lines in the run directory, changes nothing, and works during a run. For several
    runs it shows a table of nights: the cells, those that a later run answered with other figures
    (restated), and the days that no run has an answer for (gaps).

    Example, for a script that needs every cell: `collector status output/night --fail-on
    missing,failed`; for all nights: `collector status output/* --fail-on gap`
    """,
    sort_key=3,
)
_command(
    "collector.cli.check:check",
    help="""Check the credentials, which companies answer, and whether the API honours the dates.

    It asks a few of the companies, with at most 40 requests through the same gate as a run: whether
    the API honours the dates as they are set, whether the last day is included, and, if they are
    ignored, which of a list of likely names and spellings it honours. Companies without
    data show nothing. --write writes the dates that the API honours into collector.toml.

    It exits with 0 if a run can send the dates (or the verdict is inconclusive), 1 if companies
    fail, 7 if the dates are ignored.

    Example: `collector check companies.txt`
    """,
    sort_key=4,
)
_command(
    "collector.cli.diff:diff",
    help="""Show which answers were restated between two runs, in which counter and by how much.

    It shows counts, the age of the restated windows (which tells how much lookback is needed), and
    the cells that changed, are new or are gone. It compares the documented counters and every
    action. It reads the lines of both runs and changes nothing.

    Example: `collector diff output/2026-11-22 output/2026-11-23`
    """,
    sort_key=5,
)
_command(
    "collector.cli.latest:latest",
    help="""Print the newest answer of every cell over many runs, as JSON lines.

    The lines are those of statistics.jsonl of their run, one for each company and window,
    ordered by company and days. Damaged lines are left out, with a warning and exit code 1.

    Example: `collector latest output/* --to latest.jsonl`
    """,
    sort_key=6,
    # Its --to is no setting: that of a file or a variable names the file of an export or a report.
    config=[],
)
_command(
    "collector.cli.export:export",
    help="""Write the newest answer of every cell over many runs into a file, as columns.

    company_id, company_name, from_date, until_date, fetched_at, the counters, and a column for each
    action (of more than 200 for the most frequent; the others are JSON in one column). The ending
    of the file selects the format: .csv, .excel.csv (for a double click in Excel), .jsonl (JSON
    Lines), .xlsx (Excel), .parquet or .duckdb. .gz or .zst after .csv and .jsonl compresses it.
    --to - prints it. Needs DuckDB, XlsxWriter for .xlsx and zstandard for .zst (the extra export).

    Example: `collector export output/* --to statistics.parquet`
    """,
    sort_key=7,
)
_command(
    "collector.cli.report:report",
    help="""Write a report of runs: one HTML page that works offline, on a phone and on paper.

    It shows coverage, delivery, figures over time, the companies with the highest share of fails,
    what was restated between runs, how the runs behaved, and what is odd in the data. If a cell has
    several answers, the newest counts. Needs DuckDB, Jinja2 and vl-convert (the extra report).

    Example: `collector report output/* --to report.html --lang es`
    """,
    sort_key=8,
)
_command(
    "collector.cli.verify:verify",
    help="""Verify that runs are as they were when they had finished; works offline, on any copy.

    A run that has finished records the SHA-256 of its files in its run.json, and of the manifest of
    the run before it. What was changed, dropped, added, renamed or swapped since is named. Ends
    with 0 when all is verified, 1 when a run has not finished or has recorded no digests, 8 when
    something is not as it was recorded.

    Only its own digest verifies the newest manifest, which no later run has recorded. It is printed
    as sha256sum prints it, to be noted in another place.

    Example: `collector verify output/*`
    """,
    sort_key=9,
    # It has no options.
    config=[],
)
_command(
    "collector.cli.demo:demo",
    help="""Run against the embedded API, in one command and without credentials.

    Everything is real but the figures: a local HTTP server, tokens, requests, files.

    Example: `collector demo companies.txt --last 7d --window 1d`
    """,
    sort_key=7,
)
_command(
    "collector.cli.simulate:simulate",
    help="""Serve the embedded API on this machine, with faults to rehearse.

    It speaks both endpoints, tokens and statistics, until it is interrupted. The figures are made
    from the seed, the company and the day, so that days add up to windows. At the start it prints
    the variables that point collector run at it.

    The options can also be set in the environment (--rate-limit as COLLECTOR_SIMULATE_RATE_LIMIT)
    or in the table [simulate] of collector.toml, or of the file that COLLECTOR_CONFIG names.

    Example, a limit and a share of errors: `collector simulate --rate-limit 50 --burst 20
    --share-500 0.05`
    """,
    sort_key=8,
    # Its options are the server's, not a run's.
    config=[Environment("COLLECTOR_SIMULATE_"), ConfigFile("collector.toml", SIMULATE)],
)
_command(
    "collector.cli.help:help_of",
    name="help",
    help="""Print the help of the collector, or of one of its commands.

    Example: `collector help run`
    """,
    sort_key=21,
    config=[],
)
_command(
    "collector.cli.completion:completion",
    help="""Print a script with which a shell completes commands, options, choices and paths.

    The script is static: it contains all that it completes, and a TAB starts no process. Print it
    once into a file that the shell reads, and again after an update.

    - bash, with the package bash-completion: `collector completion bash >
      ~/.local/share/bash-completion/completions/collector`
    - bash without it, a line for ~/.bashrc: `source <(collector completion bash)`
    - zsh, a directory of $fpath: `collector completion zsh > "${fpath[1]}/_collector"`
    - fish: `collector completion fish > ~/.config/fish/completions/collector.fish`

    Example, for this shell only: `source <(collector completion bash)`
    """,
    sort_key=20,
    # A shell may call it on start-up, in any directory: settings found there do not apply.
    config=[],
)
