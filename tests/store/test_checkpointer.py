"""Checkpoints are a cache: with one, whatever it is, a start finds what it finds without it."""

import random
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.core.errors import InputError, StoppedError
from collector.plan import CellSet, Companies, Part, Plan, Shard
from collector.settings import RunSettings
from collector.store import checkpointer, results
from collector.store.age import Age
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.prefix import Prefix
from collector.store.recovery import Recovered, recover
from collector.store.repair import damaged_spans
from tests.store.damages import COMPANIES, DAMAGES, DAMAGES_OF_A_CHECKPOINT, FOREIGN, LINES
from tests.store.made_runs import day, line, make_run

_DAYS = (1, 8)
_PLAN = Plan(Companies(COMPANIES), [day(number) for number in range(1, 9)])
_SERVICE = describe_service(RunSettings())
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def _fresh(_: datetime) -> Age:
    return Age(0, is_of_another_day=False)


def _recover(run: Path, plan: Plan = _PLAN, shard: Shard = Shard()) -> Recovered:  # noqa: B008 - a constant
    part = Part(plan, shard)
    files = PartFiles(run, shard)
    return recover(files, part, _SERVICE, age=_fresh, is_stopped=lambda: False)


def _follow(found: Recovered, run: Path, lines: Sequence[bytes]) -> None:
    """Append lines as a run does."""
    with (run / "statistics.jsonl").open("ab") as stream:
        stream.writelines(lines)
    if found.checkpointer is not None:
        found.checkpointer.follow(lines)


