"""Nights of a machine that was off for a week: real runs, and what is left open after them."""

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_DAILY = ("--window", "1d", "--timezone", "UTC")
_RUN = (*_DAILY, "--trust-dates", "--rate", "1000")
_SINCE_LAST = ("--since-last", "--at-most", "11d")


class _Machine:
    """A machine that collects every night, and was off for some; days count back from today."""

    def __init__(self, command: Any) -> None:  # noqa: ANN401 - see conftest
        self.command = command
        self.today = datetime.now(UTC).date()

    def day(self, back: int) -> str:
        return str(self.today - timedelta(back))

    async def night(self, back: int, companies: str) -> None:
        """Collect a day in the night after it, as `--last 1d` did then."""
        dates = ("--from", self.day(back), "--until", self.day(back))
        done = await self.run("run", "-", *dates, *_RUN, back=back - 1, companies=companies)
        assert done.exit_code == 0, done.stderr

    async def run(self, *arguments: str, back: int = 0, companies: str = "1 2 3") -> Any:  # noqa: ANN401
        output = f"output/{self.day(back)}"
        return await self.command.run(
            *arguments, "--output", output, stdin=companies.replace(" ", "\n").encode()
        )

    def answered(self, output: str) -> Counter[tuple[str, str]]:
        """Count the lines of a run by company and day, how many days back."""
        lines = self.command.lines(f"{output}/statistics.jsonl")
        assert all(line["from_date"] == line["until_date"] for line in lines)
        return Counter((line["company_id"], line["from_date"]) for line in lines)

    def planned(self, **firsts: int) -> Counter[tuple[str, str]]:
        """Give the days of companies until yesterday, from those that are so many days back."""
        return Counter(
            (company.removeprefix("c"), self.day(back))
            for company, first in firsts.items()
            for back in range(1, first + 1)
        )


@pytest.fixture
async def machine(start_api: StartApi, against: Against) -> _Machine:
    """Give a machine that has collected two nights, the second without one of the companies."""
    machine = _Machine(against(await start_api()).without_debugging())
    await machine.night(11, "1 2 3")
    await machine.night(10, "1 3")
    return machine


def _assert_same_day(machine: _Machine) -> None:
    if datetime.now(UTC).date() != machine.today:
        pytest.skip("midnight has come in the midst of this test")


async def test_a_week_off_leaves_no_hole(machine: _Machine) -> None:
    """Each company from its first day without an answer; a new one has its history."""
    tonight = f"output/{machine.day(0)}"
    runs = [f"output/{machine.day(back)}" for back in (10, 9, 0)]
    before = await machine.command.run("status", *runs[:2], "--json")
    # The company that the newest run lacks has no gap; the days since are after the last of both.
    assert json.loads(before.stdout)["gap_days"] == 0
    preview = await machine.run("plan", "-", "--json", *_SINCE_LAST, *_DAILY, companies="1 2 3 4")
    assert preview.exit_code == 0, preview.stderr
    assert machine.command.files() == {
        name for name in machine.command.files() if not name.startswith(tonight)
    }
    done = await machine.run("run", "-", *_SINCE_LAST, *_RUN, companies="1 2 3 4")
    _assert_same_day(machine)
    assert (done.exit_code, done.stderr) == (0, "")
    expected = machine.planned(c1=9, c2=10, c3=9, c4=11)
    assert machine.answered(tonight) == expected
    document = json.loads(preview.stdout)
    assert document["cells"]["planned"] == sum(expected.values())
    assert document["first_days"] == [
        {"from_date": machine.day(back), "companies": count}
        for back, count in ((11, 1), (10, 1), (9, 2))
    ]
    manifest = machine.command.manifest(tonight)
    assert manifest["plan"]["cells"] == sum(expected.values())
    said = await machine.command.run("status", tonight, "--fail-on", "missing,failed")
    assert said.exit_code == 0, said.stdout
    assert f"4 companies with up to 11 windows = {sum(expected.values())} cells" in said.stdout
    nights = await machine.command.run("status", *runs, "--fail-on", "gap", "--json")
    assert nights.exit_code == 0, nights.stdout
    assert json.loads(nights.stdout)["gaps"] == []


