"""The companies of a run, beside its manifest: a companies file that tells if it was edited."""

from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from collector.plan import Companies, format_companies, read_companies
from collector.store.replacement import replace_file

__all__ = ["CompanyList", "read_company_list", "write_company_list"]

_HEAD: Final = b"# Written by collector; sha256 of the lines below: "


class CompanyList(NamedTuple):
    """The companies, and whether the list is as it was written."""

    companies: Companies
    is_intact: bool


def write_company_list(path: Path, companies: Companies) -> None:
    """Replace the list atomically. Raises `OSError`."""
    digest = sha256()
    for line in format_companies(companies):
        digest.update(line)
    head = _HEAD + digest.hexdigest().encode() + b"\n"
    replace_file(path, chain([head], format_companies(companies)))


def read_company_list(path: Path) -> CompanyList:
    """Read the list, and check it. Raises `InputError` when it is no companies file."""
    return CompanyList(read_companies(path), _is_intact(path))


def _is_intact(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.readline(len(_HEAD) + 100)
        digest = sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return head == _HEAD + digest.hexdigest().encode() + b"\n"
