"""Files that hold secrets: opened once, and refused where others can read or change them.

Two kinds may be readable by others. One is what systemd provides in `$CREDENTIALS_DIRECTORY`
(`LoadCredential=`); see `_is_systemd_credential`. The other is on a file system that is mounted
read-only: orchestrators mount secrets so, and the mount, not the mode, says who reaches them
(Kubernetes: mode 0644, Cloud Run: 0444).
"""

import os
import stat
from pathlib import Path
from typing import Final

from collector.core.errors import InputError
from collector.core.regular import open_regular

__all__ = ["read_secret_file"]

_BY_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_READABLE_BY_MASK: Final = stat.S_IRUSR | stat.S_IRGRP
_MORE_THAN_MASK: Final = stat.S_IWGRP | stat.S_IRWXO


def read_secret_file(file: Path, *, named_by: str, most: int, systemd_directory: Path) -> bytes:
    """Return what a file with secrets contains.

    `named_by` is the option or variable that names it, `most` its size in bytes at most, and
    `systemd_directory` that of systemd's credentials; `Path()` if there is none. Raises
    `InputError` when it cannot be read, is no regular file, is larger, or others than its owner can
    read or change it.
    """
    where = f"{named_by} {file}"
    try:
        with open_regular(file) as stream:
            opened = os.fstat(stream.fileno())
            _refuse_foreign(where, file, opened.st_uid)
            mode = stat.S_IMODE(opened.st_mode)
            if (
                mode & _BY_OTHERS
                and not os.fstatvfs(stream.fileno()).f_flag & os.ST_RDONLY
                and not _is_systemd_credential(opened, file.name, systemd_directory)
            ):
                raise InputError(
                    f"{where}: other users may read it (mode {mode:04o}); run: chmod 600 {file}"
                )
            content = stream.read(most + 1)
    except OSError as error:
        if not named_by.startswith("--") and not _is_path(file):
            raise InputError(
                f"{named_by}: cannot be read: {error.strerror}; its value is not shown, because it "
                "may be the secret itself; give the absolute path of a file"
            ) from None
        raise InputError(f"{where}: cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise InputError(
            f"{where}: has more than {most // 1024} KiB; name the file with the credentials"
        )
    return content


def _is_path(file: Path) -> bool:
    """Tell whether a value is a path for certain; by mistake a variable may have the secret."""
    return file.is_absolute() and file != Path(file.anchor, file.name) and file.parent.is_dir()


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


def _refuse_foreign(where: str, file: Path, owner: int) -> None:
    """Raise `InputError` for a file of a user who is neither this one nor root.

    That user can read the secrets, and replace them. It concerns root, who may open every file.
    """
    user = os.geteuid()
    if owner not in {user, 0}:
        raise InputError(
            f"{where}: belongs to another user (uid {owner}), who can read and "
            f"change it; run the command as that user, or run: chown {user} {file}"
        )
