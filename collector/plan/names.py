"""The names of a million companies, in a few bytes each."""

from array import array
from collections.abc import Iterator, Mapping, Sequence

from collector.plan.places import place_finder

__all__ = ["NameList"]


class NameList:
    """Names in the order of their companies, one after the other in one text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q")

    def append(self, name: str) -> None:
        """Add the name of the next company; an empty one if it has none."""
        self._text += name.encode()
        self._ends.append(len(self._text))

    def of(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names by their ids, which are distinct and as many as were appended."""
        return _Names(ids, bytes(self._text), self._ends) if self._text else {}


class _Names(Mapping[str, str]):
    """Finds names by ids; an id without a name is not in it.

    A dictionary and its texts would take 110 bytes a name more.
    """

    def __init__(self, ids: Sequence[str], text: bytes, ends: Sequence[int]) -> None:
        self._ids = ids
        self._text = text
        self._ends = ends
        self._place = place_finder(ids)

    def __getitem__(self, company_id: str) -> str:
        place = self._place(company_id)
        if place is None or not (name := self._name(place)):
            raise KeyError(company_id)
        return name

    def __iter__(self) -> Iterator[str]:
        return (company_id for place, company_id in enumerate(self._ids) if self._name(place))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _name(self, place: int) -> str:
        begin = self._ends[place - 1] if place else 0
        return self._text[begin : self._ends[place]].decode()