async def test_the_next_night_has_a_day_again(machine: _Machine) -> None:
    """And the same command again, in the same directory, has nothing to do."""
    assert (await machine.run("run", "-", *_SINCE_LAST, *_RUN, back=1)).exit_code == 0
    done = await machine.run("run", "-", *_SINCE_LAST, *_RUN)
    _assert_same_day(machine)
    assert machine.answered(f"output/{machine.day(0)}") == machine.planned(c1=1, c2=1, c3=1)
    again = await machine.run("run", "-", *_SINCE_LAST, *_RUN)
    assert (done.exit_code, again.exit_code) == (0, 0)
    assert "requests  0 sent" in again.stdout


async def test_what_is_left_over_is_continued_as_it_began(machine: _Machine) -> None:
    """Whatever happened to the runs beside it, by the same command and by the one of the status."""
    slow = ("--trust-dates", "--rate", "10", "--deadline", "1s")
    done = await machine.run("run", "-", *_SINCE_LAST, *_DAILY, *slow)
    assert done.exit_code == 4, done.stderr
    tonight = f"output/{machine.day(0)}"
    begun = machine.command.manifest(tonight)["plan"]
    shutil.rmtree(machine.command.directory / "output" / machine.day(10))
    await machine.night(2, "1 2 3")
    status = await machine.command.run("status", tonight, "--json")
    _, *resume = shlex.split(json.loads(status.stdout)["go_on"])
    shutil.copytree(machine.command.directory / tonight, machine.command.directory / "copy")
    resumed = await machine.command.run(
        *[word if word != tonight else "copy" for word in resume if "deadline" not in word]
    )
    again = await machine.run("run", "-", *_SINCE_LAST, *_RUN)
    _assert_same_day(machine)
    expected = machine.planned(c1=9, c2=10, c3=9)
    for output, ended in ((tonight, again), ("copy", resumed)):
        assert ended.exit_code == 0, ended.stderr
        assert machine.answered(output) == expected
        assert machine.command.manifest(output)["plan"] == begun


async def test_shards_make_one_plan(machine: _Machine) -> None:
    """Each looks at the runs beside it; a later one, also at what the others have recorded."""
    for number in range(3):
        done = await machine.run("run", "-", *_SINCE_LAST, *_RUN, "--shard", f"{number}/3")
        assert done.exit_code == 0, done.stderr
        if not number:
            await machine.night(3, "1 2 3")
    _assert_same_day(machine)
    tonight = machine.command.directory / "output" / machine.day(0)
    found = Counter[tuple[str, str]]()
    for path in tonight.glob("statistics-*.jsonl"):
        for text in path.read_text().splitlines():
            line = json.loads(text)
            found[line["company_id"], line["from_date"]] += 1
    assert found == machine.planned(c1=9, c2=10, c3=9)
    said = await machine.command.run("status", str(tonight), "--fail-on", "missing,failed")
    assert said.exit_code == 0, said.stdout


async def test_one_directory_grows_by_the_days_since(machine: _Machine) -> None:
    """The days that it has are not requested again."""
    dates = ("--from", machine.day(9), "--until", machine.day(4))
    first = await machine.command.run("run", "-", *dates, *_RUN, "--output", "all", stdin=b"1\n2\n")
    then = await machine.command.run(
        "run", "-", *_SINCE_LAST, *_RUN, "--output", "all", stdin=b"1\n2\n3\n"
    )
    _assert_same_day(machine)
    assert (first.exit_code, then.exit_code) == (0, 0)
    assert machine.answered("all") == machine.planned(c1=9, c2=9, c3=9)
    assert f"{2 * 6} of them in earlier attempts" in then.stdout
