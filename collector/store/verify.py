"""Verification of runs: whether they are as they, and later runs, have recorded them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collector.core.errors import ExitCode, InputError
from collector.core.text import json_text
from collector.store.chain import link_target, links_of, runs_beside
from collector.store.digests import Link, recorded_name
from collector.store.files import Listing, stored_twice_of
from collector.store.found_manifest import FoundManifest, manifests_in
from collector.store.recorded_run import begun_directories
from collector.store.shard_lock import holder_of
from collector.store.verified_files import FileCheck, Finding

__all__ = ["Beginning", "Newest", "Verified", "verify"]

_FINISHED: Final = frozenset({ExitCode.COMPLETE, ExitCode.SOME_FAILED})


@dataclass(frozen=True, slots=True)
class Newest:
    """A manifest that no other one has recorded: only its own digest verifies it."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """A run that has recorded one before it that is gone, as if the runs before it were deleted."""

    path: Path
    gone: str


@dataclass(slots=True)
class Verified:
    """What was found; paths are in the directories as the caller has named them.

    `runs` is how many directories there are, `intact` how many of them have no finding. `lines` and
    `bytes` count what was read of the files of answers.
    """

    runs: int
    intact: int = 0
    lines: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    beginnings: list[Beginning] = field(default_factory=list)
    newest: list[Newest] = field(default_factory=list)


def verify(directories: Sequence[Path], remark: Callable[[str], object]) -> Verified:
    """Compare runs with what was recorded about them when they had finished. Changes nothing.

    The manifests of all runs beside them are read too: those of later runs record what the
    manifests of earlier ones were. What is no run is left out with a `remark`; a file that
    is there in two forms is remarked. Raises `InputError`
    as `begun_directories`, if a directory does not exist, and if one cannot be read.
    """
    given: dict[Path, Path] = {}
    for directory in begun_directories(directories, remark):
        if not directory.exists():
            raise InputError(
                f"{directory}: there is no such directory; give the directory of a run, such as "
                "output/2026-11-23"
            )
        given.setdefault(directory.resolve(), directory)
    try:
        for directory in given.values():
            listing = Listing.of(directory)
            for twice in stored_twice_of(listing, listing.parts()):
                remark(twice)
        return _verify(given)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _verify(given: Mapping[Path, Path]) -> Verified:
    chain = _Chain(given)
    verified = Verified(len(given))
    findings: list[Finding] = []
    for directory in given:
        check = FileCheck(directory, chain.manifests[directory])
        findings += _state(directory, check.manifests)
        findings += check.findings()
        verified.lines += check.lines
        verified.bytes += check.bytes
    findings += chain.findings()
    # The first of each path: what a link says of it adds nothing.
    distinct = {finding.path: finding for finding in reversed(findings)}
    found = {_directory_of(path, given) for path in distinct}
    verified.intact = sum(directory not in found for directory in given)
    order = {directory: place for place, directory in enumerate(given)}

    def place(path: Path) -> tuple[int, str]:
        return order.get(_directory_of(path, given), len(order)), path.name

    verified.findings = [
        distinct[path]._replace(path=_as_named(path, given)) for path in sorted(distinct, key=place)
    ]
    verified.beginnings = [
        Beginning(_as_named(one.path, given), one.gone) for one in chain.beginnings
    ]
    verified.newest = [Newest(_as_named(one.path, given), one.sha256) for one in chain.newest()]
    return verified


def _state(directory: Path, manifests: Sequence[FoundManifest]) -> Iterator[Finding]:
    """Yield why a run cannot be verified, whatever its files are, and the damaged manifests."""
    for manifest in manifests:
        if manifest.is_damaged:
            yield Finding(directory / manifest.name, "is damaged, or was edited")
    current = [manifest for manifest in manifests if not manifest.kept]
    if not current:
        yield Finding(directory, "there is no run.json in it")
        return
    open_ones = [m for m in current if m.digests is None and not m.is_damaged]
    waiting = _not_done_by_others(open_ones, current)
    for manifest in waiting[:1]:
        held_by = holder_of(directory)
        more = f" (and {len(waiting) - 1:,} shards more)" if len(waiting) > 1 else ""
        text = f"in progress, {held_by}" if held_by else _why_open(manifest)
        yield Finding(directory / manifest.name, f"{text}{more}", is_damage=False)
    begun = Counter(total for _, total in {manifest.shard for manifest in current})
    if not waiting and not any(total == count for total, count in begun.items()):
        total = max(begun)
        text = f"not finished: {begun[total]} of {total} shards have begun"
        yield Finding(directory, text, is_damage=False)


def _not_done_by_others(
    earlier: Sequence[FoundManifest], current: Sequence[FoundManifest]
) -> list[FoundManifest]:
    """Return those whose cells no later attempt, with another number of shards, has finished."""
    finished: dict[int, str] = {}
    for manifest in current:
        if manifest.digests is not None:
            total = manifest.shard.total
            finished[total] = max(finished.get(total, ""), _began_at(manifest))
    return [
        one
        for one in earlier
        if not any(
            total != one.shard.total and began_at > _began_at(one)
            for total, began_at in finished.items()
        )
    ]


def _began_at(manifest: FoundManifest) -> str:
    return "" if manifest.last_attempt is None else manifest.last_attempt.started_at


def _name_in(manifest: FoundManifest) -> str:
    """Return the name of its directory that a manifest has recorded; empty if it has none."""
    return "" if manifest.digests is None else manifest.digests.directory


def _why_open(manifest: FoundManifest) -> str:
    last = manifest.last_attempt
    if last is None or last.exit_code is None:
        return "not finished: no end of its last attempt is recorded"
    if last.exit_code not in _FINISHED:
        return f"not finished: its last attempt ended with exit code {last.exit_code}"
    if manifest.is_older:
        return (
            "no digests are recorded, because an older collector has made the run; the same "
            "command again records them"
        )
    return "no digests are recorded; its remarks say why"


class _Chain:
    """The manifests of runs and of those beside them, and the links between them."""

    def __init__(self, given: Mapping[Path, Path]) -> None:
        self._given = given
        self.manifests: dict[Path, list[FoundManifest]] = {}
        self.beginnings: list[Beginning] = []
        for directory in given:
            self.manifests[directory] = manifests_in(directory)
        for directory in {one.parent: one for one in given}.values():
            with suppress(OSError):
                for beside in runs_beside(directory):
                    with suppress(OSError):
                        if beside not in self.manifests:
                            self.manifests[beside] = manifests_in(beside)
        self._all = [manifest for found in self.manifests.values() for manifest in found]
        self._by_digest: dict[str, list[FoundManifest]] = {}
        for manifest in self._all:
            self._by_digest.setdefault(manifest.sha256, []).append(manifest)

    def newest(self) -> list[Newest]:
        """Return the manifests, of the given runs, that none has recorded."""
        recorded = {link.sha256 for manifest in self._all for link in links_of(manifest)}
        return [
            Newest(manifest.directory / manifest.name, manifest.sha256)
            for directory in self._given
            for manifest in self.manifests[directory]
            if manifest.digests is not None and manifest.sha256 not in recorded
        ]

    def findings(self) -> Iterator[Finding]:
        """Yield what is not as links of and to the given runs say, and which were renamed."""
        yield from self._renamed()
        for linking in self._all:
            for link in links_of(linking):
                target = link_target(linking.directory, link)
                if target is None:
                    if linking.directory in self._given:
                        path = linking.directory / linking.name
                        yield Finding(
                            path, "records a manifest under a name that no manifest can have"
                        )
                elif not self._given.keys().isdisjoint({linking.directory, target.parent}):
                    yield from self._follow(linking, link, target)

    def _renamed(self) -> Iterator[Finding]:
        """Yield the given runs whose directory had another name when they had finished.

        What a later attempt with another number of shards has finished has the name that it had.
        """
        for directory in self._given:
            current = [one for one in self.manifests[directory] if not one.kept]
            named = [one for one in current if one.digests is not None and one.digests.directory]
            renamed = [one for one in named if _name_in(one) != recorded_name(directory)]
            kept_name = [one for one in named if one not in renamed]
            for one in _not_done_by_others(renamed, kept_name):
                yield Finding(directory, _moved(_name_in(one), directory))

    def _follow(self, linking: FoundManifest, link: Link, target: Path) -> Iterator[Finding]:
        found = self._by_digest.get(link.sha256, [])
        if any(json_text(one.directory) == str(target.parent) for one in found):
            return
        by = f"as {linking.directory.name}/{linking.name} has recorded it"
        there = self.manifests.get(target.parent, [])
        if there:
            # The same run in another parent is a copy, and verifies nothing of this one.
            found = [one for one in found if one.directory.parent == target.parent.parent]
        elif any(json_text(one.directory.name) == target.parent.name for one in found):
            return
        if found:
            now = found[0].directory
            where = target.parent if target.parent in self._given else now
            yield Finding(where, f"not {by}: {_moved(target.parent.name, now)}")
        elif any(one.name == target.name for one in there):
            yield Finding(target, f"is not {by}: it was changed later")
        elif there or self._has_older(target, link):
            what = target if there else target.parent
            yield Finding(what, f"is missing: {linking.directory.name} has recorded it")
        else:
            self.beginnings.append(Beginning(linking.directory, target.parent.name))

    def _has_older(self, target: Path, link: Link) -> bool:
        """Tell whether a run that began earlier than one that is gone is there."""
        return any(
            one.digests is not None
            and one.started_at < link.started_at
            and one.directory.parent == target.parent.parent
            for one in self._all
        )


def _moved(name: str, now: Path) -> str:
    return f"the run {name} is in {now.name} now; the directories were renamed, swapped or copied"


def _directory_of(path: Path, given: Mapping[Path, Path]) -> Path:
    return path if path in given else path.parent


def _as_named(path: Path, given: Mapping[Path, Path]) -> Path:
    """Return a path in a given directory, or beside one, as the caller would name it."""
    if path in given:
        return given[path]
    if path.parent in given:
        return given[path.parent] / path.name
    beside = next((one for one in given if one.parent == path.parent), None)
    if beside is None or given[beside].name != beside.name:
        return path
    return given[beside].with_name(path.name)
