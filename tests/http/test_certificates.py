import os
import ssl
from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.http.certificates import context_of, read_authorities
from tests.http.certificates import Made, make_certificate


def test_what_else_is_in_the_file_is_left_out(tmp_path: Path) -> None:
    """Comments in any encoding, and a private key, which other processes must not get."""
    path = make_certificate(tmp_path, Made("localhost")).path
    path.write_bytes("# Autorité\n".encode("latin-1") + path.read_bytes() * 2 + b"\n# end\xff\n")
    pem = read_authorities(path)
    assert "PRIVATE" in path.read_text(encoding="latin-1")
    assert "PRIVATE" not in pem
    assert pem.count("BEGIN CERTIFICATE") == 2
    assert len(context_of(pem).get_ca_certs()) == 1


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """As editors of Windows write it."""
    path = make_certificate(tmp_path, Made("localhost")).path
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_authorities(path).startswith("-----BEGIN CERTIFICATE-----")


def test_servers_are_verified(tmp_path: Path) -> None:
    """Their certificate and their name; and only these authorities are trusted."""
    pem = read_authorities(make_certificate(tmp_path, Made("localhost")).path)
    context = context_of(pem)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


def test_the_authorities_of_a_company_are_accepted_by_every_python(tmp_path: Path) -> None:
    """Python 3.13 refuses certificates without some extensions, and older ones intermediates."""
    flags = context_of(read_authorities(make_certificate(tmp_path, Made("a")).path)).verify_flags
    assert not flags & ssl.VERIFY_X509_STRICT
    assert flags & ssl.VERIFY_X509_PARTIAL_CHAIN


_BEGIN, _END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "has no certificate"),
        (b"\x30\x82\x01\x0a", "has no certificate"),
        (b"client_id = 'x'\n", "has no certificate"),
        (_BEGIN + b"MIIB", "has no certificate"),
        (_BEGIN + b"MIIB" + _END, "damaged"),
        (_BEGIN + b"\xff\xfe" + _END, "damaged"),
        (_BEGIN + b"!" * 64 + _END, "damaged"),
    ],
)
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes, cause: str) -> None:
    """The text names the option, the file, the cause and the remedy."""
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"--ca-file .*ca.pem: has .*{cause[4:]}.*; name a PEM"):
        read_authorities(path)


def test_one_damaged_certificate_is_too_many(tmp_path: Path) -> None:
    """It may be the one that is needed."""
    path = make_certificate(tmp_path, Made("localhost")).path
    path.write_bytes(path.read_bytes() + _BEGIN + b"MIIB" + _END)
    with pytest.raises(InputError, match="has a certificate that is damaged"):
        read_authorities(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It is missing, or a directory."""
    with pytest.raises(InputError, match=r"missing\.pem: cannot be read: No such file"):
        read_authorities(tmp_path / "missing.pem")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_authorities(tmp_path)


def test_a_file_has_a_largest_size() -> None:
    """An endless one would fill the memory."""
    with pytest.raises(InputError, match="--ca-file /dev/zero: has more than 16 MiB"):
        read_authorities(Path("/dev/zero"))
    with pytest.raises(InputError, match="has no certificate"):
        read_authorities(Path(os.devnull))
