"""Where the credentials come from: the environment, or a file that only its owner may read.

A file that systemd has put into `$CREDENTIALS_DIRECTORY` (`LoadCredential=`) is such a file too,
though its mode may not look like it; see `_is_systemds`.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.core.errors import CredentialsError, InputError
from collector.core.secrets import Secret

__all__ = ["AccessToken", "ClientCredentials", "Credentials", "load_credentials", "secrets_of"]


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What Atenea exchanges for an access token."""

    client_id: Secret
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A ready-made token: used as it is, and never renewed."""

    token: Secret


Credentials = ClientCredentials | AccessToken


def secrets_of(credentials: Credentials) -> tuple[Secret, ...]:
    """Return everything in the credentials that must not show up anywhere."""
    if isinstance(credentials, AccessToken):
        return (credentials.token,)
    return (credentials.client_id, credentials.client_secret)


_VARIABLES: Final = {
    "access_token": "TRUST_ACCESS_TOKEN",
    "client_id": "TRUST_CLIENT_ID",
    "client_secret": "TRUST_CLIENT_SECRET",
}
_HOW: Final = (
    "set TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or TRUST_ACCESS_TOKEN, in the environment, "
    "or name a file that only you may read with --credentials-file"
)


_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_READABLE_BY_MASK: Final = stat.S_IRUSR | stat.S_IRGRP
_MORE_THAN_MASK: Final = stat.S_IWGRP | stat.S_IRWXO


def load_credentials(environ: Mapping[str, str], file: Path | None) -> Credentials:
    """Find the credentials: the file if one is named, the environment otherwise.

    `environ` also tells the directory of systemd's credentials, if there is one. An access token
    beats a client id and secret. Raises `CredentialsError` when there are none
    or only half of them, `InputError` when the file cannot be used.
    """
    if file is not None:
        table = _read_file(file, Path(environ.get("CREDENTIALS_DIRECTORY", "")))
        return _choose(table, where=str(file), names={name: name for name in _VARIABLES})
    values = {name: environ.get(variable, "") for name, variable in _VARIABLES.items()}
    return _choose(values, where="the environment", names=_VARIABLES)


def _choose(values: Mapping[str, str], *, where: str, names: Mapping[str, str]) -> Credentials:
    secrets = {name: _clean(value, names[name], where) for name, value in values.items()}
    token = secrets.get("access_token")
    if token:
        return AccessToken(token)
    client_id, client_secret = secrets.get("client_id"), secrets.get("client_secret")
    if client_id and client_secret:
        return ClientCredentials(client_id, client_secret)
    if client_id or client_secret:
        missing = names["client_secret" if client_id else "client_id"]
        raise CredentialsError(f"{missing} is missing in {where}; {_HOW}")
    raise CredentialsError(f"no credentials in {where}; {_HOW}")


def _clean(value: str, name: str, where: str) -> Secret | None:
    """Strip white space around a secret; anything unprintable inside would break a header."""
    value = value.strip()
    if not value:
        return None
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsError(
            f"{name} in {where} holds white space or characters that no credential has; "
            "copy it again"
        )
    return Secret(value)


def _is_systemds(opened: os.stat_result, name: str, directory: Path) -> bool:
    """Tell whether an open file is one of the service's credentials, closed by its directory.

    systemd takes the mode down to 0400 and lets the service's user in by an ACL, for which it
    leaves the file to root; the group bits of `stat` are the mask of that ACL then, so the mode is
    0440. On a file system without ACLs the file belongs to that user, with 0400. The directory,
    0550 or 0500, is made in the same two ways. See `write_credential` and `acquire_credentials` in
    https://github.com/systemd/systemd/blob/main/src/core/exec-credential.c, and acl(5) about the
    mask. Here that means: nobody else may enter the directory, and the file stands in it itself,
    not behind a link.
    """
    if not directory.is_absolute():
        return False
    try:
        around, inside = directory.stat(), (directory / name).lstat()
    except OSError:
        return False
    return (
        os.path.samestat(inside, opened)
        and not stat.S_IMODE(opened.st_mode) & ~_READABLE_BY_MASK
        and not stat.S_IMODE(around.st_mode) & _MORE_THAN_MASK
    )


def _read_file(file: Path, systemds: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            opened = os.fstat(stream.fileno())
            mode = stat.S_IMODE(opened.st_mode)
            if mode & _OTHERS and not _is_systemds(opened, file.name, systemds):
                raise InputError(
                    f"--credentials-file {file}: others than its owner may read it "
                    f"(mode {mode:04o}); run: chmod 600 {file}"
                )
            table = tomllib.load(stream)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"--credentials-file {file}: cannot be read: {reason}") from None
    except tomllib.TOMLDecodeError:
        # The decoder's message may quote the line, and with it the secret.
        raise InputError(
            f'--credentials-file {file}: is not TOML; write lines like client_id = "..."'
        ) from None
    unknown = sorted(set(table) - set(_VARIABLES))
    if unknown:
        raise InputError(
            f"--credentials-file {file}: unknown key {unknown[0]!r}; "
            f"known are {', '.join(sorted(_VARIABLES))}"
        )
    wrong = sorted(name for name, value in table.items() if not isinstance(value, str))
    if wrong:
        raise InputError(f"--credentials-file {file}: {wrong[0]} must be a text in quotes")
    return table
