"""The scenarios of the table in docs/rate-control.md, and their bounds."""

from dataclasses import replace
from math import ceil
from typing import Any, Final

from benchmarks.rate.scenario import Figure, Scenario
from benchmarks.rate.seen import Seen
from collector.simulator.settings import SimulatorSettings

__all__ = ["HALVED_AND_DOUBLED", "SCENARIOS"]

_STEADY: Final = 30.0
"""Seconds after which a run is in its steady state."""

_HALVED, _DOUBLED = 80.0, 150.0
_QUOTA_SECONDS: Final = 60.0


def _api(**settings: Any) -> SimulatorSettings:  # noqa: ANN401 - see SimulatorSettings
    return SimulatorSettings(port=0, latency=0.05, jitter=0.02, **settings)


def _least(share: float, label: str = "used") -> Figure:
    def used(seen: Seen, _: Seen | None) -> float:
        return seen.used(50, _STEADY, min(seen.seconds, 210.0))

    return Figure(label, used, f"at least {share:.0%}", lambda value: value >= share)


def _most_refused(share: float) -> Figure:
    def refused(seen: Seen, _: Seen | None) -> float:
        return seen.refused_share(_STEADY, min(seen.seconds, 210.0))

    return Figure(
        "rate-limited", refused, f"less than {share:.1%}", lambda value: value < share, form=".2%"
    )


_NOTHING_LOST: Final = Figure(
    "cells lost", lambda seen, _: seen.failed_cells, "0", lambda value: value == 0, form=".0f"
)


