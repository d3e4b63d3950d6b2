"""Puts options into `collector.toml`, and leaves everything else in it as it is."""

from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from collector.errors import InputError, StorageError
from collector.store.append_file import replace_file

__all__ = ["write_options"]


def write_options(path: Path, options: Mapping[str, str | bool]) -> None:
    """Set options under their names without dashes in front; comments and order are kept.

    A name that stands there with underscores keeps its spelling. The file is replaced atomically,
    or made. Raises `InputError` when it is not TOML, `StorageError` when it cannot be written.
    """
    path = path.resolve()
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else None
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: is not TOML: {error}") from error
    document = document if document is not None else tomlkit.document()
    spelled = {key.replace("_", "-"): key for key in document}
    for name, value in options.items():
        document[spelled.get(name, name)] = value
    try:
        replace_file(path, [tomlkit.dumps(document).encode()])
    except OSError as error:
        raise StorageError(f"{path.name}: cannot be written: {error.strerror}") from error
