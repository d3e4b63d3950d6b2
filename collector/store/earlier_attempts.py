"""The attempts that the manifests of a run directory record, and whether their plans fit."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import InputError
from collector.core.regular import check_regular
from collector.plan import Plan, Shard
from collector.store.files import COMPANIES, FileStamp, Listing, PartFiles
from collector.store.identity import service_differences
from collector.store.manifest import (
    DatesRecord,
    Manifest,
    ManifestHead,
    PlanRecord,
    gravest_record,
)
from collector.store.plan_differences import plan_differences
from collector.store.recorded_plan import (
    CompanyList,
    ListContent,
    content_of_list,
    read_company_list,
    read_list_content,
    recorded_plan,
)
from collector.store.surveyed import HandedOver

__all__ = ["EarlierAttempts", "EarlierManifests", "damaged_manifest", "missing_manifest"]


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """The earlier attempts; `trouble` says why their plan is unknown, if it is.

    `newest` is when other shards last had an answer, if the plan has no dates.
    """

    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True
    trouble: str = ""
    newest: datetime | None = None


class _Fit(NamedTuple):
    """How a recorded plan fits the plan of this start; `trouble` says why that is unknown."""

    differences: Sequence[str] = ()
    trouble: str = ""
    is_damaged: bool = False


class _Other(NamedTuple):
    """The manifest of another part, and its file as it was."""

    path: Path
    stamp: FileStamp
    head: ManifestHead


@dataclass(slots=True)
class _List:
    """The list of companies of the directory during one reading; parsed when it is needed."""

    path: Path
    content: ListContent | None
    companies: CompanyList | None = None

    def read(self) -> CompanyList:
        """Return the companies. Raises `InputError` if they cannot be read."""
        if self.companies is None:
            self.companies = read_company_list(self.path)
        return self.companies


@dataclass
class EarlierManifests:
    """Reads the manifests of a run directory during one start, and compares their plans.

    A manifest of another part is read once, and again only if its file has changed. The list of
    companies is parsed once for each content that it has, and never if it is the list of this plan:
    the shards of a plan that has grown start one after the other, and each finds that list.

    * `plan`: the plan of this start.
    * `service`: the identity of this start.
    * `handed`: from the process that distributes the shards, which has compared the plans of all
      parts. No other process can record a plan there until it ends: only the own manifest is read.
    """

    plan: Plan
    service: Mapping[str, str]
    handed: HandedOver | None = None
    _others: dict[Shard, _Other] = field(default_factory=dict)
    _fits: dict[tuple[ListContent | None, PlanRecord], _Fit] = field(default_factory=dict)

    def read(self, files: PartFiles, parts: Sequence[PartFiles]) -> EarlierAttempts:
        """Read the manifests and compare their plans. Raises `InputError` when one differs.

        The record of dates may come from another shard; the attempts are those of `files`. Raises
        `OSError` when a manifest cannot be read.
        """
        listed: list[_List] = []
        own = self._read_own(files, listed)
        if self.handed is not None:
            if own.trouble == missing_manifest(files):
                own = EarlierAttempts()
            dates = [record for record in (own.dates, self.handed.dates) if record is not None]
            return replace(own, dates=gravest_record(dates))
        others = [self._read_other(other, listed) for other in parts if other != files]
        known = [other for other in others if other is not None]
        if own.trouble == missing_manifest(files) and known:
            own = EarlierAttempts()
        found = (own.dates, *(other.dates for other in known))
        dates = [record for record in found if record is not None]
        # Only answers of the server's default window get outdated.
        dated = known if self.plan.windows[0] == SERVER_DEFAULT else ()
        newest = max(filter(None, (other.newest for other in dated)), default=None)
        return replace(own, dates=gravest_record(dates), newest=newest)

    def check(self, files: PartFiles, listing: Listing) -> None:
        """Raise `InputError` if another shard has recorded another plan meanwhile."""
        if self.handed is None:
            self.read(files, listing.parts())

    def _read_own(self, files: PartFiles, listed: list[_List]) -> EarlierAttempts:
        try:
            manifest = Manifest.read(files.manifest)
        except ValueError:
            return EarlierAttempts(trouble=damaged_manifest(files), is_known=False)
        if manifest is None:
            return EarlierAttempts(trouble=missing_manifest(files), is_known=False)
        fit = self._compare(files, manifest.plan, manifest.service, listed)
        trouble = damaged_manifest(files) if fit.is_damaged else fit.trouble
        attempts = tuple(manifest.attempts)
        return EarlierAttempts(attempts, manifest.dates, not fit.is_damaged, trouble)

    def _read_other(self, files: PartFiles, listed: list[_List]) -> ManifestHead | None:
        """Return what counts of the manifest of another part; None if there is none, or damage."""
        other = self._others.get(files.shard)
        path = files.manifest if other is None else other.path
        # Before the file is read: what changes meanwhile is read again the next time.
        stamp = FileStamp.of(path)
        if stamp is None:
            return None
        if other is None or other.stamp != stamp:
            try:
                head = ManifestHead.read(path)
            except ValueError:
                return None
            if head is None:
                return None
            other = self._others[files.shard] = _Other(path, stamp, head)
        # Each time, for the list of companies may have changed.
        head = other.head
        is_damaged = self._compare(files, head.plan, head.service, listed).is_damaged
        return None if is_damaged else head

    def _compare(
        self,
        files: PartFiles,
        record: PlanRecord,
        service: Mapping[str, str],
        listed: list[_List],
    ) -> _Fit:
        """Return how the plan of a manifest fits. Raises `InputError` if it differs."""
        directory = files.directory
        fit = _Fit()
        if record.fingerprint != self.plan.fingerprint:
            if not listed:
                listed.append(self._list(directory / COMPANIES))
            key = listed[0].content, record
            if key not in self._fits:
                self._fits[key] = self._fit(record, listed[0])
            fit = self._fits[key]
        differences = [*service_differences(service, self.service), *fit.differences]
        if differences:
            raise InputError(
                f"--output {directory}: holds a run of another plan: {'; '.join(differences)}; "
                "give another --output, or resume that run: collector status "
                f"{shlex.quote(str(directory))} shows how"
            )
        return fit

    def _list(self, path: Path) -> _List:
        try:
            # What is no file could block.
            check_regular(path)
            content = read_list_content(path)
        except OSError:
            return _List(path, None)
        ours = CompanyList(self.plan.companies, is_intact=True)
        return _List(path, content, ours if content == self._own_list else None)

    @cached_property
    def _own_list(self) -> ListContent:
        return content_of_list(self.plan.companies, self.plan.first_days())

    def _fit(self, record: PlanRecord, listed: _List) -> _Fit:
        try:
            recorded, is_intact = recorded_plan(record, listed.path, listed.read())
        except InputError:
            return _Fit(trouble=f"{COMPANIES} is missing or damaged")
        except ValueError:
            return _Fit(is_damaged=True)
        if not is_intact:
            return _Fit(trouble=f"{COMPANIES} was edited")
        return _Fit(plan_differences(recorded, self.plan))


def missing_manifest(files: PartFiles) -> str:
    """Return the text for a manifest that is missing."""
    return f"{files.manifest.name} is missing"


def damaged_manifest(files: PartFiles) -> str:
    """Return the text for a manifest that cannot be read."""
    return f"{files.manifest.name} is damaged"
