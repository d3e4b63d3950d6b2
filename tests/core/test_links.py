import errno
import os
from pathlib import Path

import pytest

from collector.core.links import resolved


def test_links_lead_to_what_they_name(tmp_path: Path) -> None:
    """Over several, from a relative path, and where nothing is yet."""
    (tmp_path / "there").mkdir()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(tmp_path / "there" / "new")
    target = tmp_path.resolve() / "there" / "new"
    assert resolved(tmp_path / "one") == target
    assert resolved(Path(os.path.relpath(tmp_path / "one"))) == target
    assert resolved(target) == target


@pytest.mark.parametrize("name", ["self", "one", "self/file"])
def test_a_circle_is_an_error_of_the_system(tmp_path: Path, name: str) -> None:
    """A link to itself, two to each other, and one on the way."""
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links") as caught:
        resolved(tmp_path / name)
    assert caught.value.errno == errno.ELOOP


def _raise(_: Path) -> Path:
    raise RuntimeError("Symlink loop")


@pytest.mark.parametrize("resolve", [_raise, Path.absolute])
def test_every_python_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resolve: object
) -> None:
    """Before 3.13 there was an error of another kind, from then on there is none."""
    (tmp_path / "self").symlink_to("self")
    monkeypatch.setattr(Path, "resolve", resolve)
    with pytest.raises(OSError, match="symbolic links") as caught:
        resolved(tmp_path / "self")
    assert caught.value.errno == errno.ELOOP


def test_what_cannot_be_looked_at_is_left_to_the_caller(tmp_path: Path) -> None:
    """Who gets an error with the first thing that is done there."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "below"
    assert resolved(path) == path
