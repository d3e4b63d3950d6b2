"""The ids and names of a million companies as compact tables: few bytes for each."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["NameList", "place_finder"]


def place_finder(ids: Sequence[str]) -> Callable[[str], int | None]:
    """Return a function that finds the place of an id among distinct ids, from 0; None if absent.

    A hash table with open addressing and linear probing, a quarter full at most, of places instead
    of keys: the keys are in the sequence. A dictionary is as fast, and takes 80 to 110 bytes per
    id: each place would be an object.
    """
    mask = (1 << (4 * len(ids)).bit_length()) - 1
    # Places from 1 on: 0 is a free slot.
    slots = array("I", [0]) * (mask + 1)
    for place, company_id in enumerate(ids, start=1):
        slot = hash(company_id) & mask
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = place

    def find(company_id: str) -> int | None:
        slot = hash(company_id) & mask
        while place := slots[slot]:
            if ids[place - 1] == company_id:
                return place - 1
            slot = (slot + 1) & mask
        return None

    return find


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

    A dictionary and its texts would take 110 bytes more per name.
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
