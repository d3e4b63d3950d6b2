"""Credentials that systemd loads for a service: `LoadCredential=credentials.toml:...`."""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken, load_credentials

TOKEN = "token-77aa"  # noqa: S105 - fake

Systemd = Callable[..., dict[str, str]]

_ANOTHER_USER = 4711


def _let_in(path: Path, permissions: int) -> None:
    """Let another user in by an ACL, as systemd does; the owning group still gets nothing.

    The form is that of `setfacl`; see linux/posix_acl_xattr.h. Without ACLs in the file system
    only the mode becomes what it would be.
    """
    owner, no_id = path.stat().st_mode >> 6 & 7, 0xFFFFFFFF
    entries = [
        *((0x01, owner, no_id), (0x02, permissions, _ANOTHER_USER), (0x04, 0, no_id)),
        *((0x10, permissions, no_id), (0x20, 0, no_id)),
    ]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    with suppress(OSError):
        os.setxattr(path, "system.posix_acl_access", acl)
    path.chmod(owner << 6 | permissions << 3)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """Give a function that makes $CREDENTIALS_DIRECTORY and returns the environment."""
    directory = tmp_path / "collector.service"

    def make(
        *, by_acl: bool = True, mode: int | None = None, around: int | None = None
    ) -> dict[str, str]:
        directory.mkdir()
        file = directory / "credentials.toml"
        file.write_text(f'access_token = "{TOKEN}"')
        for path, own, other in ((file, 0o400, mode), (directory, 0o500, around)):
            path.chmod(own)
            if by_acl:
                _let_in(path, own >> 6)
            if other is not None:
                path.chmod(other)
        return {"CREDENTIALS_DIRECTORY": str(directory)}

    yield make
    if directory.exists():
        directory.chmod(0o700)


def _credential(environ: dict[str, str]) -> Path:
    return Path(environ["CREDENTIALS_DIRECTORY"]) / "credentials.toml"


@pytest.mark.parametrize(("by_acl", "mode"), [(True, 0o440), (False, 0o400)])
def test_a_credential_of_systemd_is_taken(systemd: Systemd, by_acl: bool, mode: int) -> None:  # noqa: FBT001 - a table
    """By an ACL its mode is 0440, for the group bits are the mask; by ownership it is 0400."""
    environ = systemd(by_acl=by_acl)
    file = _credential(environ)
    assert file.stat().st_mode & 0o7777 == mode
    assert load_credentials(environ, file) == AccessToken(Secret(TOKEN))


def test_the_directory_may_be_spelled_in_another_way(
    systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path to the file, a slash at the end: what counts is which file it is."""
    environ = systemd()
    monkeypatch.chdir(tmp_path)
    file = Path("collector.service/credentials.toml")
    assert load_credentials(environ, file) == AccessToken(Secret(TOKEN))
    environ["CREDENTIALS_DIRECTORY"] += "/"
    assert load_credentials(environ, file) == AccessToken(Secret(TOKEN))


@pytest.mark.parametrize("value", [None, "", ".", "/", "/absent", "collector.service"])
def test_the_same_file_is_refused_when_systemd_did_not_name_its_directory(
    systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """Not set, empty, another directory, or not absolute, which systemd's always is."""
    file = _credential(systemd())
    monkeypatch.chdir(tmp_path)
    environ = {} if value is None else {"CREDENTIALS_DIRECTORY": value}
    with pytest.raises(InputError, match="mode 0440"):
        load_credentials(environ, file)


@pytest.mark.parametrize("mode", [0o444, 0o404, 0o460, 0o450, 0o640, 0o600, 0o700, 0o441])
def test_a_credential_that_is_not_as_systemd_makes_it_is_judged_like_any_file(
    systemd: Systemd, mode: int
) -> None:
    """Others must have no access and the group must not write; the owner may do anything."""
    environ = systemd(mode=mode)
    if mode & 0o077:
        with pytest.raises(InputError, match=rf"mode {mode:04o}"):
            load_credentials(environ, _credential(environ))
    else:
        assert load_credentials(environ, _credential(environ)) == AccessToken(Secret(TOKEN))


@pytest.mark.parametrize("around", [0o551, 0o554, 0o555, 0o570, 0o755])
def test_a_directory_that_is_open_protects_nothing(systemd: Systemd, around: int) -> None:
    """Only a closed directory protects a file of mode 0440, even if the variable is set."""
    environ = systemd(around=around)
    with pytest.raises(InputError, match="mode 0440"):
        load_credentials(environ, _credential(environ))


@pytest.mark.parametrize("link", ["symlink_to", "below"])
def test_what_is_not_in_the_directory_itself_is_refused(
    systemd: Systemd, tmp_path: Path, link: str
) -> None:
    """Neither a file elsewhere behind a link, nor one in a directory below."""
    environ = systemd()
    directory = Path(environ["CREDENTIALS_DIRECTORY"])
    directory.chmod(0o700)
    if link == "below":
        file = directory / "more" / "credentials.toml"
        file.parent.mkdir(mode=0o700)
        file.write_text(f'access_token = "{TOKEN}"')
        file.chmod(0o440)
    else:
        file = directory / "elsewhere.toml"
        target = tmp_path / "target.toml"
        target.write_text(f'access_token = "{TOKEN}"')
        target.chmod(0o440)
        file.symlink_to(target)
    directory.chmod(0o550)
    with pytest.raises(InputError, match="mode 0440"):
        load_credentials(environ, file)
