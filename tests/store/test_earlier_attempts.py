"""The manifests of a run directory, which a start reads once each, and the list only once."""

import os
from collections import Counter
from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.plan import Companies, Plan, Shard
from collector.settings import RunSettings
from collector.store.earlier_attempts import EarlierManifests
from collector.store.files import Listing, PartFiles, parts_in
from collector.store.identity import describe_service
from collector.store.manifest import DatesRecord, Manifest, ManifestHead
from collector.store.recorded_plan import read_company_list, write_company_list
from collector.store.surveyed import HandedOver
from tests.store.made_runs import day, make_run

_OLD, _GROWN = ("1", "2"), ("1", "2", "3")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the files that are parsed, by their names."""
    counts: Counter[str] = Counter()
    read, read_head = Manifest.read, ManifestHead.read

    def read_list(path: Path) -> object:
        counts[path.name] += 1
        return read_company_list(path)

    def read_manifest(path: Path) -> Manifest | None:
        counts[path.name] += 1
        return read(path)

    monkeypatch.setattr("collector.store.earlier_attempts.read_company_list", read_list)

    def read_other(path: Path) -> ManifestHead | None:
        counts[path.name] += 1
        return read_head(path)

    monkeypatch.setattr(Manifest, "read", read_manifest)
    monkeypatch.setattr(ManifestHead, "read", read_other)
    return counts


def _make(run: Path, shards: int, companies: tuple[str, ...] = _OLD) -> Path:
    for number in range(shards):
        make_run(run, companies=companies, days=(1, 2), shard=Shard(number, shards))
    return run


def _plan(companies: tuple[str, ...] = _GROWN, days: int = 2) -> Plan:
    return Plan(Companies(companies), [day(number) for number in range(1, days + 1)])


def _manifests(plan: Plan) -> EarlierManifests:
    return EarlierManifests(plan, describe_service(RunSettings()))


def _own(run: Path, shards: int) -> PartFiles:
    return PartFiles(run, Shard(0, shards))


def test_the_list_is_parsed_once_for_all_manifests(tmp_path: Path, reads: Counter[str]) -> None:
    """Also when they have recorded plans of several nights."""
    run = _make(tmp_path / "r", 6)
    make_run(run, companies=_OLD, days=(1, 1), shard=Shard(5, 6))
    earlier = _manifests(_plan()).read(_own(run, 6), parts_in(run))
    assert (earlier.trouble, len(earlier.attempts)) == ("", 1)
    assert reads["run-companies.txt"] == 1


def test_the_list_of_this_plan_is_not_parsed(tmp_path: Path, reads: Counter[str]) -> None:
    """The shards after the first one of a grown plan find it; names and order are the same."""
    run = _make(tmp_path / "r", 3)
    write_company_list(run / "run-companies.txt", _plan().companies)
    manifests = _manifests(_plan())
    manifests.read(_own(run, 3), parts_in(run))
    manifests.check(_own(run, 3), Listing.of(run))
    assert reads["run-companies.txt"] == 0


def test_the_manifests_of_others_are_not_decoded_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes five times as long, and a directory may have a thousand of them."""
    run, read = _make(tmp_path / "r", 3), Manifest.read
    full: list[str] = []

    def read_whole(path: Path) -> Manifest | None:
        full.append(path.name)
        return read(path)

    monkeypatch.setattr(Manifest, "read", read_whole)
    _manifests(_plan()).read(_own(run, 3), parts_in(run))
    assert full == ["run-00000-of-00003.json"]


def test_a_check_reads_what_has_changed(tmp_path: Path, reads: Counter[str]) -> None:
    """Beside its own manifest: no other one that is as it was, and no list that is."""
    run = _make(tmp_path / "r", 4)
    manifests = _manifests(_plan())
    manifests.read(_own(run, 4), parts_in(run))
    assert set(reads.values()) == {1}
    PartFiles(run, Shard(2, 4)).manifest.touch()
    manifests.check(_own(run, 4), Listing.of(run))
    assert {name for name, count in reads.items() if count > 1} == {
        "run-00000-of-00004.json",
        "run-00002-of-00004.json",
    }


def test_a_manifest_that_is_replaced_by_one_as_long_is_read_again(tmp_path: Path) -> None:
    """With the time of the old one, as a copy has it: it is another file."""
    run = _make(tmp_path / "r", 2)
    other = PartFiles(run, Shard(1, 2)).manifest
    manifests = _manifests(_plan(_OLD))
    manifests.read(_own(run, 2), parts_in(run))
    before = other.stat()
    changed = other.read_bytes().replace(b"api.trust", b"api.tsurt")
    assert len(changed) == before.st_size
    draft = run / "draft"
    draft.write_bytes(changed)
    os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
    draft.replace(other)
    with pytest.raises(InputError, match="--base-url was"):
        manifests.check(_own(run, 2), Listing.of(run))


def test_a_list_that_another_shard_has_replaced_is_compared(tmp_path: Path) -> None:
    """Its manifest may not be there yet: it was killed between the two."""
    run = _make(tmp_path / "r", 2)
    manifests = _manifests(_plan(("1", "2", "3")))
    manifests.read(_own(run, 2), parts_in(run))
    write_company_list(run / "run-companies.txt", Companies(("1", "2", "9")))
    with pytest.raises(InputError, match="1 of its companies is not in the file now: 9"):
        manifests.check(_own(run, 2), Listing.of(run))


def test_a_shard_of_a_cluster_run_reads_its_own_manifest(
    tmp_path: Path, reads: Counter[str]
) -> None:
    """The process that distributes the shards has compared the others, and holds the directory."""
    run = _make(tmp_path / "r", 3)
    (run / "run-00002-of-00003.json").write_bytes(b"{")
    dates = DatesRecord(verdict="honoured", until="included", until_exclusive=True)
    service = describe_service(RunSettings())
    manifests = EarlierManifests(_plan(), service, HandedOver(dates))
    earlier = manifests.read(_own(run, 3), parts_in(run))
    manifests.check(_own(run, 3), Listing.of(run))
    assert (earlier.dates, earlier.trouble, len(earlier.attempts)) == (dates, "", 1)
    assert set(reads) == {"run-00000-of-00003.json", "run-companies.txt"}
    new = manifests.read(PartFiles(run, Shard(7, 9)), [])
    assert (new.dates, new.trouble, new.attempts, new.is_known) == (dates, "", (), True)


def test_a_list_with_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    """Each shard would write it, one after the other; what is damaged is written."""
    path, companies = tmp_path / "run-companies.txt", Companies(_OLD, {"1": "One"})
    write_company_list(path, companies)
    before = path.stat().st_ino, path.stat().st_mtime_ns
    write_company_list(path, companies)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    text = path.read_bytes()
    path.write_bytes(text + b"3\n")
    write_company_list(path, companies)
    assert path.read_bytes() == text
