import errno
import os
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from collector.core.cell import CellState
from collector.core.errors import ExitCode, InputError
from collector.plan import CellSet, Companies, DateRange, Part, Plan, Shard, WindowSize, cut_windows
from collector.run import attempt
from collector.run.attempt import AttemptRecord
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.manifest import Manifest
from collector.store.recovery import Recovered, recover
from collector.store.run_directory import RunDirectory
from collector.telemetry.stats import RunStats

_DAILY = WindowSize.parse("1d")


def _plan(first: int, companies: int = 3) -> Plan:
    """Make seven days from a day in November on."""
    days = DateRange(date(2026, 11, first), date(2026, 11, first + 6))
    ids = tuple(str(number) for number in range(1, companies + 1))
    return Plan(Companies(ids), cut_windows(days, _DAILY))


def _record(directory: RunDirectory, plan: Plan) -> AttemptRecord:
    """Make the record of an attempt that found nothing when it looked."""
    nothing = Recovered(CellSet(len(plan)), is_complete=False, has_lines=False)
    return AttemptRecord(
        directory, nothing, plan, RunSettings(window=_DAILY, shard=directory.files.shard)
    )


@pytest.mark.parametrize("late", [_plan(1), _plan(2, companies=2)], ids=["days", "companies"])
async def test_of_shards_that_begin_together_with_two_plans_one_is_refused(
    tmp_path: Path, late: Plan
) -> None:
    """On two sides of midnight, say, or with an older list: both looked before the other began.

    The list that is there stays, and nothing says that the second had begun, which locked its files
    before there was anything of the first.
    """
    first, second = (PartFiles(tmp_path, Shard(number, 2)) for number in range(2))
    with RunDirectory.open(second) as other, RunDirectory.open(first) as one:
        await _record(one, _plan(2)).begin(None, [])
        companies = (tmp_path / "run-companies.txt").read_bytes()
        with pytest.raises(InputError, match="holds a run of another plan"):
            await _record(other, late).begin(None, [])
        assert (tmp_path / "run-companies.txt").read_bytes() == companies
        assert not second.manifest.exists()


async def test_a_shard_may_begin_with_a_plan_that_has_grown(tmp_path: Path) -> None:
    """What the other one collects is a part of it."""
    first, second = (PartFiles(tmp_path, Shard(number, 2)) for number in range(2))
    with RunDirectory.open(first) as one, RunDirectory.open(second) as other:
        await _record(one, _plan(2)).begin(None, [])
        await _record(other, _plan(2, companies=5)).begin(None, [])
        assert second.manifest.exists()
        assert b"\n5\n" in (tmp_path / "run-companies.txt").read_bytes()


async def _ended(run: Path, code: ExitCode, *, missing: int = 0) -> Manifest:
    """Begin and end an attempt; return what its manifest has recorded."""
    plan = _plan(1)
    stats = RunStats(len(plan))
    stats.cells.update({CellState.DATA: len(plan) - missing - 1, CellState.FAILED: 1})
    with RunDirectory.open(PartFiles(run)) as directory:
        record = _record(directory, plan)
        await record.begin(None, [])
        await record.end(code, None, stats, None)
    manifest = Manifest.read(run / "run.json")
    assert manifest is not None
    return manifest


@pytest.mark.parametrize(
    ("code", "missing", "is_recorded"),
    [
        (ExitCode.COMPLETE, 0, True),
        (ExitCode.SOME_FAILED, 0, True),
        (ExitCode.IMPLAUSIBLE, 0, True),
        (ExitCode.IMPLAUSIBLE, 1, False),
        (ExitCode.STOPPED_EARLY, 1, False),
        (ExitCode.SIGTERM, 0, False),
        (ExitCode.STORAGE, 0, False),
    ],
)
async def test_digests_are_recorded_when_every_cell_is_settled(
    tmp_path: Path, code: ExitCode, missing: int, *, is_recorded: bool
) -> None:
    """Failed ones too: a company that fails every night must not leave all nights unverified."""
    manifest = await _ended(tmp_path / "r", code, missing=missing)
    assert (manifest.digests is not None) == is_recorded


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def _again(
    run: Path,
    code: ExitCode = ExitCode.COMPLETE,
    names: Mapping[str, str] | None = None,
    companies: int = 3,
) -> tuple[int, set[str]]:
    """Run an attempt that finds each cell answered; return the attempts on record, and copies."""
    plan = _plan(1, companies)
    plan = Plan(Companies(plan.companies.ids, names or {}), plan.windows)
    done = CellSet(len(plan))
    found = Manifest.read(run / "run.json")
    attempts = () if found is None else tuple(found.attempts)
    recovered = Recovered(done, is_complete=True, has_lines=True, attempts=attempts)
    stats = RunStats(len(plan))
    stats.kept[CellState.DATA] = len(plan)
    with RunDirectory.open(PartFiles(run)) as directory:
        settings = RunSettings(window=_DAILY, shard=directory.files.shard)
        record = AttemptRecord(directory, recovered, plan, settings)
        await record.begin(None, [])
        await record.end(code, None, stats, None)
    manifest = Manifest.read(run / "run.json")
    assert manifest is not None
    return len(manifest.attempts), _names(run) & {"run.1.json", "run.2.json"}


