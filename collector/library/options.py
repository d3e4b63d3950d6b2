"""The arguments of `collect`: from Python values, or the texts of the options, to settings.

Values become texts, and the parser of the command line reads these: what an option accepts, and
what its error says, is the same in both.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, timedelta, tzinfo
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Annotated, Final, TypedDict
from zoneinfo import ZoneInfo

from cyclopts import App, CycloptsError, Parameter

from collector.cli.config import ConfigFile, keep_one_range
from collector.core.errors import InputError
from collector.plan.date_params import DateFormat
from collector.settings import CollectSettings, LogLevel, RunSettings, option_name

__all__ = ["CollectOptions", "check_names", "read_settings"]

_Path = str | PathLike[str]


class CollectOptions(TypedDict, total=False):
    """The options of `collect`, which are those of `collector run --help`; None is the default.

    A `timedelta` is a number of whole days or seconds, and a text is what follows the option on the
    command line: `last="7d"`, `deadline="6h"`, `rate="auto"`.
    """

    from_date: date | str | None
    until_date: date | str | None
    last: timedelta | str | None
    window: timedelta | str | None
    lookback: timedelta | str | None
    since_last: bool | None
    at_most: timedelta | str | None
    timezone: ZoneInfo | str | None
    id_column: str | None
    name_column: str | None
    rate: float | str | None
    max_attempts: int | str | None
    timeout: float | str | None
    concurrency: int | str | None
    deadline: timedelta | str | None
    max_outage: timedelta | str | None
    max_failed: int | str | None
    max_empty: int | str | None
    shard: str | None
    output: _Path | None
    log_level: LogLevel | None
    metrics_file: _Path | None
    base_url: str | None
    token_url: str | None
    credentials_file: _Path | None
    proxy: str | None
    ca_file: _Path | None
    from_param: str | None
    until_param: str | None
    date_format: DateFormat | None
    until_exclusive: bool | None
    trust_dates: bool | None


def check_names(options: Mapping[str, object]) -> None:
    """Raise `TypeError`, as any function does, for an argument that `collect` does not have."""
    known = CollectOptions.__annotations__
    for name in options:
        if name not in known:
            alike = get_close_matches(name, known, n=1)
            hint = f"; did you mean {alike[0]}?" if alike else ""
            raise TypeError(f"collect() has no argument {name}{hint}")


def read_settings(options: Mapping[str, object], config: _Path | None) -> RunSettings:
    """Return the settings that options make, with those of a file of options for the others.

    Raises `InputError` as the command line does; its text names an option as it is spelled there.
    """
    sources: list[Callable[..., object]] = (
        [] if config is None else [_file(Path(config)), keep_one_range]
    )
    app = App(
        help_flags=[], version_flags=[], config=sources, exit_on_error=False, print_error=False
    )
    app.default(_bound)
    words = [
        f"--{option_name(field)}={_text(option_name(field), options[field.name])}"
        for field in fields(CollectSettings)
        if options.get(field.name) is not None
    ]
    try:
        call, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        settings: CollectSettings = call(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        raise InputError(*str(error).split("\n")) from None
    return RunSettings(**{field.name: getattr(settings, field.name) for field in fields(settings)})


_DEFAULTS: Final = CollectSettings()


def _bound(
    *, settings: Annotated[CollectSettings, Parameter(name="*")] = _DEFAULTS
) -> CollectSettings:
    return settings


def _file(path: Path) -> ConfigFile:
    """Return a source of options. The file was asked for, so it must be there."""
    if not os.path.isfile(path):  # noqa: PTH113 - raises nothing, unlike Path.is_file
        raise InputError(f"{path}: there is no such file of options; check the path of config")
    return ConfigFile(str(path))


_DAY: Final = timedelta(days=1)


_PLAIN_TEXTS: Final = frozenset(
    {
        *("output", "metrics-file", "ca-file", "credentials-file"),
        *("base-url", "token-url", "proxy", "from-param", "until-param"),
        *("id-column", "name-column", "timezone"),
    }
)
"""Options that take any text: the text of a value that is none would be taken, too."""


def _is_argument(text: str) -> bool:
    """Return whether a text can be an argument of a command, or the name of a file."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _text(option: str, value: object) -> str:
    """Return what a user would type for a value. Raises `InputError` for one that is no text."""
    if isinstance(value, PathLike):
        value = os.fspath(value)
    # No value is quoted: that of a proxy may have a password.
    if option in _PLAIN_TEXTS and not isinstance(value, str | tzinfo):
        raise InputError(f"--{option}: the type {type(value).__name__} is no text; give one")
    if isinstance(value, str) and not _is_argument(value):
        raise InputError(f"--{option}: there is a NUL, or half of a surrogate pair, in it")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        days, rest = divmod(value, _DAY)
        return f"{value.total_seconds():.15g}s" if rest else f"{days}d"
    return str(value)
