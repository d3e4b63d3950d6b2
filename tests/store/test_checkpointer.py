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
from collector.store import checkpointer
from collector.store.age import Age
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.prefix import Prefix
from collector.store.recovery import Recovered, recover
from collector.store.repair import damaged_spans
from tests.store.made_runs import day, line, make_run

_COMPANIES = ("1", "2", "é", "4")
_DAYS = (1, 8)
_PLAN = Plan(Companies(_COMPANIES), [day(number) for number in range(1, 9)])
_LINES = [
    line(company, number, total=number % 3) for company in _COMPANIES for number in range(1, 9)
]
_FOREIGN = line("9", 1)
_SERVICE = describe_service(RunSettings())
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

Damage = Callable[[Path, random.Random], None]


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

    monkeypatch.setattr(checkpointer, "damaged_spans", spans)
    return lines


def _edit(run: Path, change: Callable[[bytes], bytes], name: str = "statistics.jsonl") -> None:
    path = run / name
    path.write_bytes(change(path.read_bytes()))


def _flip(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return content
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _swap(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _twice(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"".join(lines)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _zeroed(content: bytes, chance: random.Random) -> bytes:
    zeros = chance.randrange(len(content) + 1)
    return content[: len(content) - zeros] + bytes(zeros)


def _other(content: bytes, chance: random.Random) -> bytes:
    lines = chance.sample(_LINES, min(len(_LINES), content.count(b"\n")))
    return b"".join(lines)


def _more(content: bytes, chance: random.Random) -> bytes:
    return content + chance.choice([*_LINES, _FOREIGN, b'{"torn', b"[]\n"])


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _swap, _twice, _cut, _zeroed, _other, _more),
    lambda content, _: content,
    lambda _content, _: b"",
)
_DAMAGES_OF_A_CHECKPOINT: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _cut, _zeroed),
    lambda content, _: content,
)


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
    lines = chance.sample(_LINES, data.draw(st.integers(0, len(_LINES))))
    parts = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=2)))
    run = make_run(root / "run", lines[: parts[0]], companies=_COMPANIES, days=_DAYS)
    found = _recover(run)
    assert _finish(found) is None
    checkpoint = run / "run.checkpoint"
    older = checkpoint.read_bytes() if checkpoint.exists() else None
    _follow(found, run, lines[parts[0] : parts[1]])
    assert _finish(found) is None
    _follow(found, run, lines[parts[1] :])
    for damage in data.draw(st.lists(st.sampled_from(_DAMAGES), max_size=2)):
        _edit(run, lambda content, damage=damage: damage(content, chance))  # type: ignore[misc]
    if older is not None and data.draw(st.booleans()):
        checkpoint.write_bytes(older)
    if checkpoint.exists():
        spoil = data.draw(st.sampled_from(_DAMAGES_OF_A_CHECKPOINT))
        _edit(run, lambda content: spoil(content, chance), checkpoint.name)
    companies = data.draw(
        st.sampled_from([_COMPANIES, _COMPANIES, ("0", *_COMPANIES), _COMPANIES[::-1]])
    )
    plan = Plan(Companies(companies), _PLAN.windows)
    without = Path(shutil.copytree(run, root / "without"))
    (without / "run.checkpoint").unlink(missing_ok=True)
    assert _found(run, plan) == _found(without, plan)


def test_lines_of_a_checkpoint_are_not_decoded(tmp_path: Path, decoded: list[bytes]) -> None:
    """Only those that were appended since: the run was killed before its next checkpoint."""
    run = make_run(tmp_path / "run", _LINES[:9], companies=_COMPANIES, days=_DAYS)
    found = _recover(run)
    _follow(found, run, _LINES[9:15])
    assert _finish(found) is None
    _follow(found, run, _LINES[15:20])
    decoded.clear()
    again = _recover(run)
    assert decoded == _LINES[15:20]
    assert len(again.done) == again.kept.total() == 20


