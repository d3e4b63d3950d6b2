"""Sources of options beside flags: the environment and `collector.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cyclopts import App, Argument, ArgumentCollection
from cyclopts.config import Dict, Env

from collector.core.errors import InputError

__all__ = ["ConfigFile", "Environment", "keep_one_range", "read_options"]

_LARGEST: Final = 1024 * 1024
"""Bytes of a file of options, at most."""

_RANGE: Final = frozenset({"--from", "--until", "--last"})


class Environment(Env):
    """Passes variables to the command line library: `COLLECTOR_RATE` for `--rate`.

    Only options take values from it: a stray variable must not add a run directory or a companies
    file to a command.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix, command=False)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Set the options that no flag sets."""
        options = arguments.copy()
        options[:] = [argument for argument in arguments if argument.name.startswith("--")]
        super().__call__(app, commands, options)


class ConfigFile:
    """Passes a TOML file of options to the command line library.

    One file serves all commands: each reads the options that it has. A key that is no option of
    any command raises `InputError`: a misspelt option must not be ignored all night.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Set the options that neither a flag nor the environment sets."""
        values = self._read()
        taken = {name.removeprefix("--") for argument in arguments for name in argument.names}
        known = {key: value for key, value in values.items() if key in taken}
        Dict(known, source=str(self._path), use_commands_as_keys=False)(app, commands, arguments)

    def _read(self) -> Mapping[str, object]:
        text = read_options(self._path)
        return {} if text is None else self._parse(text)

    def _parse(self, text: str) -> Mapping[str, object]:
        # Here: most commands find no file, and --help does not look for one.
        import tomllib

        from collector.settings import option_names

        try:
            table = tomllib.loads(text)
        except RecursionError:
            raise InputError(
                f"{self._path}: is not TOML: lists or tables are nested too deeply"
            ) from None
        except ValueError as error:  # also for a number of thousands of digits
            raise InputError(f"{self._path}: is not TOML: {error}") from None
        values = {key.replace("_", "-"): value for key, value in table.items()}
        unknown = sorted(set(values) - option_names())
        if unknown:
            raise InputError(
                f"{self._path}: unknown key {', '.join(unknown)}; "
                f"known are {', '.join(sorted(option_names()))}"
            )
        for key, value in values.items():
            if not all(map(_is_single, value if isinstance(value, list) else [value])):
                raise InputError(
                    f"{self._path}: {key}: is no value of an option; write a text in quotes, a "
                    "number, true or false"
                )
        return values


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
            raise InputError(f"{path.name}: has more than {_LARGEST // 1024**2} MiB")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: is not TOML: {error}") from None


def keep_one_range(_app: App, _commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Let a range on the command line override the environment, and that override the file.

    `--from` and `--until` are one way to give the range, `--last` is another: as for a single
    option, only the source of the highest rank that gives a range counts. Dates are complete: they
    override a `--lookback` from a source of lower rank as well.
    """
    given = [a for a in arguments if a.tokens and not _RANGE.isdisjoint(a.names)]
    highest = min((_rank(argument) for argument in given), default=0)
    has_dates = any(_rank(a) == highest and "--last" not in a.names for a in given)
    lookback = [a for a in arguments if a.tokens and has_dates and "--lookback" in a.names]
    for argument in (*given, *lookback):
        if _rank(argument) > highest:
            argument.tokens.clear()


def _rank(argument: Argument) -> int:
    """Return the rank of the source: 0 is the command line, 1 the environment, 2 the file."""
    return {"cli": 0, "env": 1}.get(argument.tokens[0].source, 2)
