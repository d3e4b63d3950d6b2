"""The directories in which runs have begun."""

from pathlib import Path

import pytest

from collector.store.files import LOCK
from collector.store.recorded_run import begun_directories


def test_directories_are_not_compared_with_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten years of nights would be compared millions of times."""
    nights = [tmp_path / f"{number:03}" for number in range(200)]
    for number, night in enumerate(nights):
        night.mkdir()
        (night / (LOCK if number % 2 else "run.json")).touch()
    (tmp_path / "note.txt").touch()
    compared = 0

    def equal(one: Path, other: object) -> bool:
        nonlocal compared
        compared += 1
        return str(one) == str(other)

    monkeypatch.setattr(Path, "__eq__", equal)
    remarks: list[str] = []
    begun = begun_directories([*nights, tmp_path / "note.txt"], remarks.append)
    assert compared < 3 * len(nights)
    assert begun == nights[::2]
    assert len(remarks) == 101
    assert remarks[0].endswith("note.txt: is not the directory of a run; left out")
