"""Files of other programs in the run directory: none is changed, whatever its name is."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_RUN: Final = ("run", "companies.txt", "--output", "r", "--rate", "1000")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("statistics.jsonl", ()),
        ("run-plan.lock", ("--shard", "0/2")),
        ("run-00001-of-00002.lock", ("--engine", "dask")),
    ],
)
async def test_a_link_in_place_of_a_file_is_bad_input(
    start_api: StartApi, against: Against, name: str, more: tuple[str, ...]
) -> None:
    """Nothing is sent, and nothing is made beside the link."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(3))
    (command.directory / "r").mkdir()
    (command.directory / "r" / name).symlink_to("/dev/full")
    before = command.files()
    done = await command.run(*_RUN, *more)
    assert done.exit_code == 2, done.stderr
    assert f"r: {name} is a symbolic link; replace it by the file, or link the" in done.stderr
    assert command.files() == before
    assert api.counts.total == 0


async def test_a_list_of_another_program_is_bad_input(
    start_api: StartApi, against: Against
) -> None:
    """The user has a file of the name that the list of the run has; it is not replaced."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(3))
    mine = command.write("run-companies.txt", "mine\n")
    done = await command.run(*_RUN[:2], "--output", ".")
    assert done.exit_code == 2, done.stderr
    assert "but there is run-companies.txt; give another --output" in done.stderr
    assert mine.read_text() == "mine\n"
    assert command.files() == {"companies.txt", "run-companies.txt"}
    assert api.counts.total == 0


async def test_links_that_a_run_need_not_follow_stay(start_api: StartApi, against: Against) -> None:
    """Drafts have other names; the directory itself may be on another disk, behind a link."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(3))
    mine = command.write("mine", "mine")
    disk = command.directory / "disk"
    disk.mkdir()
    (command.directory / "r").symlink_to("disk")
    names = [f"{name}.new" for name in ("run.json", "run-companies.txt", "statistics.jsonl")]
    for name in names:
        (disk / name).symlink_to(mine)
    for _ in range(2):
        done = await command.run(*_RUN, "--metrics-file", "r/m.prom")
        assert (done.exit_code, done.stderr) == (0, "")
    assert_all_answered(command, 3)
    assert mine.read_text() == "mine"
    assert all((disk / name).readlink() == mine for name in names)
    assert (command.directory / "r").is_symlink()
    assert {path.name for path in disk.glob("*.new")} == set(names)
