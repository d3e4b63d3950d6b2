"""`collector.toml`: the same options as on the command line, and no others."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from cyclopts import App, ArgumentCollection
from cyclopts.config import Dict

from collector.errors import InputError
from collector.settings import option_names

__all__ = ["ConfigFile"]


class ConfigFile:
    """Feeds a TOML file of options to the command line library.

    One file serves all commands: each takes the options that it has. A key that is no option of
    any command is refused, for a misspelt option must not be ignored all night.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add the file's values to the arguments that got none from a flag or the environment."""
        values = self._read()
        taken = {name.removeprefix("--") for argument in arguments for name in argument.names}
        known = {key: value for key, value in values.items() if key in taken}
        Dict(known, source=str(self._path), use_commands_as_keys=False)(app, commands, arguments)

    def _read(self) -> Mapping[str, object]:
        try:
            with self._path.open("rb") as stream:
                table = tomllib.load(stream)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{self._path}: is not TOML: {error}") from None
        values = {key.replace("_", "-"): value for key, value in table.items()}
        unknown = sorted(set(values) - option_names())
        if unknown:
            raise InputError(
                f"{self._path}: unknown key {', '.join(unknown)}; "
                f"known are {', '.join(sorted(option_names()))}"
            )
        return values
