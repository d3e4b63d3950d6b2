"""The certificates that `--ca-file` names, and the TLS context that trusts them."""

import re
import ssl
from pathlib import Path
from typing import Final

from collector.core.errors import InputError

__all__ = ["context_of", "read_authorities"]

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file of certificates, at most. Those of all public authorities are 0.2 MiB."""

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL
)


def read_authorities(file: Path) -> str:
    """Return the certificates of a PEM file, without what else is in it, such as a private key.

    Raises `InputError` if the file cannot be read, is too large, or has no certificate.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        return _certificates(content)
    except OSError as error:
        cause = f"cannot be read: {error.strerror}"
    except ValueError as error:
        cause = str(error)
    raise InputError(
        f"--ca-file {file}: {cause}; name a PEM file with the certificates to trust, or leave the "
        "option out to trust the authorities of this machine"
    )


def _certificates(content: bytes) -> str:
    """Return the certificates as PEM. Raises `ValueError` with the cause."""
    if len(content) > _LARGEST:
        message = f"has more than {_LARGEST // 1024**2} MiB"
        raise ValueError(message)
    found = _CERTIFICATE.findall(content)
    if not found:
        message = "has no certificate, which would begin with -----BEGIN CERTIFICATE-----"
        raise ValueError(message)
    try:
        pem: str = b"\n".join(found).decode("ascii")
        context_of(pem)
    except (UnicodeDecodeError, ssl.SSLError):
        message = "has a certificate that is damaged"
        raise ValueError(message) from None
    return pem


def context_of(authorities: str) -> ssl.SSLContext:
    """Return a context that verifies servers, and trusts these certificates only."""
    context = ssl.create_default_context(cadata=authorities)
    # As curl verifies, and the same in every version of Python (3.13 has other defaults): an
    # intermediate certificate may be trusted by itself, and the certificates of a company's own
    # authority, which often lack extensions, are accepted.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # As aiohttp's own context.
    context.set_alpn_protocols(("http/1.1",))
    return context
