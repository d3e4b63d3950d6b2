import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collector import __version__
from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.core.outcome import FailureKind
from collector.plan import Shard
from collector.telemetry.names import Drift
from collector.telemetry.prometheus import LABEL, MetricsFile, MetricsPage, RunState, page
from collector.telemetry.stats import RunStats

LargestFile = Callable[[int], AbstractContextManager[None]]
Series = dict[tuple[str, str | None], float]

_NOW = 1_800_000_000.25
_AT_WORK = RunState(started_at=_NOW - 60, now=_NOW, allowed=10.0)
_ENDED = RunState(
    started_at=_NOW - 60,
    now=_NOW,
    allowed=9.5,
    limit_found=12.25,
    exit_code=1,
    last_success=_NOW - 86400,
)


def _series(text: str, collection: str = "night") -> Series:
    """Read all series, by name and by the label beside that of the collection."""
    series: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop(LABEL) == collection
            key = (sample.name.removeprefix("collector_"), next(iter(labels.values()), None))
            assert key not in series
            assert sample.timestamp is None, "node_exporter refuses them"
            series[key] = sample.value
    return series


def _stats() -> RunStats:
    stats = RunStats(100)
    stats.kept.update({CellState.DATA: 40, CellState.EMPTY: 10})
    stats.cells.update({CellState.DATA: 5, CellState.EMPTY: 4, CellState.FAILED: 3})
    for status, seconds in [(200, 0.1), (200, 0.1), (429, 0.01), (500, 1.0)]:
        stats.request_sent()
        stats.answered(status, seconds)
    stats.request_sent()
    stats.broken[FailureKind.TIMEOUT] = 1
    stats.good, stats.refused, stats.retries = 2, 1, 2
    return stats


def _text(stats: RunStats, state: RunState, collection: str = "night") -> str:
    return generate_latest(page(collection, stats, state)).decode()


def test_every_figure_of_a_run_has_its_series() -> None:
    """Cells of earlier attempts count as well; requests are those of this one."""
    stats = _stats()
    stats.drift = Drift(("late", "x"), ())
    series = _series(_text(stats, _ENDED))
    duration = series.pop(("run_duration_seconds", None))
    assert 0 < duration <= stats.seconds
    rate = series.pop(("requests_per_second", None))
    assert rate >= stats.average_rate() > 0
    assert series == {
        ("cells_planned", None): 100,
        ("cells", "data"): 45,
        ("cells", "empty"): 14,
        ("cells", "failed"): 3,
        ("cells", "missing"): 38,
        ("changed_names", "new"): 2,
        ("changed_names", "gone"): 0,
        ("requests_sent_total", None): 5,
        ("requests_answered_total", None): 2,
        ("requests_refused_total", None): 1,
        ("requests_retried_total", None): 2,
        ("requests_total", "200"): 2,
        ("requests_total", "429"): 1,
        ("requests_total", "500"): 1,
        ("requests_total", "timeout"): 1,
        ("allowed_requests_per_second", None): 9.5,
        ("limit_found_requests_per_second", None): 12.25,
        ("run_running", None): 0,
        ("run_exit_code", None): 1,
        ("run_started_timestamp_seconds", None): _NOW - 60,
        ("run_updated_timestamp_seconds", None): _NOW,
        ("last_success_timestamp_seconds", None): _NOW - 86400,
        ("build_info", __version__): 1,
    }


def test_names_that_were_not_compared_have_no_series() -> None:
    """A zero would say that none has changed."""
    stats = RunStats(3)
    stats.drift = Drift(is_partial=True)
    assert "changed_names" not in {name for name, _ in _series(_text(stats, _AT_WORK))}


def test_what_is_not_known_is_left_out() -> None:
    """A zero would be an exit code, a limit, and a success in 1970."""
    series = _series(_text(RunStats(3), _AT_WORK))
    assert series["run_running", None] == 1
    assert series["cells", "missing"] == 3
    names = {name for name, _ in series}
    unknown = {"run_exit_code", "limit_found_requests_per_second", "last_success_timestamp_seconds"}
    assert not names & {*unknown, "requests_total", "changed_names"}


