"""Whatever a server answers: what a collection in virtual time must always hold.

All but the network is real: pool, client, token, gate and controller, against the embedded API.
"""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, Final, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.rate.collecting import Collection, collect_virtually
from benchmarks.rate.scenario import Scenario
from collector.core.errors import CredentialsError, ImplausibleError, OutageError
from collector.core.outcome import Blame
from collector.pace import Permit, RateController
from collector.simulator import SimulatorSettings

_T = TypeVar("_T")

_COMPANIES: Final = 12
_CELLS: Final = 8 * _COMPANIES

_LONG: Final = 6 * 3600.0
"""Seconds after which a collection is not coming to an end. An outage ends it after one hour."""

Dialect = dict[str, Any]


def _choices(**values: tuple[Any, ...]) -> st.SearchStrategy[Dialect]:
    """Draw a value for each setting."""
    return st.fixed_dictionaries({name: st.sampled_from(given) for name, given in values.items()})


_THAT_PASS: Final = st.one_of(
    st.just({}),
    _choices(
        rate_limit=(5.0, 20.0, 60.0),
        burst=(1, 5, 20),
        limit_status=(420, 429, 509, 529),
        retry_after=(False, True),
        rate_headers=(False, True),
        envelope_errors=(False, True),
        ban=(0.0, 5.0, 20.0),
    ),
    _choices(rate_limit=(20.0,), limit_status=(403,), limit_page=(True,), burst=(1, 20)),
    _choices(rate_limit=(20.0,), limit_status=(403, 503), retry_after=(True,), ban=(0.0, 5.0)),
    _choices(concurrency_limit=(1, 4), limit_status=(429,), envelope_errors=(False, True)),
    _choices(token_delay=(1.5, 6.0), token_life=(20, 7200)),
    _choices(token_life=(3, 7, 20), expires_in=(None, 0.001, 7200.0)),
    _choices(token_life=(7,), expires_in=(7200.0,), envelope_errors=(True,)),
    _choices(revoke=(True,)),
    _choices(issuer_down=(True,)),
    _choices(bom=(True,), token_status=(201,), empty_actions=("list", "null", "absent")),
)
"""Ways of a server that cost no cell."""

_THAT_COST: Final = st.one_of(
    _choices(down=(True,)),
    _choices(redirect_to=("https://new.example",)),
    _choices(rate_limit=(5.0, 20.0), limit_status=(403, 503), burst=(1, 20), ban=(0.0, 5.0, 20.0)),
    _choices(deny=(("0",), ("3", "4", "5", "6")), deny_status=(302, 401, 403)),
    _choices(share_401=(0.2, 0.5, 1.0)),
    _choices(
        share_500=(0.0, 0.2),
        share_resets=(0.0, 0.2),
        share_hangs=(0.0, 0.1),
        share_truncated=(0.0, 0.2),
        share_not_json=(0.0, 0.3),
    ),
    _choices(not_ready=(1.0, 30.0)),
    _choices(token_delay=(3600.0,)),
    _choices(token_type=("DPoP",)),
)
"""Ways of a server that may cost cells, or end the run."""


class _Watched(RateController):
    """A controller that fails a test when anything but a good answer raises the rate."""

    def __init__(self, ceiling: float, **more: Any) -> None:  # noqa: ANN401 - see RateController
        super().__init__(ceiling, **more)
        self._highest = self.rate
        self._is_restored = False
        self._is_reporting = False
        """Whether one report, such as that of a 503, has become another: a failure."""
        restore = self.limiter.restore

        def watched_restore(rate: float) -> None:
            self._is_restored = True
            restore(rate)

        self.limiter.restore = watched_restore  # type: ignore[method-assign]

    def answered(
        self, permit: Permit, now: float, company_id: str | None = None, *, is_good: bool = True
    ) -> None:
        """Only this one may raise the rate, and only if the answer is good."""
        if is_good:
            super().answered(permit, now, company_id)
            self._highest = max(self._highest, self.rate)
        else:
            answered = super().answered
            self._without_rise(partial(answered, permit, now, company_id, is_good=False))

    def refused(self, *arguments: Any, **more: Any) -> Blame:  # noqa: ANN401 - passed on
        """Must not."""
        return self._without_rise(partial(super().refused, *arguments, **more))

    def unavailable(self, *arguments: Any, **more: Any) -> Blame:  # noqa: ANN401 - passed on
        """Must not."""
        return self._without_rise(partial(super().unavailable, *arguments, **more))

    def failed(self, *arguments: Any, **more: Any) -> Blame:  # noqa: ANN401 - passed on
        """Must not."""
        return self._without_rise(partial(super().failed, *arguments, **more))

    def _without_rise(self, report: Callable[[], _T]) -> _T:
        before = self.rate
        if is_outermost := not self._is_reporting:
            self._is_reporting, self._is_restored = True, False
        result = report()
        self._is_reporting = not is_outermost
        # A cut that was made for something else may be taken back.
        most = self._highest if self._is_restored else before
        assert self.rate <= most, f"the rate rose from {before} to {self.rate}"
        return result


