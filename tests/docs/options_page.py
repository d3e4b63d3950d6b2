"""docs/options.md, made from the settings: `python -m tests.docs.options_page` writes it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from cyclopts import Argument, Group

from collector.cli.app import app
from tests.docs.pages import COMMANDS, DOCS

PAGE: Final = DOCS / "options.md"

_BEGINNING: Final = """\
# Every option

`make pages` writes this page from the settings, and a test compares it with them. How the options
work together is on the page of their subject: [README.md](README.md). Terms:
[glossary.md](glossary.md).

An option can be set in three ways. A flag overrides the variable, which overrides the file.

| where | how | example |
|---|---|---|
| flag | `--max-attempts 3`; a switch is `--quiet`, and off `--no-quiet` or `--quiet=false` | \
`collector run --max-attempts 3` |
| environment | `COLLECTOR_` and the name in upper case; a switch is `true` or `false` | \
`COLLECTOR_MAX_ATTEMPTS=3` |
| `collector.toml` in the current directory, or the file that `--config` names | the name without \
dashes before it | `max-attempts = 3` |

`collector help`, `latest`, `verify` and `completion` read flags only. An unknown key in the file is
an error (exit code 2). A variable that is like that of an option, and is none, leads to a warning.
"""

_SIMULATE: Final = """\
## collector simulate

The embedded API ([simulator.md](simulator.md)) has options of its own. Their variables begin with
`COLLECTOR_SIMULATE_`; in `collector.toml` they are in the table `[simulate]`. It has no `--config`:
`COLLECTOR_CONFIG` names another file for it, too.
"""

_VARIABLES: Final = """\
## Other variables

| variable | meaning |
|---|---|
| `TRUST_CLIENT_ID`, `TRUST_CLIENT_SECRET` | the credentials with which tokens are requested |
| `TRUST_ACCESS_TOKEN` | a ready-made token instead of them |
| `TRUST_CLIENT_ID_FILE`, `TRUST_CLIENT_SECRET_FILE`, `TRUST_ACCESS_TOKEN_FILE` | files that \
contain these values |
| `CREDENTIALS_DIRECTORY` | set by systemd: files in this directory may have its modes |
| `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy` | proxies, as for `curl` \
([proxies.md](proxies.md)) |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | authorities to trust, unless `--ca-file` is set |
| `SSLKEYLOGFILE` | ignored, with a warning |
| `TZ` | the machine's time zone, unless `--timezone` is set |
| `NO_COLOR` | no colours |
| `COLUMNS` | width of tables and of the help, instead of the terminal's |
| `DASK_...` | the configuration of Dask, with `--engine dask` |
"""

_NO_HEADING: Final = "Commands that read runs"
"""Of options that the help shows under no heading of their own."""


class _Row(NamedTuple):
    """An option as it is on the page; commands that have the same one share a row."""

    heading: str
    flags: str
    variable: str
    default: str
    meaning: str


def _options(command: str) -> Iterator[Argument]:
    """Yield the options of a command."""
    for argument in app[command].assemble_argument_collection(parse_docstring=True):
        if argument.name.startswith("--"):
            yield argument


def _group(argument: Argument) -> Group:
    """Return the heading under which the help shows an option."""
    groups = argument.parameter.group
    assert isinstance(groups, tuple)
    (group,) = groups
    assert isinstance(group, Group)
    return group


def _row(argument: Argument, prefix: str) -> _Row:
    name = _group(argument).name
    names = (name for name in argument.names if not name.startswith("--no-"))
    # The long name is first in the collection, and on the page.
    flags = ", ".join(f"`{name}`" for name in names)
    variable = prefix + argument.name.removeprefix("--").upper().replace("-", "_")
    default, meaning = _split(argument)
    heading = _NO_HEADING if name == "Parameters" else name
    return _Row(heading, flags, f"`{variable}`", default, meaning)


def _split(argument: Argument) -> tuple[str, str]:
    """Return the default, which may be told in the help only, and the rest of the help."""
    text = " ".join((argument.parameter.help or "").split())
    told = re.search(r"(?:^|[ ;]+)[Dd]efault: (.*?)\.(?= |$)", text)
    if told is not None:
        text = f"{text[: told.start()].removesuffix('.')}.{text[told.end() :]}"
    value = argument.field_info.default
    if argument.required:
        default = "required"
    elif isinstance(value, bool):
        default = "on" if value else "off"
    elif told is not None:
        default = _marked(told[1])
    else:
        # An empty tuple or set is not set, either; 0 is.
        is_set = value is not None and value not in ((), frozenset())
        default = f"`{str(value).removesuffix('.0')}`" if is_set else "none"
    return default, _marked(text) + _choices(argument.hint)


def _choices(hint: object) -> str:
    """Return the values of an option that has a few fixed ones."""
    hints = (hint, *get_args(hint))
    values = next((get_args(each) for each in hints if get_origin(each) is Literal), ())
    return f" Values: {', '.join(f'`{value}`' for value in values)}." if len(values) > 1 else ""


def _marked(text: str) -> str:
    """Return a text of the help as Markdown: options as code, and nothing read as markup."""
    text = text.replace("|", r"\|").replace("<", r"\<").replace("*", r"\*")
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"`\1`", text)


def _table(rows: Iterable[tuple[str, ...]], *titles: str) -> str:
    lines = (f"| {' | '.join(line)} |\n" for line in (titles, *rows))
    return next(lines) + f"|{'---|' * len(titles)}\n" + "".join(lines)


def page() -> str:
    """Return the page."""
    users: dict[_Row, list[str]] = {}
    places: dict[str, Any] = {}
    for command in (name for name in app if name in COMMANDS - {"simulate", "latest"}):
        for argument in _options(command):
            row = _row(argument, "COLLECTOR_")
            users.setdefault(row, []).append(command)
            place = _group(argument).sort_key
            # What has no heading comes last.
            places[row.heading] = 1000 if row.heading == _NO_HEADING else place
    latest = [_row(argument, "")._replace(variable="none") for argument in _options("latest")]
    users |= {row: ["latest"] for row in latest}
    sections = [_BEGINNING]
    for heading in sorted(places, key=places.__getitem__):
        rows = (
            (row.flags, row.variable, row.default, ", ".join(commands), row.meaning)
            for row, commands in users.items()
            if row.heading == heading
        )
        table = _table(rows, "option", "variable", "default", "commands", "meaning")
        sections.append(f"## {heading}\n\n{table}")
    simulated = (_row(argument, "COLLECTOR_SIMULATE_") for argument in _options("simulate"))
    table = _table(
        ((row.flags, row.variable, row.default, row.meaning) for row in simulated),
        *("option", "variable", "default", "meaning"),
    )
    return "\n".join((*sections, f"{_SIMULATE}\n{table}", _VARIABLES))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