def test_help_and_types_never_change() -> None:
    """Of two files that differ in the help of a series node_exporter drops one."""

    def heads(text: str) -> set[str]:
        return {line for line in text.splitlines() if line.startswith("#")}

    one, other = _text(_stats(), _ENDED), _text(RunStats(1), _AT_WORK, "other")
    assert heads(other) < heads(one)
    counters = {line.split()[2] for line in heads(one) if line.endswith(" counter")}
    assert counters == {name for name in one.split() if name.endswith("_total")}


@pytest.mark.parametrize("name", ["night", 'a "b" \\c', "ñandú", "odd\udcff"])
def test_the_name_of_the_file_is_the_collection(tmp_path: Path, name: str) -> None:
    """So that two files in one directory never have the same series, whatever they are called."""
    file = MetricsFile(tmp_path / f"{name}.prom")
    file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=0))
    text = file.path.read_text(encoding="utf-8")
    assert _series(text, name.replace("\udcff", "\ufffd"))["run_exit_code", None] == 0
    again = MetricsFile(file.path)
    assert again.recall() is None
    assert again.last_success == file.last_success


def _written(path: Path, exit_code: int | None) -> MetricsFile:
    """Write as a run would that ends so."""
    file = MetricsFile(path)
    file.check()
    assert file.recall() is None
    file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=None))
    file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=exit_code))
    return file


def test_the_last_success_lives_on_until_the_next(tmp_path: Path) -> None:
    """Runs that fail, or are killed, carry over what the file says; none is none."""
    path = tmp_path / "night.prom"
    assert _written(path, 1).last_success is None
    first = _written(path, 0).last_success
    assert first is not None
    for code in (1, 4, None, 70):
        assert _written(path, code).last_success == first
    second = _written(path, 0).last_success
    assert second is not None
    assert second > first


def _prom(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("shard", [Shard(0, 2), Shard(1, 2)])
def test_a_shard_has_a_file_and_a_label_of_its_own(tmp_path: Path, shard: Shard) -> None:
    """All shards are told the same name; node_exporter reads them all, and refuses equal series."""
    path = tmp_path / "night.prom"
    for each in (Shard(), Shard(0, 2), Shard(1, 2)):
        file = MetricsFile(path, each)
        file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=0))
    name = f"night-0000{shard.number}-of-00002.prom"
    assert {found.name for found in tmp_path.iterdir()} >= {"night.prom", name}
    for family in text_string_to_metric_families((tmp_path / name).read_text()):
        for sample in family.samples:
            labels = (sample.labels["collection"], sample.labels["shard"])
            assert labels == ("night", str(shard))
    again = MetricsFile(path, shard)
    assert again.recall() is None
    assert again.last_success is not None


def test_the_file_of_another_shard_is_none_of_ours(tmp_path: Path) -> None:
    """A file that was copied or renamed does not say when this shard ended well."""
    one = MetricsFile(tmp_path / "night.prom", Shard(0, 2))
    one.write(one.page(_stats(), allowed=1.0, limit_found=None, exit_code=0))
    other = MetricsFile(tmp_path / "night.prom", Shard(1, 2))
    one.path.rename(other.path)
    remark = other.recall()
    assert remark is not None
    assert "it is no whole file of night 1/2" in remark
    assert other.last_success is None


_BUILD = f'collector_build_info{{{LABEL}="night",version="1"}} 1'
_SUCCESS = f'collector_last_success_timestamp_seconds{{{LABEL}="night"}}'


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 512, id="zeros"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"{}\n", id="json"),
        pytest.param(_prom("up 1"), id="of another program"),
        pytest.param(_prom(f"{_SUCCESS} 1.7e+09"), id="cut"),
        pytest.param(_prom(f"{_SUCCESS} -5", _BUILD), id="before 1970"),
        pytest.param(_prom(f"{_SUCCESS} NaN", _BUILD), id="no number"),
        pytest.param(_prom(f"{_SUCCESS} 9e+09", _BUILD), id="not yet"),
        pytest.param(_prom(f"{_SUCCESS} 1.7e+09", _BUILD).replace(b"night", b"day"), id="another"),
    ],
)
def test_a_file_that_says_nothing_of_it_is_replaced(tmp_path: Path, content: bytes) -> None:
    """It is no error, but a warning says that the last success is no longer known."""
    path = tmp_path / "night.prom"
    path.write_bytes(content)
    file = MetricsFile(path)
    file.check()
    remark = file.recall()
    assert remark is not None
    assert str(path) in remark
    assert remark.endswith("; when a run last ended with exit code 0 is not known any more")
    assert file.last_success is None
    file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=1))
    assert _series(path.read_text())["run_exit_code", None] == 1