def _collect(
    phases: list[tuple[Dialect, float]], ceiling: float, seed: int, *, recovers: bool
) -> Collection:
    """Let a server go from one dialect to the next; at last to a healthy one if it recovers."""
    defaults = {name: getattr(SimulatorSettings(), name) for name in _NAMES}
    changes, at = [], 0.0
    for dialect, seconds in (*phases, *([({}, 0.0)] if recovers else [])):
        changes.append((at, dialect if "revoke" in dialect else {**defaults, **dialect}))
        at += seconds
    scenario = Scenario(
        name="any server",
        settings=SimulatorSettings(latency=0.05),
        figures=(),
        seconds=_LONG,
        ceiling=ceiling,
        concurrency=8,
        timeout=10.0,
        cells=_CELLS,
        changes=tuple(changes),
    )
    return collect_virtually(scenario, seed, companies=_COMPANIES, control=_Watched)


_NAMES: Final = (
    *("rate_limit", "burst", "limit_status", "retry_after", "rate_headers", "envelope_errors"),
    *("ban", "limit_page", "concurrency_limit", "token_delay", "token_life", "expires_in"),
    *("issuer_down", "bom", "token_status", "empty_actions", "down", "redirect_to", "deny"),
    *("deny_status", "share_401", "share_500", "share_resets", "share_hangs", "share_truncated"),
    *("share_not_json", "not_ready", "token_type"),
)

_SECONDS: Final = st.sampled_from([0.3, 1.0, 5.0, 20.0, 90.0])
_CEILINGS: Final = st.sampled_from([5.0, 50.0, inf])
_SEEDS: Final = st.integers(1, 1000)


def _assert_held(done: Collection) -> None:
    """Check what holds for every server."""
    settled = done.answered + done.failed
    assert all(count <= _CELLS // _COMPANIES for count in settled.values())
    if done.error is None:
        assert settled.total() == _CELLS, "a cell is lost, or the collection has no end"
    else:
        assert isinstance(done.error, CredentialsError | OutageError | ImplausibleError)
        assert str(done.error)
    # Every 503 of this server is for the rate, or for all.
    assert not done.events["status_503_is_no_refusal"]
    # The life of a token counts from its arrival, and ends a whole second earlier.
    gaps = [after - before for before, after in zip(done.issued, done.issued[1:], strict=False)]
    assert all(gap >= 3.9 for gap in gaps), gaps


@example(
    phases=[({"rate_limit": 5.0, "limit_status": 503, "burst": 1, "ban": 20.0}, 0.3)],
    ceiling=50.0,
    seed=1,
    recovers=False,
)
@given(
    phases=st.lists(st.tuples(st.one_of(_THAT_PASS, _THAT_COST), _SECONDS), min_size=1, max_size=4),
    ceiling=_CEILINGS,
    seed=_SEEDS,
    recovers=st.booleans(),
)
def test_nothing_is_lost_silently(
    phases: list[tuple[Dialect, float]], ceiling: float, seed: int, *, recovers: bool
) -> None:
    """Each cell is answered or has failed, or the collection ends with an error that says why.

    No failure raises the rate, and the number of tokens is bounded by time.
    """
    _assert_held(_collect(phases, ceiling, seed, recovers=recovers))


@pytest.mark.parametrize(
    ("status", "limit", "burst", "ban"),
    [
        (429, 5.0, 1, 0.0),
        (429, 5.0, 1, 20.0),
        (429, 20.0, 20, 0.0),
        (503, 5.0, 1, 20.0),
        (503, 5.0, 5, 5.0),
        (503, 20.0, 20, 0.0),
    ],
)
def test_a_limit_for_all_is_not_mistaken(status: int, limit: float, burst: int, ban: float) -> None:
    """Neither for the limit of one company nor for an error: both would restore the rate."""
    limits = {"limit_status": status, "rate_limit": limit, "burst": burst, "ban": ban}
    done = _collect([(limits, 1.0)], 50.0, 1, recovers=False)
    _assert_held(done)
    assert done.answered.total() == _CELLS
    assert done.events.keys() <= {"blocked", "reopened"}


@pytest.mark.slow
@given(
    phases=st.lists(st.tuples(_THAT_PASS, _SECONDS), min_size=1, max_size=4),
    ceiling=_CEILINGS,
    seed=_SEEDS,
)
def test_what_passes_costs_no_cell(
    phases: list[tuple[Dialect, float]], ceiling: float, seed: int
) -> None:
    """Limits with a hint, bans that say so, late and short tokens: everything is answered."""
    # Without an answer from the start patience ends after a minute.
    done = _collect([({}, 2.0), *phases], ceiling, seed, recovers=True)
    _assert_held(done)
    assert done.error is None
    assert not done.failed, done.reasons
