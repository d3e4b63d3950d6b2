"""Counters of several windows, compared and added. An action that is missing counts as 0."""

from collections import Counter
from collections.abc import Iterable

from collector.models import Counters

__all__ = ["add_up", "campaigns_add_up", "lies_between", "same", "shown"]


def same(one: Counters, other: Counters) -> bool:
    """Say whether all counters and actions are the same."""
    return one.campaign == other.campaign and _notifications(one) == _notifications(other)


def add_up(parts: Iterable[Counters], whole: Counters) -> bool:
    """Say whether counters and actions of the parts add up to those of the whole.

    `campaign` is left aside: a campaign that runs over two windows may be counted in both of them
    and once in the whole.
    """
    total = Counter[str]()
    for part in parts:
        total.update(_notifications(part))
    return total == _notifications(whole)


def campaigns_add_up(parts: Iterable[Counters], whole: Counters) -> bool:
    """Say whether `campaign` adds up as well."""
    return sum(part.campaign for part in parts) == whole.campaign


def lies_between(counters: Counters, one: Counters, other: Counters) -> bool:
    """Say whether each counter lies between those of two others, or is one of them."""
    numbers, first, second = map(_notifications, (counters, one, other))
    return all(
        min(first[name], second[name]) <= numbers[name] <= max(first[name], second[name])
        for name in {*numbers, *first, *second}
    )


def shown(counters: Counters) -> str:
    """Show counters for people, in a word or two: `total 12`, or the first one that is not 0."""
    numbers = {**_notifications(counters), "campaign": counters.campaign}
    name = next((name for name, number in numbers.items() if number), "total")
    return f"{name} {numbers[name]:,}" if name in numbers else "empty"


def _notifications(counters: Counters) -> Counter[str]:
    """Return all counters but `campaign`, and the actions; equal ones compare as equal.

    `Counter` takes what is missing for 0 when it compares.
    """
    numbers = Counter[str](
        total=counters.total,
        sended=counters.sended,
        pending=counters.pending,
        fails=counters.fails,
    )
    numbers.update({f"actions {name}": number for name, number in counters.actions.items()})
    return numbers