async def test_a_run_that_has_recorded_all_stays_as_it_is(tmp_path: Path) -> None:
    """However often the same command is run again, or interrupted: nothing is replaced."""
    run = tmp_path / "r"
    assert await _again(run) == (1, set())
    text, status = (run / "run.json").read_bytes(), (run / "run-companies.txt").stat()
    for code in (ExitCode.COMPLETE, ExitCode.SIGTERM, ExitCode.STORAGE, ExitCode.COMPLETE):
        assert await _again(run, code) == (1, set())
    assert (run / "run.json").read_bytes() == text
    assert (run / "run-companies.txt").stat().st_ino == status.st_ino


def _edit_list(run: Path) -> None:
    path = run / "run-companies.txt"
    path.write_bytes(path.read_bytes() + b"#\n")


def _edit_manifest(run: Path) -> None:
    path = run / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"remarks": []', b'"remarks": ["x"]'))


_CHANGES: dict[str, tuple[Callable[[Path], object], dict[str, Any], set[str]]] = {
    "names": (lambda _: None, {"names": {"1": "Uno"}}, {"run.1.json"}),
    "the plan": (lambda _: None, {"companies": 4}, {"run.1.json"}),
    "the end": (lambda _: None, {"code": ExitCode.IMPLAUSIBLE}, {"run.1.json"}),
    "the list": (_edit_list, {}, {"run.1.json"}),
    "the manifest": (_edit_manifest, {}, set()),
    "the name": (lambda run: run.rename(run.with_name("s")), {}, {"run.1.json"}),
}


@pytest.mark.parametrize("change", _CHANGES)
async def test_what_has_changed_is_recorded(tmp_path: Path, change: str) -> None:
    """And what was recorded before is kept, unless it was edited."""
    edit, more, copies = _CHANGES[change]
    run = tmp_path / "r"
    assert await _again(run) == (1, set())
    edit(run)
    run = tmp_path / min(_names(tmp_path))
    assert await _again(run, **more) == (2, copies)


async def test_a_file_that_cannot_be_read_leaves_the_end_without_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run itself is complete; a remark says what is not."""

    def fail(*_: object) -> Any:  # noqa: ANN401 - it returns nothing
        raise OSError(errno.EIO, os.strerror(errno.EIO), "statistics.jsonl")

    monkeypatch.setattr(attempt, "file_digests", fail)
    manifest = await _ended(tmp_path / "r", ExitCode.COMPLETE)
    assert manifest.digests is None
    last = manifest.attempts[-1]
    assert last["exit_code"] == 0
    (remark,) = last["remarks"]
    assert "the digests of the files were not recorded" in remark
    assert "statistics.jsonl" in remark


async def test_a_shard_lists_its_directory_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its lock, under it, under the lock of the plan, and at its end.

    A directory of 1,000 shards has 5,000 files, and each of its shards begins and ends.
    """
    plan, stats, listed = _plan(1), RunStats(4), list[str]()
    for number in (2, 1):
        with RunDirectory.open(PartFiles(tmp_path, Shard(number, 3))) as directory:
            await _record(directory, plan).begin(None, [])
    stats.kept.update({CellState.DATA: 4})
    own = PartFiles(tmp_path, Shard(0, 3))
    for owner, name in ((os, "listdir"), (os, "scandir"), (Path, "iterdir"), (Path, "glob")):
        monkeypatch.setattr(owner, name, _noted(getattr(owner, name), tmp_path, listed))
    with RunDirectory.open(own) as directory:
        listing = directory.listing
        part, service = Part(plan, own.shard), describe_service(RunSettings())
        age, go = partial(Age.of, timezone=None), lambda: False
        found = recover(own, part, service, age=age, is_stopped=go, listing=listing)
        settings = RunSettings(window=_DAILY, shard=own.shard)
        record = AttemptRecord(directory, found, plan, settings)
        await record.begin(None, [])
        assert listed == ["scandir", "listdir", "listdir"]
        await record.end(ExitCode.COMPLETE, None, stats, None)
    assert listed == ["scandir", "listdir", "listdir", "listdir"]


def _noted(list_one: Callable[..., Any], directory: Path, listed: list[str]) -> Callable[..., Any]:
    def noted(path: Path, *arguments: object) -> object:
        if Path(path) == directory:
            listed.append(list_one.__name__)
        return list_one(path, *arguments)

    return noted
