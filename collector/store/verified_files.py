"""The data files of one run directory, compared with the digests in its manifests."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from collector.core.endpoint import STATISTICS
from collector.core.errors import InputError
from collector.plan import Shard
from collector.store.data_file import (
    DecompressionError,
    decompress_one,
    is_compressed,
    stored_as,
)
from collector.store.digests import BLOCK_LINES, FileDigest, blocks_of, digest_of, pieces_of
from collector.store.files import COMPANIES, Listing, parts_in
from collector.store.found_manifest import FoundManifest
from collector.store.lines import parse_result
from collector.store.recorded_plan import is_intact_list
from collector.store.repair import damaged_spans

__all__ = ["FileCheck", "Finding"]

_LISTED: Final = 3
"""Places that a text names; more would make it unreadable."""


class Finding(NamedTuple):
    """What is not as it was recorded (`is_damage`), or what cannot be verified.

    `path` is in the resolved directory of the run, or that directory.
    """

    path: Path
    text: str
    is_damage: bool = True


class _Record(NamedTuple):
    digest: FileDigest
    manifest: FoundManifest


@dataclass(slots=True)
class FileCheck:
    """Compares the files of one run directory with what its manifests have recorded.

    `lines` and `bytes` count what was read of the files of answers.
    """

    directory: Path
    manifests: Sequence[FoundManifest]
    lines: int = 0
    bytes: int = 0
    _errors: set[str] | None = field(default=None, init=False)

    def findings(self) -> Iterator[Finding]:
        """Read the files, and yield what is not as it was recorded. Raises `OSError`."""
        records = self._records()
        if not records:
            return
        unfinished = {m.shard for m in self.manifests if not m.kept and m.digests is None}
        parts = {part.statistics.name: part for part in parts_in(self.directory)}
        growing = {name for name, part in parts.items() if part.shard in unfinished}
        for name, of_file in sorted(records.items()):
            path = self.directory / name
            text: str | None
            try:
                if _is_no_file(path):
                    text = f"is no file; it had {_lines(of_file[-1].digest.lines)}"
                elif name == COMPANIES:
                    text = self._companies(path, of_file, is_settled=not unfinished)
                elif name in parts:
                    text = self._answers(path, of_file, may_grow=name in growing)
                else:
                    text = self._other(path, of_file)
            except (OSError, InputError) as error:
                yield Finding(stored_as(path), _cause(error), is_damage=False)
            else:
                if text is not None:
                    yield Finding(stored_as(path), text)
        added = filter(_has_content, map(self.directory.joinpath, parts.keys() - records - growing))
        yield from (Finding(stored_as(path), _UNRECORDED) for path in added)
        yield from self._added_errors(records, unfinished)

    def _added_errors(
        self, records: Mapping[str, Sequence[_Record]], unfinished: Collection[Shard]
    ) -> Iterator[Finding]:
        """Yield files of errors that no attempt has recorded when it had finished.

        Another attempt moves errors before it records them anew, and it may have been killed.
        """
        known = {record.digest.sha256 for found in records.values() for record in found}
        for path, shard in sorted(Listing.of(self.directory).errors().items()):
            if path.name in records or shard in unfinished or not _has_content(path):
                continue
            try:
                is_known = digest_of(path).sha256 in known
            except DecompressionError:
                yield Finding(stored_as(path), _CUT)
            except (OSError, InputError) as error:
                yield Finding(stored_as(path), _cause(error), is_damage=False)
            else:
                if not is_known:
                    yield Finding(stored_as(path), _UNRECORDED)

    def _records(self) -> dict[str, list[_Record]]:
        records: dict[str, list[_Record]] = {}
        for manifest in self.manifests:
            files = {} if manifest.digests is None else manifest.digests.files
            for name, digest in files.items():
                records.setdefault(name, []).append(_Record(digest, manifest))
        return records

    def _answers(self, path: Path, records: Sequence[_Record], *, may_grow: bool) -> str | None:
        """Compare a file that only grows with its records: each must be its beginning."""
        if not stored_as(path).exists():
            return _missing(records[-1].digest)
        try:
            found = _Measured.of(path, {record.digest.bytes for record in records})
        except DecompressionError:
            return _CUT
        self.lines += found.lines
        self.bytes += found.bytes
        records = sorted(records, key=lambda record: record.digest.bytes)
        for digest, manifest in reversed(records):
            if found.beginnings.get(digest.bytes) != digest.sha256:
                return _difference(path, digest, manifest)
        last = records[-1].digest
        if found.bytes == last.bytes or may_grow:
            return None
        more = found.lines - last.lines
        return f"has {_lines(more)} more than recorded, from line {last.lines + 1:,} on"

    def _companies(self, path: Path, records: Sequence[_Record], *, is_settled: bool) -> str | None:
        """Compare the list of companies, which an attempt with a larger plan has replaced.

        Raises `InputError` if it was compressed: the commands that read runs need it as it was.
        """
        record = max(records, key=lambda record: _ended_at(record.manifest))
        if not is_settled and path.is_file() and is_intact_list(path):
            return None
        text = self._other(path, [record])
        if text is None and is_compressed(form := stored_as(path)):
            raise InputError(f"it must stay plain; decompress it: {decompress_one(form)}")
        return text

    def _other(self, path: Path, records: Sequence[_Record]) -> str | None:
        """Compare a file that may have got another name since: errors of earlier attempts."""
        for digest, manifest in records:
            try:
                is_there = stored_as(path).exists()
                if is_there and digest_of(path).sha256 == digest.sha256:
                    continue
            except DecompressionError:
                return _CUT
            if digest.sha256 in self._digests_of_errors():
                continue
            return _difference(path, digest, manifest) if is_there else _missing(digest)
        return None

    def _digests_of_errors(self) -> set[str]:
        if self._errors is None:
            self._errors = set()
            for path in filter(_has_content, Listing.of(self.directory).errors()):
                with suppress(DecompressionError, FileNotFoundError):
                    self._errors.add(digest_of(path).sha256)
        return self._errors


_CUT: Final = "is damaged or cut within its compression"
_UNRECORDED: Final = "no manifest has recorded it"


class _Measured(NamedTuple):
    """A file: the digests of its beginnings by their bytes, and what it has in all."""

    beginnings: Mapping[int, str]
    lines: int
    bytes: int

    @classmethod
    def of(cls, path: Path, sizes: Iterable[int]) -> "_Measured":
        marks = sorted(sizes, reverse=True)
        whole, lines, size = sha256(), 0, 0
        beginnings: dict[int, str] = {}
        for piece in pieces_of(path):
            lines += piece.count(b"\n")
            view = memoryview(piece)
            while marks and marks[-1] <= size + len(view):
                mark = marks.pop()
                whole.update(view[: mark - size])
                view, size = view[mark - size :], mark
                beginnings[mark] = whole.hexdigest()
            whole.update(view)
            size += len(view)
        return cls(beginnings, lines, size)


def _difference(path: Path, recorded: FileDigest, manifest: FoundManifest) -> str:
    """Say where a file differs from its record. Raises as `digest_of` does, but for what is cut."""
    try:
        # Of a file that has grown since, only its beginning is compared.
        found = digest_of(path, recorded.bytes if manifest.kept else None)
    except DecompressionError:
        return _CUT
    old, new = blocks_of(recorded), blocks_of(found)
    places = [at for at in range(max(map(len, (old, new)))) if old[at : at + 1] != new[at : at + 1]]
    changes = found.lines - recorded.lines
    if changes:
        # A line more or less moves all that follow.
        places = places[:1]
    where = ", ".join(_block(at, max(found.lines, recorded.lines)) for at in places[:_LISTED])
    if len(places) > _LISTED:
        where += f" and {len(places) - _LISTED:,} places more"
    # A record whose blocks are those of the file, and its digest is not, names no place.
    differ = f"{where} differ" if where else "differs"
    texts = [f"{differ} from what {manifest.name} has recorded"]
    if changes:
        less = "more" if changes > 0 else "less"
        texts = [f"has {_lines(abs(changes))} {less} than {manifest.name} has recorded"]
        texts += [f"the first change is in {where}"] if where else []
    if bad := _damaged_lines(path, places):
        texts.append(f"{bad} damaged")
    return "; ".join(texts)


def _block(at: int, lines: int) -> str:
    first, last = at * BLOCK_LINES + 1, min((at + 1) * BLOCK_LINES, lines)
    return f"line {first:,}" if first >= last else f"lines {first:,} to {last:,}"


def _damaged_lines(path: Path, places: Sequence[int]) -> str:
    """Return which lines of these blocks are no answers, as "line 3 is"; empty if there are none.

    Only files of answers and their lines are looked at.
    """
    damaged: list[int] = []
    number = 1
    blocks = set(places)

    def take(line: bytes) -> bool:
        nonlocal number
        if (number - 1) // BLOCK_LINES in blocks and parse_result(line) is None:
            damaged.append(number)
        number += line.endswith(b"\n")
        return True

    if path.name.startswith(STATISTICS.stem):
        damaged_spans(path, take)
    if not damaged:
        return ""
    distinct = list(dict.fromkeys(damaged))
    if len(distinct) == 1:
        return f"line {distinct[0]:,} is"
    more = f" and {len(distinct) - _LISTED:,} more" if len(distinct) > _LISTED else ""
    return f"lines {', '.join(f'{at:,}' for at in distinct[:_LISTED])}{more} are"


def _is_no_file(path: Path) -> bool:
    """Tell whether a directory, a named pipe or a device has the name of a file."""
    path = stored_as(path)
    return path.exists() and not path.is_file()


def _has_content(path: Path) -> bool:
    path = stored_as(path)
    return path.is_file() and path.stat().st_size > 0


def _missing(recorded: FileDigest) -> str:
    return f"is missing; it had {_lines(recorded.lines)}"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _ended_at(manifest: FoundManifest) -> str:
    last = manifest.last_attempt
    return "" if last is None else last.ended_at or last.started_at


def _cause(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be read: {text}"
