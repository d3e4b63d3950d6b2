"""Credentials from the environment, from files that it names, or from a credentials file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from collector.core.errors import CredentialsError, InputError
from collector.core.secrets import LONGEST_SECRET, Secret
from collector.core.text import is_in_quotes
from collector.http.secret_file import read_secret_file

__all__ = [
    "AccessToken",
    "ClientCredentials",
    "Credentials",
    "hint_at_quotes",
    "load_credentials",
    "secrets_of",
]

_LARGEST_FILE: Final = 128 * 1024
"""Bytes of a credentials file, at most: more than its three longest secrets take."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Client id and secret, which Atenea exchanges for an access token."""

    client_id: Secret
    client_secret: Secret

    @classmethod
    def of(cls, client_id: str, client_secret: str) -> Self:
        """Return the credentials that two texts are.

        Raises `CredentialsError` when one is empty or no credential, `InputError` when it is too
        long; the messages do not repeat it.
        """
        return cls(_argument(client_id, "client_id"), _argument(client_secret, "client_secret"))


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A ready-made token: used as is, and never renewed."""

    token: Secret

    @classmethod
    def of(cls, token: str) -> Self:
        """Return the token that a text is; raises as `ClientCredentials.of`."""
        return cls(_argument(token, "token"))


Credentials = ClientCredentials | AccessToken


_VARIABLES: Final = {
    "access_token": "TRUST_ACCESS_TOKEN",
    "client_id": "TRUST_CLIENT_ID",
    "client_secret": "TRUST_CLIENT_SECRET",
}
_BYTE_ORDER_MARK: Final = "\ufeff"
_REMEDY: Final = (
    "set TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or TRUST_ACCESS_TOKEN, in the environment; or "
    "set TRUST_CLIENT_ID_FILE and the like to the paths of files with the values; or use "
    "--credentials-file with a file that only you may read"
)
_REMEDY_FOR_FILE: Final = (
    "write client_id and client_secret, or access_token, into that file: with --credentials-file "
    "the environment is not read"
)


def _by_variable(credentials: Credentials) -> dict[str, Secret]:
    if isinstance(credentials, AccessToken):
        return {_VARIABLES["access_token"]: credentials.token}
    return {
        _VARIABLES["client_id"]: credentials.client_id,
        _VARIABLES["client_secret"]: credentials.client_secret,
    }


def secrets_of(credentials: Credentials) -> tuple[Secret, ...]:
    """Return the values that must not appear in any output.

    Of one in quotes also what is between them: that is most likely the real one.
    """
    secrets = tuple(_by_variable(credentials).values())
    values = (secret.reveal() for secret in secrets)
    return *secrets, *(Secret(value[1:-1]) for value in values if is_in_quotes(value))


def hint_at_quotes(credentials: Credentials) -> str:
    """Return what to add to the message that a server refuses these credentials.

    It names those in quotes; it is empty if there are none.
    """
    named = _by_variable(credentials).items()
    return "".join(
        f"; {name} begins and ends with a quote, which is sent as a part of it: remove both quotes "
        "(Docker keeps those of an env file)"
        for name, secret in named
        if is_in_quotes(secret.reveal())
    )


def load_credentials(environ: Mapping[str, str], file: Path | None) -> Credentials:
    """Return the credentials: from the file if one is named, otherwise from the environment.

    A variable with `_FILE` behind its name names a file that holds nothing but the value, as
    containers mount secrets. `environ` also names the directory of systemd's credentials, if there
    is one. An access token takes precedence over a client id and secret. Raises `CredentialsError`
    when there are none or only one of id and secret, `InputError` when a file cannot be used, a
    value is given twice, or one is too long.
    """
    systemd_directory = Path(environ.get("CREDENTIALS_DIRECTORY", ""))
    if file is not None:
        table = _read_table(file, systemd_directory)
        names = {name: name for name in _VARIABLES}
        return _choose(table, where=str(file), names=names, remedy=_REMEDY_FOR_FILE)
    values = {
        name: _read_variable(environ, variable, systemd_directory)
        for name, variable in _VARIABLES.items()
    }
    return _choose(values, where="the environment", names=_VARIABLES, remedy=_REMEDY)


def _read_variable(environ: Mapping[str, str], variable: str, systemd_directory: Path) -> str:
    """Return the value of a variable, or what the file contains that its `_FILE` names."""
    value, named_by = environ.get(variable, ""), f"{variable}_FILE"
    path = environ.get(named_by, "")
    if not path:
        return value
    if value:
        raise InputError(f"{variable} and {named_by} are both set; unset one of them")
    content = read_secret_file(
        Path(path), named_by=named_by, most=_LARGEST_FILE, systemd_directory=systemd_directory
    )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The decoder's message quotes what may be the secret.
        raise InputError(f"{named_by} {path}: it is not UTF-8 text") from None
    secret = _clean(text, f"{named_by} {path}")
    if secret is None:
        raise CredentialsError(f"{named_by} {path} is empty; write the credential into that file")
    return secret.reveal()


def _choose(
    values: Mapping[str, str], *, where: str, names: Mapping[str, str], remedy: str
) -> Credentials:
    secrets = {name: _clean(value, f"{names[name]} in {where}") for name, value in values.items()}
    token = secrets.get("access_token")
    if token:
        return AccessToken(token)
    client_id, client_secret = secrets.get("client_id"), secrets.get("client_secret")
    if client_id and client_secret:
        return ClientCredentials(client_id, client_secret)
    if client_id or client_secret:
        missing = names["client_secret" if client_id else "client_id"]
        raise CredentialsError(f"{missing} is missing in {where}; {remedy}")
    raise CredentialsError(f"no credentials in {where}; {remedy}")


def _argument(value: str, name: str) -> Secret:
    """Return the secret that a Python program gives as an argument."""
    secret = _clean(value, f"{name} in the arguments")
    if secret is None:
        raise CredentialsError(f"{name} in the arguments is empty; give the credential")
    return secret


def _clean(value: str, place: str) -> Secret | None:
    """Strip white space around a secret; an unprintable character in it would break a header.

    `place` is where it is. A byte order mark before it is what is left of the file from which a
    shell has read it.
    """
    value = value.removeprefix(_BYTE_ORDER_MARK).strip()
    if not value:
        return None
    if len(value) > LONGEST_SECRET:
        raise InputError(
            f"{place} has {len(value)} characters; "
            f"at most {LONGEST_SECRET} are accepted; copy it again"
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsError(
            f"{place} holds white space or characters that no credential has; copy it again"
        )
    return Secret(value)


def _read_table(file: Path, systemd_directory: Path) -> dict[str, str]:
    named_by = "--credentials-file"
    content = read_secret_file(
        file, named_by=named_by, most=_LARGEST_FILE, systemd_directory=systemd_directory
    )
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{named_by} {file}: cannot be read: it is not UTF-8 text") from None
    except (ValueError, RecursionError):
        # The decoder's message may quote the line, including the secret. RecursionError: lists in
        # lists without end; ValueError: also a number of thousands of digits.
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