def test_a_copy_is_resumed_by_it(tmp_path: Path, decoded: list[bytes]) -> None:
    """What counts are the bytes, not the place or the times of the files."""
    run = make_run(tmp_path / "run", _LINES[:9], companies=_COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    copy = Path(shutil.copytree(run, tmp_path / "copy", copy_function=shutil.copyfile))
    decoded.clear()
    assert len(_recover(copy).done) == 9
    assert decoded == []


def test_what_is_found_stays_as_it_was(tmp_path: Path) -> None:
    """The cells that were done at the start are told from those of the run."""
    run = make_run(tmp_path / "run", _LINES[:9], companies=_COMPANIES, days=_DAYS)
    found = _recover(run)
    _follow(found, run, _LINES[9:])
    assert len(CellSet.unpacked(found.before, len(_PLAN))) == 9


def test_checkpoints_are_written_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many lines: not with every group, and not only at the end."""
    monkeypatch.setattr(checkpointer, "_FEWEST_LINES", 10)
    run = make_run(tmp_path / "run", companies=_COMPANIES, days=_DAYS)
    found = _recover(run)
    written = []
    for first in range(0, 24, 4):
        _follow(found, run, _LINES[first : first + 4])
        path = run / "run.checkpoint"
        written.append(path.stat().st_ino if path.exists() else 0)
    assert written[:2] == [0, 0]
    assert written[2] == written[3] == written[4] != 0
    assert written[5] != written[4]


def test_it_is_written_again_only_for_more_lines(tmp_path: Path) -> None:
    """A complete run that is started again leaves the file as it is."""
    run = make_run(tmp_path / "run", _LINES, companies=_COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    before = (run / "run.checkpoint").stat()
    assert _finish(_recover(run)) is None
    assert (run / "run.checkpoint").stat() == before


def test_after_a_repair_it_is_about_what_was_kept(tmp_path: Path, decoded: list[bytes]) -> None:
    """Damage was moved aside, so the next start does not look for it."""
    spoilt = [*_LINES[:4], b"[]\n", *_LINES[4:9], b'{"torn']
    run = make_run(tmp_path / "run", spoilt, companies=_COMPANIES, days=_DAYS)
    found = _recover(run)
    assert len(found.remarks) == 1
    _follow(found, run, _LINES[9:12])
    assert _finish(found) is None
    decoded.clear()
    assert len(_recover(run).done) == 12
    assert decoded == []


@pytest.mark.parametrize("odd", [_FOREIGN, _LINES[0]])
def test_odd_lines_are_told_at_each_start(tmp_path: Path, odd: bytes) -> None:
    """So there is no checkpoint of them."""
    run = make_run(tmp_path / "run", [*_LINES[:9], odd], companies=_COMPANIES, days=_DAYS)
    first = _recover(run)
    assert first.checkpointer is None
    assert len(first.remarks) == 1
    assert _recover(run).remarks == first.remarks


def test_it_is_of_the_files_of_all_parts(tmp_path: Path, decoded: list[bytes]) -> None:
    """A run without shards reads those of shards too: a change of one of them counts."""
    run = make_run(tmp_path / "run", _LINES[:9], companies=_COMPANIES, days=_DAYS)
    shard = Shard(1, 2)
    make_run(run, _LINES[9:12], companies=_COMPANIES, days=_DAYS, shard=shard)
    assert _finish(_recover(run)) is None
    decoded.clear()
    assert len(_recover(run).done) == 12
    assert decoded == []
    other = PartFiles(run, shard).statistics
    for lines in ([*_LINES[9:12], _LINES[12]], _LINES[9:11], None):
        if lines is None:
            other.unlink()
        else:
            other.write_bytes(b"".join(lines))
        assert len(_recover(run).done) == 9 + len(lines or ())


def test_a_shard_has_its_own(tmp_path: Path, decoded: list[bytes]) -> None:
    """It is about the files that the shard reads, and no other shard uses it."""
    shard, other = Shard(0, 2), Shard(1, 2)
    run = make_run(tmp_path / "run", companies=_COMPANIES, days=_DAYS)
    own = [
        text for text, index in zip(_LINES, range(32), strict=True) if index in Part(_PLAN, shard)
    ]
    make_run(run, own, companies=_COMPANIES, days=_DAYS, shard=shard)
    make_run(run, companies=_COMPANIES, days=_DAYS, shard=other)
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
    run = make_run(tmp_path / "run", _LINES, companies=_COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    with pytest.raises(StoppedError):
        recover(PartFiles(run), Part(_PLAN), _SERVICE, age=_fresh, is_stopped=lambda: True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"collector":"', b'"collector":"9'),
        (b'"kept":', b'"kept":-'),
        (b'"kept":', b'"kept":1e400'),
        (b'"empty":8', b'"empty":9'),
        (b'"done":"', b'"done":"%'),
        (b'"done":"', b'"done":"QUJD'),
        (b'"files":{', b'"files":{"errors.jsonl":{"size":0,"sha256":""},'),
        (b"}", b"}" + bytes(2 * 1024 * 1024)),
    ],
)
def test_what_no_collector_has_written_is_ignored(
    tmp_path: Path, decoded: list[bytes], old: bytes, new: bytes
) -> None:
    """Another version, numbers that cannot be, other files, too many bytes: all lines are read.

    Or a count was edited, so that only the checkpoint's own digest does not fit.
    """
    run = make_run(tmp_path / "run", _LINES, companies=_COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    head, digest, body = (run / "run.checkpoint").read_bytes().split(b"\n", 2)
    changed = body.replace(old, new, 1)
    assert changed != body
    if old != b'"empty":8':
        digest = sha256(changed).hexdigest().encode()
    (run / "run.checkpoint").write_bytes(b"\n".join([head, digest, changed]))
    decoded.clear()
    assert len(_recover(run).done) == len(_LINES)
    assert decoded == _LINES


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """The remark says why the next start takes longer."""
    run = make_run(tmp_path / "run", _LINES, companies=_COMPANIES, days=_DAYS)
    path = run / "run.checkpoint"
    path.write_text("mine\n")
    assert _finish(_recover(run)) == (
        "run.checkpoint: cannot be written: a file of another program has its name; the next start "
        "takes longer, because it reads all lines again"
    )
    assert path.read_text() == "mine\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to read nor to write: what it leads to may belong to another program."""
    run = make_run(tmp_path / "run", _LINES, companies=_COMPANIES, days=_DAYS)
    assert _finish(_recover(run)) is None
    path = run / "run.checkpoint"
    before = path.rename(tmp_path / "elsewhere").read_bytes()
    path.symlink_to(tmp_path / "elsewhere")
    _edit(run, lambda content: content[: -len(_LINES[-1])])
    remark = _finish(_recover(run))
    assert remark is not None
    assert "is a symbolic link" in remark
    assert (tmp_path / "elsewhere").read_bytes() == before