@given(st.binary(max_size=200) | st.text('collector_{}="night", #\n1e+9\\', max_size=200))
def test_no_content_ends_a_run(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    """The parser is not ours; whatever it makes of a file, there is a remark and no error."""
    path = tmp_path_factory.getbasetemp() / "any.prom"
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    assert MetricsFile(path).recall() is not None


def test_no_file_yet_is_nothing_to_remark(tmp_path: Path) -> None:
    """The first night."""
    file = MetricsFile(tmp_path / "night.prom")
    assert file.recall() is None
    assert file.last_success is None


def test_a_file_that_may_not_be_read_is_remarked(tmp_path: Path) -> None:
    """A loop of links stands for it: the tests may run as root."""
    path = tmp_path / "night.prom"
    file = MetricsFile(path)
    path.symlink_to(path)
    assert "Too many levels of symbolic links" in str(file.recall())


def test_the_check_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a file nor a change of the one that is there."""
    MetricsFile(tmp_path / "night.prom").check()
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "night.prom"
    path.write_text("old")
    MetricsFile(path).check()
    assert path.read_text() == "old"


def test_what_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    """A directory there, none around it, a file in place of that, a pipe, a long name: 2."""
    (tmp_path / "taken.prom").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.prom")
    long = f"{'x' * 300}.prom"
    for name in ("taken.prom", "none/night.prom", "file/night.prom", "pipe.prom", long):
        with pytest.raises(InputError, match=rf"^--metrics-file {tmp_path}/{name}: cannot be wr"):
            MetricsFile(tmp_path / name).check()


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, largest_file: LargestFile) -> None:
    """And nothing half written beside it."""
    path = tmp_path / "night.prom"
    file = _written(path, 0)
    before = path.read_bytes()
    with largest_file(100), pytest.raises(OSError, match="File too large"):
        file.write(file.page(_stats(), allowed=1.0, limit_found=None, exit_code=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_is_not_read_by_node_exporter(tmp_path: Path) -> None:
    """Its name, which a process that is killed leaves there, does not end in `.prom`."""
    seen: list[str] = []

    class Watching(MetricsPage):
        def collect(self) -> list[object]:  # type: ignore[override]
            seen.extend(path.name for path in tmp_path.iterdir())
            return []

    MetricsFile(tmp_path / "night.prom").write(Watching("night"))
    (draft,) = seen
    assert draft.startswith("night.prom.")
    assert [path.name for path in tmp_path.iterdir()] == ["night.prom"]


def test_the_draft_is_no_file_of_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what a link leads to, if one should have the name of the draft."""
    digits = iter(digit * 16 for digit in "abcdef")
    monkeypatch.setattr("collector.core.own_files.token_hex", lambda _: next(digits))
    (tmp_path / "foreign").write_text("mine")
    link = tmp_path / f"night.prom.{'a' * 16}.new"
    link.symlink_to(tmp_path / "foreign")
    path = _written(tmp_path / "night.prom", 0).path
    assert _series(path.read_text())["run_exit_code", None] == 0
    assert (tmp_path / "foreign").read_text() == "mine"
    assert link.is_symlink()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_others_may_read_it_as_far_as_the_umask_says(tmp_path: Path, mask: int, mode: int) -> None:
    """node_exporter is another user; nothing in the file is a secret. No other user writes it."""
    old = os.umask(mask)
    try:
        path = _written(tmp_path / "night.prom", 0).path
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "night.prom"
    link.symlink_to(tmp_path / "real" / "file.prom")
    _written(link, 0)
    assert link.is_symlink()
    assert _series(link.read_text())["run_exit_code", None] == 0


def test_links_in_a_circle_lead_to_no_file(tmp_path: Path) -> None:
    """It is bad input, as any place that cannot be written."""
    path = tmp_path / "night.prom"
    path.symlink_to(path)
    with pytest.raises(InputError, match=r"night\.prom: cannot be written"):
        MetricsFile(path).check()