def _finish(found: Recovered) -> str | None:
    return None if found.checkpointer is None else found.checkpointer.finish()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the lines that are decoded from now on."""
    lines: list[bytes] = []

    def spans(path: Path, take: Callable[[bytes], bool], prefix: Prefix) -> Any:  # noqa: ANN401
        def noted(one: bytes) -> bool:
            lines.append(one)
            return take(one)

        return damaged_spans(path, noted, prefix)

    monkeypatch.setattr(results, "damaged_spans", spans)
    return lines


def _edit(run: Path, change: Callable[[bytes], bytes], name: str = "statistics.jsonl") -> None:
    path = run / name
    path.write_bytes(change(path.read_bytes()))


def _found(run: Path, plan: Plan) -> tuple[Any, ...]:
    """Return what a start finds, and the files that it leaves."""
    found = _recover(run, plan)
    files = {path.name: path.read_bytes() for path in run.iterdir()}
    files.pop("run.checkpoint", None)
    return (
        [index in found.done for index in range(len(plan))],
        (found.is_complete, found.has_lines, found.kept, found.remarks, found.attempts),
        files,
    )


@given(st.data())
@settings(deadline=None, suppress_health_check=_CHECKS)
def test_a_start_finds_the_same_as_without_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever was done to the lines since, or to the checkpoint, or an older one put there.

    A kill between two writes leaves an older checkpoint, and lines that are followed by none.
    """
    root = tmp_path_factory.mktemp("runs")
    chance = random.Random(data.draw(st.integers(0, 10**9)))  # noqa: S311 - no secret
    lines = chance.sample(LINES, data.draw(st.integers(0, len(LINES))))
    parts = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=2)))
    run = make_run(root / "run", lines[: parts[0]], companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    assert _finish(found) is None
    checkpoint = run / "run.checkpoint"
    older = checkpoint.read_bytes() if checkpoint.exists() else None
    _follow(found, run, lines[parts[0] : parts[1]])
    assert _finish(found) is None
    _follow(found, run, lines[parts[1] :])
    for damage in data.draw(st.lists(st.sampled_from(DAMAGES), max_size=2)):
        _edit(run, lambda content, damage=damage: damage(content, chance))  # type: ignore[misc]
    if older is not None and data.draw(st.booleans()):
        checkpoint.write_bytes(older)
    if checkpoint.exists():
        spoil = data.draw(st.sampled_from(DAMAGES_OF_A_CHECKPOINT))
        _edit(run, lambda content: spoil(content, chance), checkpoint.name)
    companies = data.draw(
        st.sampled_from([COMPANIES, COMPANIES, ("0", *COMPANIES), COMPANIES[::-1]])
    )
    plan = Plan(Companies(companies), _PLAN.windows)
    without = Path(shutil.copytree(run, root / "without"))
    (without / "run.checkpoint").unlink(missing_ok=True)
    assert _found(run, plan) == _found(without, plan)


def test_lines_of_a_checkpoint_are_not_decoded(tmp_path: Path, decoded: list[bytes]) -> None:
    """Only those that were appended since: the run was killed before its next checkpoint."""
    run = make_run(tmp_path / "run", LINES[:9], companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    _follow(found, run, LINES[9:15])
    assert _finish(found) is None
    _follow(found, run, LINES[15:20])
    decoded.clear()
    again = _recover(run)
    assert decoded == LINES[15:20]
    assert len(again.done) == again.kept.total() == 20


def test_a_copy_is_resumed_by_it(tmp_path: Path, decoded: list[bytes]) -> None:
    """What counts are the bytes, not the place or the times of the files."""
    run = make_run(tmp_path / "run", LINES[:9], companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    copy = Path(shutil.copytree(run, tmp_path / "copy", copy_function=shutil.copyfile))
    decoded.clear()
    assert len(_recover(copy).done) == 9
    assert decoded == []


def test_what_is_found_stays_as_it_was(tmp_path: Path) -> None:
    """The cells that were done at the start are told from those of the run."""
    run = make_run(tmp_path / "run", LINES[:9], companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    _follow(found, run, LINES[9:])
    assert len(CellSet.unpacked(found.before, len(_PLAN))) == 9


def test_checkpoints_are_written_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many lines: not with every group, and not only at the end."""
    monkeypatch.setattr(checkpointer, "_FEWEST_LINES", 10)
    run = make_run(tmp_path / "run", companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    written = []
    for first in range(0, 24, 4):
        _follow(found, run, LINES[first : first + 4])
        path = run / "run.checkpoint"
        written.append(path.stat().st_ino if path.exists() else 0)
    assert written[:2] == [0, 0]
    assert written[2] == written[3] == written[4] != 0
    assert written[5] != written[4]


def test_it_is_written_again_only_for_more_lines(tmp_path: Path) -> None:
    """A complete run that is started again leaves the file as it is."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    before = (run / "run.checkpoint").stat()
    assert _finish(_recover(run)) is None
    assert (run / "run.checkpoint").stat() == before


def test_after_a_repair_it_is_about_what_was_kept(tmp_path: Path, decoded: list[bytes]) -> None:
    """Damage was moved aside, so the next start does not look for it."""
    spoilt = [*LINES[:4], b"[]\n", *LINES[4:9], b'{"torn']
    run = make_run(tmp_path / "run", spoilt, companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    assert len(found.remarks) == 1
    _follow(found, run, LINES[9:12])
    assert _finish(found) is None
    decoded.clear()
    assert len(_recover(run).done) == 12
    assert decoded == []


@pytest.mark.parametrize("odd", [FOREIGN, LINES[0]])
def test_odd_lines_are_told_at_each_start(tmp_path: Path, odd: bytes) -> None:
    """So there is no checkpoint of them."""
    run = make_run(tmp_path / "run", [*LINES[:9], odd], companies=COMPANIES, days=_DAYS)
    first = _recover(run)
    assert first.checkpointer is None
    assert len(first.remarks) == 1
    assert _recover(run).remarks == first.remarks


def test_each_part_has_its_own(tmp_path: Path, decoded: list[bytes]) -> None:
    """A run without shards takes over those of shards: a change of one file counts for that one."""
    shard = Shard(1, 2)
    files, run = PartFiles(tmp_path / "run", shard), tmp_path / "run"
    own = [text for index, text in enumerate(LINES) if index in Part(_PLAN, shard)]
    rest = [text for text in LINES if text not in own]
    make_run(run, rest[:9], companies=COMPANIES, days=_DAYS)
    make_run(run, own[:4], companies=COMPANIES, days=_DAYS, shard=shard)
    assert _finish(_recover(run, shard=shard)) is None
    assert _finish(_recover(run)) is None
    for lines, anew in ((own[:4], []), (own[:5], own[4:5]), (own[:3], own[:3]), (None, [])):
        if lines is None:
            files.statistics.unlink()
        else:
            files.statistics.write_bytes(b"".join(lines))
        decoded.clear()
        assert len(_recover(run).done) == 9 + len(lines or ())
        assert decoded == anew


def test_lines_of_other_shards_are_not_in_it(tmp_path: Path, decoded: list[bytes]) -> None:
    """They are no cells of the shard: there is none of a file that has some, so that none count."""
    shard = Shard(0, 2)
    run = make_run(tmp_path / "run", companies=COMPANIES, days=_DAYS)
    make_run(run, LINES, companies=COMPANIES, days=_DAYS, shard=shard)
    for _ in range(2):
        decoded.clear()
        found = _recover(run, shard=shard)
        assert _finish(found) is None
        assert found.is_complete
        assert found.kept.total() == len(Part(_PLAN, shard))
        assert decoded == LINES
    assert len(_recover(run).done) == len(LINES)


def test_a_cell_in_two_files_is_told_at_each_start(tmp_path: Path) -> None:
    """Each file has a checkpoint in which nothing is odd."""
    shard = Shard(1, 2)
    run = make_run(tmp_path / "run", LINES[:9], companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    make_run(run, LINES[:1], companies=COMPANIES, days=_DAYS, shard=shard)
    alone = make_run(tmp_path / "alone", companies=COMPANIES, days=_DAYS)
    make_run(alone, LINES[:1], companies=COMPANIES, days=_DAYS, shard=shard)
    assert _finish(_recover(alone, shard=shard)) is None
    name = PartFiles(run, shard).checkpoint.name
    shutil.copyfile(alone / name, run / name)
    for _ in range(2):
        (remark,) = _recover(run).remarks
        assert remark.startswith("1 of the lines is of a cell that has a line already")


def test_a_shard_has_its_own(tmp_path: Path, decoded: list[bytes]) -> None:
    """It is about the files that the shard reads, and no other shard uses it."""
    shard, other = Shard(0, 2), Shard(1, 2)
    run = make_run(tmp_path / "run", companies=COMPANIES, days=_DAYS)
    own = [
        text for text, index in zip(LINES, range(32), strict=True) if index in Part(_PLAN, shard)
    ]
    make_run(run, own, companies=COMPANIES, days=_DAYS, shard=shard)
    make_run(run, companies=COMPANIES, days=_DAYS, shard=other)
    assert _finish(_recover(run, shard=shard)) is None
    files = PartFiles(run, shard)
    assert files.checkpoint.name == "run-00000-of-00002.checkpoint"
    decoded.clear()
    assert len(_recover(run, shard=shard).done) == len(own)
    assert decoded == []
    shutil.copyfile(files.checkpoint, PartFiles(run, other).checkpoint)
    assert len(_recover(run, shard=other).done) == 0


def test_without_dates_the_age_is_known(tmp_path: Path) -> None:
    """The newest answer is in the checkpoint, and outdates the run as its lines do."""
    plan = Plan(Companies(("1", "2", "é")), [day(None)])
    run = make_run(tmp_path / "run", [line("1", None), line("2", None, at=5)], days=None)
    moments: list[datetime] = []

    def age(moment: datetime) -> Age:
        moments.append(moment)
        return Age(13.0 if len(moments) > 1 else 0.0, is_of_another_day=False)

    arguments = (PartFiles(run), Part(plan), _SERVICE)
    found = recover(*arguments, age=age, is_stopped=lambda: False)
    assert _finish(found) is None
    with pytest.raises(InputError, match="without dates"):
        recover(*arguments, age=age, is_stopped=lambda: False)
    assert moments == [datetime(2026, 11, 23, 2, 0, 6, tzinfo=UTC)] * 2


def test_a_start_can_be_stopped_while_bytes_are_compared(tmp_path: Path) -> None:
    """Hundreds of gigabytes take minutes."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    with pytest.raises(StoppedError):
        recover(PartFiles(run), Part(_PLAN), _SERVICE, age=_fresh, is_stopped=lambda: True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"collector":"', b'"collector":"9'),
        (b'"size":', b'"size":-'),
        (b'"size":', b'"size":1e400'),
        (b'"size":', b'"size":1'),
        (b'"empty":"', b'"empty":"%'),
        (b'"empty":"', b'"empty":"QUJD'),
        (b'"newest":null', b'"newest":1'),
        (b'"done":"', b'"done":"%'),
        (b'"done":"', b'"done":"QUJD'),
        (b"}", b"}" + bytes(2 * 1024 * 1024)),
    ],
)
def test_what_no_collector_has_written_is_ignored(
    tmp_path: Path, decoded: list[bytes], old: bytes, new: bytes
) -> None:
    """Another version, numbers and sets that cannot be, too many bytes: all lines are read."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    head, _, body = (run / "run.checkpoint").read_bytes().split(b"\n", 2)
    changed = body.replace(old, new, 1)
    assert changed != body
    digest = sha256(changed).hexdigest().encode()
    (run / "run.checkpoint").write_bytes(b"\n".join([head, digest, changed]))
    decoded.clear()
    assert len(_recover(run).done) == len(LINES)
    assert decoded == LINES


@pytest.mark.parametrize(
    ("old", "new"), [(b"collector checkpoint 2", b"collector checkpoint 1"), (b"null}", b"true}")]
)
def test_another_form_or_another_content_than_its_digest_is_ignored(
    tmp_path: Path, decoded: list[bytes], old: bytes, new: bytes
) -> None:
    """And then replaced, as that of an older collector is."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    written = (run / "run.checkpoint").read_bytes()
    _edit(run, lambda content: content.replace(old, new), "run.checkpoint")
    assert (run / "run.checkpoint").read_bytes() != written
    decoded.clear()
    assert _finish(_recover(run)) is None
    assert decoded == LINES
    assert (run / "run.checkpoint").read_bytes() == written


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """The remark says why the next start takes longer."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    path = run / "run.checkpoint"
    path.write_text("mine\n")
    assert _finish(_recover(run)) == (
        "run.checkpoint: cannot be written: a file of another program has its name; the next start "
        "takes longer, because it reads all lines again"
    )
    assert path.read_text() == "mine\n"


@pytest.mark.parametrize("left", [0, 20, 100_000])
def test_what_a_loss_of_power_leaves_is_replaced(tmp_path: Path, left: int) -> None:
    """It is not synced: no bytes of it may be there, or zeros. No other program wrote these."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    path = run / "run.checkpoint"
    path.write_bytes(bytes(left))
    assert _finish(_recover(run)) is None
    assert path.read_bytes().startswith(b"collector checkpoint ")
    path.write_bytes(bytes(left) + b"mine")
    assert _finish(_recover(run)) is not None
    assert path.read_bytes() == bytes(left) + b"mine"


def test_lines_of_a_clock_that_is_decades_off_are_found_by_the_next_start(tmp_path: Path) -> None:
    """They are damage to it, so there is no checkpoint of them."""
    plan = Plan(Companies(("1", "2", "é")), [day(None)])
    run = make_run(tmp_path / "run", [line("1", None)], days=None)
    found = _recover(run, plan)
    _follow(found, run, [line("2", None, at=-50 * 366 * 86400)])
    assert _finish(found) is None
    (remark,) = _recover(run, plan).remarks
    assert "moved to statistics.jsonl.broken" in remark


def test_a_cell_that_gets_another_line_is_told_by_the_next_start(tmp_path: Path) -> None:
    """As at each start that finds it: no checkpoint has it."""
    run = make_run(tmp_path / "run", LINES[:9], companies=COMPANIES, days=_DAYS)
    found = _recover(run)
    _follow(found, run, [LINES[9], LINES[0]])
    assert _finish(found) is None
    (remark,) = _recover(run).remarks
    assert remark.startswith("1 of the lines is of a cell that has a line already")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to read nor to write: what it leads to may belong to another program."""
    run = make_run(tmp_path / "run", LINES, companies=COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    path = run / "run.checkpoint"
    before = path.rename(tmp_path / "elsewhere").read_bytes()
    path.symlink_to(tmp_path / "elsewhere")
    _edit(run, lambda content: content[: -len(LINES[-1])])
    remark = _finish(_recover(run))
    assert remark is not None
    assert "is a symbolic link" in remark
    assert (tmp_path / "elsewhere").read_bytes() == before
