"""Puts options into `collector.toml`, and leaves everything else in it as it is."""

from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from collector.errors import InputError, StorageError
from collector.store.replacement import replace_file

__all__ = ["write_options"]


def write_options(path: Path, options: Mapping[str, str | bool]) -> None:
    """Set options under their names without dashes in front; comments and order are kept.

    A name that stands there with underscores keeps its spelling; one that stands there in both
    spellings keeps the first. The file is replaced atomically,
    or made. Raises `InputError` when it is not TOML, `StorageError` when it cannot be written.
    """
    path = path.resolve()
    try:
        # Bytes, for line breaks stay as they are.
        document = tomlkit.parse(path.read_bytes().decode()) if path.exists() else None
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: is not TOML: {error}") from error
    document = document if document is not None else tomlkit.document()
    for name, value in options.items():
        there, *doubles = [key for key in document if key.replace("_", "-") == name] or [name]
        document[there] = value
        for key in doubles:
            del document[key]
    try:
        replace_file(path, [tomlkit.dumps(document).encode()])
    except OSError as error:
        raise StorageError(f"{path.name}: cannot be written: {error.strerror}") from error
