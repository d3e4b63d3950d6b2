"""Where the credentials come from: the environment, or a file that only its owner may read."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import CredentialsError, InputError
from collector.secrets import Secret

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


def load_credentials(environ: Mapping[str, str], file: Path | None) -> Credentials:
    """Find the credentials: the file if one is named, the environment otherwise.

    An access token beats a client id and secret. Raises `CredentialsError` when there are none
    or only half of them, `InputError` when the file cannot be used.
    """
    if file is not None:
        return _choose(_read_file(file), where=str(file), names={name: name for name in _VARIABLES})
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


def _read_file(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
                raise InputError(
                    f"--credentials-file {file}: others than its owner may read it "
                    f"(mode {stat.S_IMODE(mode):04o}); run: chmod 600 {file}"
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
