"""Comparison and addition of counters of several windows. A missing action counts as 0."""

from collections import Counter
from collections.abc import Iterable

from collector.core.outcome import Counters

__all__ = [
    "add_up",
    "alike",
    "campaigns_add_up",
    "is_quiet",
    "lies_between",
    "outgrow",
    "same",
    "shown",
]


def same(one: Counters, other: Counters) -> bool:
    """Return whether all counters and actions are the same."""
    return one.campaign == other.campaign and _notifications(one) == _notifications(other)


def alike(one: Counters, other: Counters) -> bool:
    """Return whether all counters and actions but `campaign` are the same."""
    return _notifications(one) == _notifications(other)


def is_quiet(counters: Counters) -> bool:
    """Return whether there are no notifications; campaigns alone are no evidence."""
    return not any(_notifications(counters).values())


def outgrow(parts: Iterable[Counters], whole: Counters) -> bool:
    """Return whether the parts exceed the whole in a figure that only ever grows.

    If the whole was requested after its parts, they cannot then be of different days.
    """
    growing = Counter[str]()
    for part in parts:
        growing.update(
            {"total": part.total, **{f"actions {n}": k for n, k in part.actions.items()}}
        )
    limits = _notifications(whole)
    return any(number > limits[name] for name, number in growing.items())


def add_up(parts: Iterable[Counters], whole: Counters) -> bool:
    """Return whether counters and actions of the parts add up to those of the whole.

    `campaign` is left out: a campaign that runs over two windows may be counted in both of them
    and once in the whole.
    """
    total = Counter[str]()
    for part in parts:
        total.update(_notifications(part))
    return total == _notifications(whole)


def campaigns_add_up(parts: Iterable[Counters], whole: Counters) -> bool:
    """Return whether `campaign` adds up as well."""
    return sum(part.campaign for part in parts) == whole.campaign


def lies_between(counters: Counters, one: Counters, other: Counters) -> bool:
    """Return whether each counter lies between those of two others, or equals one of them."""
    numbers, first, second = map(_notifications, (counters, one, other))
    return all(
        min(first[name], second[name]) <= numbers[name] <= max(first[name], second[name])
        for name in {*numbers, *first, *second}
    )


def shown(counters: Counters) -> str:
    """Return a short text of counters: `total 12`, or the first one that is not 0.

    Names of actions come from the server, and are not shown.
    """
    numbers = {
        "total": counters.total,
        "sended": counters.sended,
        "pending": counters.pending,
        "fails": counters.fails,
        "actions": sum(counters.actions.values()),
        "campaign": counters.campaign,
    }
    name = next((name for name, number in numbers.items() if number), "total")
    return f"{name} {numbers[name]:,}"


def _notifications(counters: Counters) -> Counter[str]:
    """Return all counters but `campaign`, and the actions; equal ones compare as equal.

    `Counter` treats missing keys as 0 when it compares.
    """
    numbers = Counter[str](
        total=counters.total,
        sended=counters.sended,
        pending=counters.pending,
        fails=counters.fails,
    )
    numbers.update({f"actions {name}": number for name, number in counters.actions.items()})
    return numbers
