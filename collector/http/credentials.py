"""Credentials from the environment, or from a file that only its owner may read.

A file that systemd provides in `$CREDENTIALS_DIRECTORY` (`LoadCredential=`) is accepted too,
although its mode may allow the group to read it; see `_is_systemd_credential`.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from collector.core.errors import CredentialsError, InputError
from collector.core.secrets import LONGEST_SECRET, Secret
from collector.core.text import is_in_quotes

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
    "set TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or TRUST_ACCESS_TOKEN, in the environment, "
    "or name a file that only you may read with --credentials-file"
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


_BY_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_READABLE_BY_MASK: Final = stat.S_IRUSR | stat.S_IRGRP
_MORE_THAN_MASK: Final = stat.S_IWGRP | stat.S_IRWXO


def load_credentials(environ: Mapping[str, str], file: Path | None) -> Credentials:
    """Return the credentials: from the file if one is named, otherwise from the environment.

    `environ` also names the directory of systemd's credentials, if there is one. An access token
    takes precedence over a client id and secret. Raises `CredentialsError` when there are none or
    only one of id and secret, `InputError` when the file cannot be used or a value is too long.
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
        raise CredentialsError(f"{missing} is missing in {where}; {_REMEDY}")
    raise CredentialsError(f"no credentials in {where}; {_REMEDY}")


def _argument(value: str, name: str) -> Secret:
    """Return the secret that a Python program gives as an argument."""
    secret = _clean(value, name, "the arguments")
    if secret is None:
        raise CredentialsError(f"{name} in the arguments is empty; give the credential")
    return secret


def _clean(value: str, name: str, where: str) -> Secret | None:
    """Strip white space around a secret; an unprintable character in it would break a header.

    A byte order mark before it is what is left of the file from which a shell has read it.
    """
    value = value.removeprefix(_BYTE_ORDER_MARK).strip()
    if not value:
        return None
    if len(value) > LONGEST_SECRET:
        raise InputError(
            f"{name} in {where} has {len(value)} characters; "
            f"at most {LONGEST_SECRET} are accepted; copy it again"
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise CredentialsError(
            f"{name} in {where} holds white space or characters that no credential has; "
            "copy it again"
        )
    return Secret(value)


def _is_systemd_credential(opened: os.stat_result, name: str, directory: Path) -> bool:
    """Return whether an open file is a systemd credential, protected by its directory.

    systemd sets the mode to 0400, keeps root as the owner, and grants the service's user access by
    an ACL; the group bits of `stat` are then the mask of that ACL, so the mode is 0440. On a file
    system without ACLs the file belongs to that user, with 0400. The directory, 0550 or 0500, is
    made in the same two ways. See `write_credential` and `acquire_credentials` in
    https://github.com/systemd/systemd/blob/main/src/core/exec-credential.c, and acl(5) about the
    mask. The check: other users may not enter the directory, and the file is an entry of it, not
    the target of a link.
    """
    if not directory.is_absolute():
        return False
    try:
        parent, entry = directory.stat(), (directory / name).lstat()
    except OSError:
        return False
    return (
        os.path.samestat(entry, opened)
        and not stat.S_IMODE(opened.st_mode) & ~_READABLE_BY_MASK
        and not stat.S_IMODE(parent.st_mode) & _MORE_THAN_MASK
    )


def _refuse_foreign(file: Path, owner: int) -> None:
    """Raise `InputError` for a file of a user who is neither this one nor root.

    That user can read the secrets, and replace them. It concerns root, who may open every file.
    """
    user = os.geteuid()
    if owner not in {user, 0}:
        raise InputError(
            f"--credentials-file {file}: belongs to another user (uid {owner}), who can read and "
            f"change it; run the command as that user, or run: chown {user} {file}"
        )


def _read_file(file: Path, systemd_directory: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            opened = os.fstat(stream.fileno())
            _refuse_foreign(file, opened.st_uid)
            mode = stat.S_IMODE(opened.st_mode)
            if mode & _BY_OTHERS and not _is_systemd_credential(
                opened, file.name, systemd_directory
            ):
                raise InputError(
                    f"--credentials-file {file}: others than its owner may read it "
                    f"(mode {mode:04o}); run: chmod 600 {file}"
                )
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise InputError(
                f"--credentials-file {file}: has more than {_LARGEST_FILE // 1024} KiB; "
                "name the file with the credentials"
            )
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"--credentials-file {file}: cannot be read: {reason}") from None
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
