"""Where an id stands in a list of a million, in 16 to 32 bytes each."""

from array import array
from collections.abc import Callable, Sequence

__all__ = ["place_finder"]


def place_finder(ids: Sequence[str]) -> Callable[[str], int | None]:
    """Make a function that gives the place of an id among distinct ids, from 0 on; None if absent.

    A hash table with open addressing and linear probing, a quarter full at most, of places instead
    of keys: the keys are in the sequence. A dictionary finds as fast, and takes 80 to 110 bytes an
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
