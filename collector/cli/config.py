"""Sources of options beside flags: the environment and `collector.toml`."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from cyclopts import App, Argument, ArgumentCollection, Token
from cyclopts.config import Dict

from collector.cli.printing import complain
from collector.core.errors import InputError

__all__ = ["SIMULATE", "ConfigFile", "Environment", "keep_one_range", "read_options"]

_LARGEST: Final = 1024 * 1024
"""Bytes of a file of options, at most."""

_PREFIX: Final = "COLLECTOR_"
"""Of the variables for options that one command or another has."""

_CONFIG: Final = f"{_PREFIX}CONFIG"
"""Names the file of options, for every command."""

SIMULATE: Final = "simulate"
"""The table of a file for the options of `collector simulate`: some share a name with a run's."""

_DATES: Final = frozenset({"--from", "--until"})
_CUTS: Final = frozenset({"--window", "--lookback"})
_RANGE: Final = _DATES | {"--last", "--since-last"}

_OFF: Final = frozenset({"false", "f", "no", "n", "0"})
"""How the command line library reads a switch that is off."""


class Environment:
    """Passes variables to the command line library: `COLLECTOR_RATE` for `--rate`.

    Only options take values from it: a stray variable must not add a run directory or a companies
    file to a command. A variable that is like that of an option is most likely misspelt, and leads
    to a warning. Others are left alone: other programs are called collector, too.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __call__(
        self, _app: App, _commands: tuple[str, ...], arguments: ArgumentCollection
    ) -> None:
        """Set the options that no flag sets."""
        options = {
            self._prefix + _variable(argument.name.removeprefix("--")): argument
            for argument in arguments
            if argument.name.startswith("--")
        }
        # The library would take COLLECTOR_R and COLLECTOR_NO_QUIET, too.
        for variable, argument in options.items():
            value = os.environ.get(variable)
            if value is not None and not argument.tokens:
                for index, part in enumerate(argument.env_var_split(value)):
                    argument.append(Token(keyword=variable, value=part, source="env", index=index))
        self._warn(options)

    def _warn(self, options: Iterable[str]) -> None:
        """Warn about variables that are most likely misspelt."""
        known = {variable.removeprefix(self._prefix) for variable in options}
        if self._prefix == _PREFIX:
            from collector.settings import option_names

            known.update(map(_variable, option_names()))
        for variable in sorted(os.environ):
            name = variable.removeprefix(self._prefix)
            # Those of the simulator are read, and looked at, by `collector simulate` alone.
            if name in {variable, *known} or name.startswith("SIMULATE_"):
                continue
            if likely := _likely(name, known):
                complain(
                    f"warning: {variable} in the environment is ignored, because no option is "
                    f"called so; did you mean {self._prefix}{likely}?"
                )


def _variable(option: str) -> str:
    """Return the variable of an option, without its prefix: `MAX_ATTEMPTS`."""
    return option.upper().replace("-", "_")


class ConfigFile:
    """Passes a TOML file of options to the command line library: that of `--config`, or `path`.

    With a `table` the command has no `--config`; its variable names the file all the same.

    One file serves all commands: each reads the options that it has, or those of its `table`. A key
    that is no option of any command raises `InputError`: a misspelt option must not be ignored all
    night. So does a file that `--config` names and that is not there.
    """

    def __init__(self, path: str, table: str | None = None) -> None:
        self._default, self._table = Path(path), table

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Set the options that neither a flag nor the environment sets."""
        given, option = self._given(arguments)
        if given == "":
            raise InputError(f"{option}: an empty name is no file; give its path, or leave it out")
        path = self._default if given is None else Path(given)
        text = read_options(path)
        if text is None:
            if given is not None:
                raise InputError(f"{option} {path}: there is no such file; check the path")
            return
        options = (argument.name for argument in arguments if argument.name.startswith("--"))
        taken = {name.removeprefix("--") for name in options}
        known = self._known(path, _parse(path, text), taken)
        Dict(known, source=str(path), use_commands_as_keys=False)(app, commands, arguments)

    def _given(self, arguments: ArgumentCollection) -> tuple[str | None, str]:
        """Return the name of the file that the user gives, if any, and where it is given."""
        if self._table is not None:
            return os.environ.get(_CONFIG), _CONFIG
        given = [a.tokens[-1].value for a in arguments if a.name == "--config" and a.tokens]
        return (given[0] if given else None), "--config"

    def _known(
        self, path: Path, values: Mapping[str, object], taken: Collection[str]
    ) -> dict[str, object]:
        """Return the values for a command that takes these options, after all are checked."""
        if self._table is not None:
            values, where = _table(path, values, self._table), f"{path}: [{self._table}]"
            _check(where, values, taken)
            return values
        from collector.settings import option_names

        values = {key: value for key, value in values.items() if key != SIMULATE}
        # A file that names another one would leave open which of them counts.
        _check(str(path), values, option_names() - {"config"})
        return {key: value for key, value in values.items() if key in taken}


