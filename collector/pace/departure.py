"""What is known of a request when it leaves."""

import msgspec

__all__ = ["Departure"]


class Departure(msgspec.Struct, frozen=True, gc=False):
    """A request that has left; whoever sent it tells the controller what became of it.

    `at` is seconds of the controller's clock, `number` how many had left before. `epoch` counts the
    blockades so far: what was sent before one began says nothing new about it. `is_paced` says that
    the request left as soon as the rate allowed; one that left later says nothing about whether
    the rate is right.
    """

    at: float
    number: int
    epoch: int
    is_paced: bool
