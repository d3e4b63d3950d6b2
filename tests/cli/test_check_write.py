"""Editing `collector.toml`."""

import stat
import tomllib
from pathlib import Path

import pytest

from collector.cli.check_output import write_options
from collector.core.errors import InputError, StorageError


def test_a_new_file_is_made(tmp_path: Path) -> None:
    """With the options under their names, as TOML has texts and truths."""
    path = tmp_path / "collector.toml"
    write_options(path, {"from-param": 'a"b\\', "until-exclusive": False})
    assert tomllib.loads(path.read_text()) == {"from-param": 'a"b\\', "until-exclusive": False}


def test_a_new_key_is_not_put_into_a_table(tmp_path: Path) -> None:
    """Those of the file come before the options of the simulator."""
    path = tmp_path / "collector.toml"
    path.write_text("rate = 5\n\n[simulate]\nport = 0\n")
    write_options(path, {"from-param": "a"})
    assert tomllib.loads(path.read_text()) == {
        "rate": 5,
        "from-param": "a",
        "simulate": {"port": 0},
    }


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced."""
    target = tmp_path / "elsewhere.toml"
    target.write_text("rate = 5\n")
    path = tmp_path / "collector.toml"
    path.symlink_to(target)
    write_options(path, {"rate": "7"})
    assert path.is_symlink()
    assert target.read_text() == 'rate = "7"\n'


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """The file is written without one; comments and line breaks stay."""
    path = tmp_path / "collector.toml"
    path.write_bytes(b"\xef\xbb\xbf# ours\r\nrate = 5\r\n")
    write_options(path, {"rate": "7"})
    assert path.read_bytes() == b'# ours\r\nrate = "7"\r\n'


def test_its_mode_stays(tmp_path: Path) -> None:
    """A file that only its owner may read is not opened to others."""
    path = tmp_path / "collector.toml"
    path.write_text("rate = 5\n")
    path.chmod(0o600)
    write_options(path, {"from-param": "a"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"rate = ", b"\xff"])
def test_what_is_no_toml_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """The error names the file."""
    path = tmp_path / "collector.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"collector\.toml: is not TOML"):
        write_options(path, {"from-param": "a"})
    assert path.read_bytes() == content


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """As an output that cannot be written."""
    with pytest.raises(StorageError, match=r"collector\.toml: cannot be written"):
        write_options(tmp_path / "none" / "collector.toml", {"from-param": "a"})


def test_a_key_in_both_spellings_is_one_option(tmp_path: Path) -> None:
    """The first one is set and the other one goes, or else it would be the one that counts."""
    path = tmp_path / "collector.toml"
    path.write_text('from_param = "a"\nrate = 5\nfrom-param = "b"\n')
    write_options(path, {"from-param": "c"})
    assert path.read_text() == 'from_param = "c"\nrate = 5\n'


def test_line_breaks_stay_as_they_are(tmp_path: Path) -> None:
    """Users who edit the file on another system still can."""
    path = tmp_path / "collector.toml"
    path.write_bytes(b"# ours\r\nrate = 5\r\n")
    write_options(path, {"rate": "7"})
    assert path.read_bytes() == b'# ours\r\nrate = "7"\r\n'