def _parse(path: Path, text: str) -> dict[str, object]:
    # Here: most commands find no file, and --help does not look for one.
    import tomllib

    try:
        return _with_dashes(tomllib.loads(text))
    except RecursionError:
        raise InputError(f"{path}: is not TOML: lists or tables are nested too deeply") from None
    except ValueError as error:  # also for a number of thousands of digits
        raise InputError(f"{path}: is not TOML: {error}") from None


def _with_dashes(table: Mapping[str, object]) -> dict[str, object]:
    return {key.replace("_", "-"): value for key, value in table.items()}


def _table(path: Path, values: Mapping[str, object], name: str) -> dict[str, object]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name}: is no table; write [{name}] and its options below it")
    return _with_dashes(table)


def _check(where: str, values: Mapping[str, object], names: Collection[str]) -> None:
    """Raise `InputError` for a key that is none of the names, or that has no value of an option."""
    unknown = sorted(set(values).difference(names))
    if unknown:
        likely = [name for key in unknown if (name := _likely(key, names))]
        meant = f"did you mean {', '.join(likely)}? Known" if likely else "known"
        raise InputError(
            f"{where}: unknown key {', '.join(unknown)}; {meant} are {', '.join(sorted(names))}"
        )
    for key, value in values.items():
        if not all(map(_is_single, value if isinstance(value, list) else [value])):
            raise InputError(
                f"{where}: {key}: is no value of an option; write a text in quotes, a number, true "
                "or false"
            )


def _likely(name: str, known: Collection[str]) -> str | None:
    """Return the name that a misspelt one is most like, if there is one."""
    import difflib

    # The default would take PORT, which Kubernetes sets, for FORMAT.
    likely = difflib.get_close_matches(name, known, n=1, cutoff=0.65)
    return likely[0] if likely else None


def _is_single(value: object) -> bool:
    """Return whether a value of TOML can be the value of an option, or one of several.

    No option takes tables, numbers of more than 64 bits, or texts with a NUL, which no path has.
    The command line library and the system fail on them.
    """
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, list | dict)


def read_options(path: Path) -> str | None:
    """Return the text of a TOML file of options, without a byte order mark; None without a file.

    Line breaks stay as they are. Raises `InputError` when the file cannot be read, is too large, or
    is not UTF-8.
    """
    try:
        # It would be waited for. A device may be there to hide a file: /dev/null.
        if path.is_fifo():
            raise InputError(f"{path.name}: is a named pipe, not a file")
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InputError(f"{path}: has more than {_LARGEST // 1024**2} MiB")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not TOML: {error}") from None


def keep_one_range(_app: App, _commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Let a range on the command line override the environment, and that override the file.

    `--from` and `--until` are one way to give the range, `--last` and `--since-last` are others: as
    for a single option, only the source of the highest rank that gives a range counts. Dates are
    complete: they override a `--lookback` from a source of lower rank as well.
    """
    given = [a for a in arguments if not _RANGE.isdisjoint(a.names) and _is_given(a)]
    highest = min((_rank(argument) for argument in given), default=0)
    has_dates = any(_rank(a) == highest and not _DATES.isdisjoint(a.names) for a in given)
    lookback = [a for a in arguments if a.tokens and has_dates and "--lookback" in a.names]
    for argument in (*given, *lookback):
        if _rank(argument) > highest:
            argument.tokens.clear()
    if not given and not any("--since-last" in argument.names for argument in arguments):
        # They are for the `since-last` of the file, which `collector demo` does not have.
        for argument in arguments:
            if argument.tokens and _rank(argument) and not _CUTS.isdisjoint(argument.names):
                argument.tokens.clear()


def _is_given(argument: Argument) -> bool:
    """Tell whether an option gives a range; `--no-since-last` gives none."""
    if not argument.tokens:
        return False
    last = argument.tokens[-1]
    return last.implicit_value is not False and last.value.lower() not in _OFF


def _rank(argument: Argument) -> int:
    """Return the rank of the source: 0 is the command line, 1 the environment, 2 the file."""
    return {"cli": 0, "env": 1}.get(argument.tokens[0].source, 2)