def _whole_quotas(seen: Seen) -> tuple[float, float]:
    """Return when the first whole quota in the steady state starts, and when the last one ends."""
    first = -seen.window_offset % _QUOTA_SECONDS
    first += _QUOTA_SECONDS * ceil(max(0.0, _STEADY - first) / _QUOTA_SECONDS)
    return first, first + _QUOTA_SECONDS * ((seen.seconds - first) // _QUOTA_SECONDS)


def _back(label: str, moment: float, until: float, limit: float) -> Figure:
    return Figure(
        label,
        lambda seen, _: seen.back_after(moment, min(until, seen.seconds), 0.9 * limit),
        "within 60 s",
        lambda value: value <= 60,  # noqa: PLR2004 - as its text says
        form=".1f",
    )


def _outage(minutes: int, *, is_real: bool) -> Scenario:
    begin, end = 60.0, 60.0 + 60.0 * minutes
    return Scenario(
        name=f"{minutes} minutes of outage (502)",
        settings=_api(rate_limit=50, burst=20),
        seconds=end + 90.0,
        changes=((begin, {"down": True}), (end, {"down": False})),
        is_real=is_real,
        figures=(
            Figure(
                "requests into it",
                lambda seen, _: seen.sent_between(begin, end),
                "at most 200",
                lambda value: value <= 200,  # noqa: PLR2004 - as its text says
                form=".0f",
            ),
            _back("s until 90 % of the limit", end, end + 90.0, 50),
            _NOTHING_LOST,
        ),
    )


def _bucket(burst: int, status: int) -> Scenario:
    header = " without a header" if status == 503 else ""  # noqa: PLR2004 - Service Unavailable
    return Scenario(
        name=f"bucket of 50 per second, burst {burst}, {status}{header}",
        settings=_api(rate_limit=50, burst=burst, limit_status=status),
        figures=(_least(0.97), _most_refused(0.005), _NOTHING_LOST),
    )


def _in_other_words(words: str, **settings: Any) -> Scenario:  # noqa: ANN401 - see SimulatorSettings
    return Scenario(
        name=f"bucket of 50 per second, burst 20, {words}",
        settings=_api(rate_limit=50, burst=20, **settings),
        is_real=False,
        figures=(_least(0.95), _most_refused(0.005), _NOTHING_LOST),
    )


_BAN: Final = Scenario(
    name="--rate 100, above 50 per second a ban of 20 s (403, no hint)",
    settings=_api(rate_limit=50, burst=20, limit_status=403, ban=20),
    ceiling=100,
    has_client=True,
    is_real=False,
    figures=(
        Figure(
            "most requests into one",
            lambda seen, _: max(seen.refused_between(at, at + 20.0) for at in seen.refused),
            "at most 80: 64 in flight, 16 more",
            lambda value: value <= 80,  # noqa: PLR2004 - as its text says
            form=".0f",
        ),
        _NOTHING_LOST,
    ),
)

HALVED_AND_DOUBLED: Final = Scenario(
    name="bucket of 50, halved after 80 s, doubled after 150 s",
    settings=_api(rate_limit=50, burst=20),
    seconds=250.0,
    changes=((_HALVED, {"rate_limit": 25.0}), (_DOUBLED, {"rate_limit": 50.0})),
    figures=(
        _back("s until 90 % of the half", _HALVED, _DOUBLED, 25),
        _back("s until 90 % of the whole", _DOUBLED, 250.0, 50),
        _NOTHING_LOST,
    ),
)

_FAULTS: Final = {
    "share_500": 0.10,
    "share_resets": 0.05,
    "share_not_json": 0.03,
    "share_hangs": 0.02,
}

_CLEAN: Final = Scenario(
    name="20,000 cells at --rate 100 without faults",
    settings=_api(),
    seconds=1e9,
    ceiling=100,
    timeout=5.0,
    cells=20_000,
    figures=(_NOTHING_LOST,),
)


def _pace(seen: Seen) -> float:
    """Return the attempts per second; retries count too."""
    return len(seen.sent) / seen.seconds


SCENARIOS: Final = (
    Scenario(
        name="quota of 3,000 per minute",
        settings=_api(rate_limit=50, limit_kind="window", limit_window=_QUOTA_SECONDS),
        seconds=400.0,
        figures=(
            Figure(
                "used, of whole quotas",
                lambda seen, _: seen.used(50, *_whole_quotas(seen)),
                "at least 88%",
                lambda value: value >= 0.88,  # noqa: PLR2004 - as its text says
            ),
            Figure(
                "rate-limited",
                lambda seen, _: seen.refused_share(*_whole_quotas(seen)),
                "less than 0.2%",
                lambda value: value < 0.002,  # noqa: PLR2004 - as its text says
                form=".2%",
            ),
            _NOTHING_LOST,
        ),
    ),
    _bucket(20, 429),
    _bucket(5, 429),
    _bucket(20, 503),
    _bucket(5, 503),
    Scenario(
        name="window of 50 each second",
        settings=_api(rate_limit=50, limit_kind="window"),
        figures=(_least(0.95), _most_refused(0.005), _NOTHING_LOST),
    ),
    _in_other_words("403 with Retry-After", limit_status=403, retry_after=True),
    _in_other_words("403 with a rate header", limit_status=403, rate_headers=True),
    _in_other_words('403 with "error code: 1015"', limit_status=403, limit_page=True),
    _in_other_words("code 429 in a 200", envelope_errors=True),
    Scenario(
        name="4 requests at once, 429",
        settings=_api(concurrency_limit=4),
        is_real=False,
        figures=(_least(1.0, "used, of 50 per second"), _most_refused(0.005), _NOTHING_LOST),
    ),
    _BAN,
    HALVED_AND_DOUBLED,
    Scenario(
        name="a server that queues, 50 per second",
        settings=_api(rate_limit=50, limit_kind="queue", burst=100_000),
        concurrency=512,
        figures=(
            _least(0.95),
            Figure(
                "s latency in the last minute, median",
                lambda seen, _: seen.typical_latency(seen.seconds - 60, seen.seconds),
                "not growing: below 0.5",
                lambda value: value < 0.5,  # noqa: PLR2004 - as its text says
                form=".2f",
            ),
            _NOTHING_LOST,
        ),
    ),
    Scenario(
        name="--rate 50, faults as below, killed and started again twice",
        settings=_api(**_FAULTS),
        seconds=190.0,
        ceiling=50,
        timeout=5.0,
        kills=(40.0, 80.0),
        figures=(
            Figure(
                "most in 100 ms",
                lambda seen, _: seen.busiest(),
                "at most 8",
                lambda value: value <= 8,  # noqa: PLR2004 - as its text says
                form=".0f",
            ),
            Figure(
                "most in 1 s",
                lambda seen, _: seen.busiest(1.0),
                "52 (50, and 2 that leave together)",
                lambda value: value <= 52,  # noqa: PLR2004 - as its text says
                form=".0f",
            ),
        ),
    ),
    _outage(3, is_real=True),
    _outage(30, is_real=False),
    _CLEAN,
    replace(
        _CLEAN,
        name="the same with 10 % 500, 5 % resets, 3 % HTML, 2 % hangs",
        settings=_api(**_FAULTS),
        beside=_CLEAN,
        figures=(
            Figure(
                "attempts per second beside those without faults",
                lambda seen, clean: _pace(seen) / _pace(clean or seen),
                "at least 90%",
                lambda value: value >= 0.9,  # noqa: PLR2004 - as its text says
            ),
            Figure(
                "cells that failed five times",
                lambda seen, _: seen.failed_cells,
                "about 6: 20,000 x 0.2^5",
                lambda value: value < 25,  # noqa: PLR2004 - four times what chance makes
                form=".0f",
            ),
        ),
    ),
    Scenario(
        name="64 in flight, all tokens revoked",
        settings=_api(),
        seconds=30.0,
        ceiling=1000,
        cells=10_000,
        changes=((3.0, {"revoke": True}),),
        is_virtual=False,
        figures=(
            Figure(
                "token requests after the first",
                lambda seen, _: seen.tokens - 1,
                "exactly 1",
                lambda value: value == 1,
                form=".0f",
            ),
            _NOTHING_LOST,
        ),
    ),
)
