"""The names in answers: fields that are not documented, and actions; and how they have changed.

Pure. The server chooses these names, so their number and their length are bounded, and they are
made harmless before anything shows or records them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from collector.core.outcome import DOCUMENTED_ACTIONS, MOST_NAMES, Answer
from collector.core.text import escaped, quoted

__all__ = ["AnswerNames", "Drift", "NamesRecord", "drift_of"]

_LONGEST: Final = 64
"""Characters of a name that are kept."""

_ENOUGH: Final = 10
"""Answers that let one expect a name: fewer say nothing about what others have."""

_MOST_NAMED: Final = 5
"""Names of a kind in a remark."""

_CHANGED: Final = (
    "the API has changed since the earlier runs beside this one: the answers have other fields or "
    "actions"
)
_NOT_COMPARED: Final = (
    f"the answers of this run or of those beside it have more than {MOST_NAMES} fields or actions: "
    "these are data rather than names, and are not compared"
)

_further: Final = attrgetter("further")
_actions: Final = attrgetter("counters.actions")

_Counts = dict[str, int]


class NamesRecord(msgspec.Struct, kw_only=True):
    """The names of some answers, as they are recorded in the manifest.

    * `answers`: how many answers these are.
    * `with_data`: how many of them are not empty.
    * `fields`, `actions`: in how many answers each name was; None if there were more than 200.
    * `new`, `gone`: the changes since earlier runs; `actions.` precedes the name of an action.
    """

    answers: int = 0
    with_data: int = 0
    fields: _Counts | None = {}
    actions: _Counts | None = {}
    new: list[str] = []
    gone: list[str] = []


class AnswerNames:
    """Counts in how many answers each undocumented field and each action was."""

    def __init__(self, records: Iterable[NamesRecord] = ()) -> None:
        self.answers = 0
        self.with_data = 0
        self._fields = _Names()
        self._actions = _Names()
        for record in records:
            self.answers += record.answers
            self.with_data += record.with_data
            self._fields.add(record.fields)
            self._actions.add(record.actions)

    def count(self, answers: Sequence[Answer], with_data: int) -> None:
        """Add answers; `with_data` of them are not empty. Takes half a microsecond for each."""
        self.answers += len(answers)
        self.with_data += with_data
        # Without an instruction of Python's for each answer.
        self._fields.update(chain.from_iterable(map(_further, answers)))
        self._actions.update(chain.from_iterable(map(_actions, answers)))

    @property
    def fields(self) -> _Counts | None:
        """In how many answers each undocumented field was; None if there were more than 200."""
        return self._fields.counts

    @property
    def actions(self) -> _Counts | None:
        """In how many answers each action was; None if there were more than 200."""
        return self._actions.counts

    def record(self, drift: "Drift | None" = None) -> NamesRecord:
        """Return what the manifest records."""
        return NamesRecord(
            answers=self.answers,
            with_data=self.with_data,
            fields=self.fields,
            actions=self.actions,
            new=list(drift.new) if drift else [],
            gone=list(drift.gone) if drift else [],
        )


class _Names:
    """Counts of harmless names, of which there are 200 at most."""

    def __init__(self) -> None:
        self.counts: Counter[str] | None = Counter()
        self._known = 0

    def update(self, names: Iterable[str]) -> None:
        """Count each name once more."""
        if self.counts is not None:
            self.counts.update(names)
            self._check()

    def add(self, counts: _Counts | None) -> None:
        """Add counts; None if they had too many names."""
        if counts is None or self.counts is None:
            self.counts = None
            return
        for name, count in counts.items():
            self.counts[name] += count
        self._check()

    def _check(self) -> None:
        """Make names harmless if there is a new one, and stop counting if there are too many."""
        assert self.counts is not None, "the callers look"  # noqa: S101 - for the type checker
        if len(self.counts) == self._known:
            return
        if len(self.counts) > MOST_NAMES:
            self.counts = None
            return
        for name in [name for name in self.counts if _harmless(name) != name]:
            self.counts[_harmless(name)] += self.counts.pop(name)
        self._known = len(self.counts)


def _harmless(name: str) -> str:
    dots = "..." if len(name) > _LONGEST else ""
    return escaped(name[: _LONGEST - len(dots)]) + dots


class Drift(NamedTuple):
    """Names that no earlier run had, and names that are gone; `actions.` precedes an action's.

    `is_partial` says that fields or actions were not compared, because they were more than 200.
    """

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    is_partial: bool = False

    def counts(self) -> dict[str, int | None]:
        """Return how many names have changed, by change; None if that is not known."""
        counts = {"new": len(self.new), "gone": len(self.gone)}
        return {change: n or (None if self.is_partial else 0) for change, n in counts.items()}

    @property
    def remark(self) -> str | None:
        """The text for the user; None without changes."""
        changes = ("new: ", self.new), ("no longer there: ", self.gone)
        texts = [f"{what}{_listed(names)}" for what, names in changes if names]
        remarks = [_NOT_COMPARED] if self.is_partial else []
        if texts:
            remarks = [f"{_CHANGED}; {'; '.join(texts)}", *remarks]
        return "; ".join(remarks) or None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(quoted, names[:_MOST_NAMED])) + more


def drift_of(now: AnswerNames, earlier: Sequence[AnswerNames], *, is_whole: bool) -> Drift | None:
    """Compare the names of a run with those of earlier ones; None if there is nothing to compare.

    A name is new if no earlier run had it. It is gone if each earlier run had it, so often that at
    least 10 answers of this run should have it, and none has. That is decided only if the run
    `is_whole`: the cells that are missing might have it. Of fields all answers count, of actions
    those that are not empty: a night without a campaign has no actions. Earlier runs with fewer
    than 10 of these are too small to be compared with; those with more than 200 names are skipped,
    for they must not hide what the others show.
    """
    if not now.answers:
        return None
    fields = _changes(
        _Side(now.answers, now.fields), [_Side(run.answers, run.fields) for run in earlier]
    )
    actions = _changes(
        _Side(now.with_data, now.actions),
        [_Side(run.with_data, run.actions) for run in earlier],
        documented=DOCUMENTED_ACTIONS,
    )
    if fields is None and actions is None:
        return None
    is_partial = any(kind is not None and kind.is_partial for kind in (fields, actions))
    fields, actions = fields or Drift(), actions or Drift()
    new = (*fields.new, *(f"actions.{name}" for name in actions.new))
    gone = (*fields.gone, *(f"actions.{name}" for name in actions.gone))
    return Drift(new, gone if is_whole else (), is_partial)


class _Side(NamedTuple):
    """Answers of a run, and in how many of them each name of a kind was."""

    answers: int
    counts: _Counts | None


def _changes(
    now: _Side, earlier: Sequence[_Side], documented: Collection[str] = ()
) -> Drift | None:
    """Return the changes of one kind of names; None if there is nothing to compare."""
    known = set(documented).union(*(run.counts or () for run in earlier))
    enough = [run for run in earlier if run.answers >= _ENOUGH]
    runs = [run for run in enough if run.counts is not None]
    if now.counts is None or (enough and not runs):
        return Drift(is_partial=True)
    if not runs:
        return None
    gone = [
        name
        for name in sorted(known.difference(now.counts))
        if now.answers * min(_share(run, name) for run in runs) >= _ENOUGH
    ]
    return Drift(tuple(sorted(now.counts.keys() - known)), tuple(gone))


def _share(run: _Side, name: str) -> float:
    counts = run.counts or {}
    return min(1.0, counts.get(name, 0) / run.answers)
