"""How much work something does, whatever the machine: the calls of functions."""

import sys
from collections import Counter
from collections.abc import Callable


def calls_of(work: Callable[[], object]) -> int:
    """Count the calls of functions, those of C included."""
    counted = Counter[str]()
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _argument: counted.update((event,)))
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted["call"] + counted["c_call"]
