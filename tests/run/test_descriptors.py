import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.run.descriptors import (
    DescriptorPlan,
    plan_descriptors,
    reserve_descriptors,
    spare_descriptors,
)


def test_a_limit_that_is_enough_stays() -> None:
    """The usual one is 1,024."""
    plan = plan_descriptors(64, soft=1024, hard=4096, in_use=10)
    assert plan == DescriptorPlan(1024, 64)


def test_the_soft_limit_is_raised_no_further_than_necessary() -> None:
    """Other programs that this one may start inherit it."""
    plan = plan_descriptors(64, soft=30, hard=4096, in_use=10)
    assert plan == DescriptorPlan(84, 64)
    both_ends = plan_descriptors(64, soft=30, hard=4096, in_use=10, each=2)
    assert both_ends == DescriptorPlan(148, 64)


def test_the_hard_limit_lowers_the_concurrency() -> None:
    """At least one request is in flight, and the run finds out whether that is possible."""
    assert plan_descriptors(64, soft=30, hard=30, in_use=10) == DescriptorPlan(30, 10)
    assert plan_descriptors(64, soft=20, hard=30, in_use=10, each=2) == DescriptorPlan(30, 5)
    assert plan_descriptors(64, soft=8, hard=8, in_use=10) == DescriptorPlan(8, 1)


@given(
    st.integers(1, 10_000), st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 20_000)
)
def test_no_plan_exceeds_a_limit(concurrency: int, soft: int, more: int, in_use: int) -> None:
    """Whatever they are; the soft limit is never lowered."""
    plan = plan_descriptors(concurrency, soft=soft, hard=soft + more, in_use=in_use)
    assert soft <= plan.soft <= soft + more
    assert 1 <= plan.concurrency <= concurrency
    assert plan.concurrency == 1 or plan.concurrency + in_use < plan.soft


@pytest.fixture
def low_limit() -> Iterator[int]:
    """Set a soft limit that is a little above what is in use, until the test ends; give it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = sum(1 for _ in Path("/dev/fd").iterdir()) + 5
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_of_this_process_is_raised(low_limit: int) -> None:
    """As far as the requests in flight need it, without a word to the user."""
    assert reserve_descriptors(64) == (64, None)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert low_limit < soft < low_limit + 100
    assert reserve_descriptors(1) == (1, None)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft


def test_a_limit_that_cannot_be_raised_lowers_the_concurrency(
    low_limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some systems allow less than the hard limit says."""

    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    most, warning = reserve_descriptors(64)
    assert 1 <= most < 64
    assert warning is not None
    assert f"--concurrency 64 is lowered to {most}" in warning
    assert f"may open {low_limit} files only" in warning


def test_spare_descriptors_are_free_afterwards() -> None:
    """For the files that are written after the last request."""
    before = sum(1 for _ in Path("/dev/fd").iterdir())
    with spare_descriptors():
        assert sum(1 for _ in Path("/dev/fd").iterdir()) == before + 3
    assert sum(1 for _ in Path("/dev/fd").iterdir()) == before


def test_spare_descriptors_are_as_many_as_there_are(low_limit: int) -> None:
    """Where there are none, that is no failure."""
    held = list[int]()
    try:
        while len(held) < low_limit:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    try:
        with spare_descriptors():
            pass
    finally:
        for descriptor in held:
            os.close(descriptor)
