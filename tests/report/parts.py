"""Pieces of sample reports: companies, runs, minutes of a run, sums."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

from collector.report.delivery.model import Delivery, SpanDelivery
from collector.report.model import Company, Tile
from collector.report.runs.model import Interval, RunFacts

MADE = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)


def company(number: int) -> Company:
    """Return a company with a plausible name; every seventh has none."""
    kinds = ("Banco", "Tienda", "Clínica", "Transportes", "Seguros", "Editorial", "Café")
    places = ("Andes", "Pacífico", "Río Claro", "San José", "Ñuñoa", "Altiplano")
    name = f"{kinds[number % len(kinds)]} {places[number % len(places)]}"
    return Company(str(1000 + number), None if number % 7 == 0 else name)


def facts(directory: str, started_at: datetime = MADE, exit_code: int = 0) -> RunFacts:
    """Return what a manifest says of a run of a year of days."""
    return RunFacts(
        directory=directory,
        from_date=date(2025, 1, 1),
        until_date=date(2025, 12, 31),
        companies=2000,
        windows=365,
        attempts=2,
        started_at=started_at,
        ended_at=started_at + timedelta(hours=20, minutes=3),
        exit_code=exit_code,
        shards=None,
        is_running=False,
        cells=Tile(730_000 - 80_000 - 9 * exit_code, 80_000, 9 * exit_code, 0),
        is_counted=True,
        requests=731_204,
        refused=212,
        retried=992,
        requests_per_second=10.1,
        limit_found=12.0,
        latency_p50=0.084,
        latency_p99=1.27,
        verdict="honoured",
        until="included",
        remarks=(),
    )


def intervals(random: Random, start: datetime, count: int) -> Iterator[Interval]:
    """Yield minutes of a run, with a wave of refusals and half an hour without any request."""
    at = start
    for number in range(count):
        at += timedelta(seconds=60)
        if number == count // 2 and count > 10:
            at += timedelta(minutes=30)
        wave = max(0.0, math.sin(number / 9)) ** 6
        yield Interval(
            ended_at=at,
            seconds=60.0,
            sent=10 - 4 * wave + random.uniform(-0.3, 0.3),
            refused=1.5 * wave if wave > 0.5 else 0.0,
            retried=1.2 * wave if wave > 0.5 else 0.0,
            allowed=10.0 - 4 * wave,
            latency_p50=None if number == 7 else 0.08 + 0.1 * wave,
            latency_p90=None if number == 7 else 0.2 + 0.3 * wave,
            latency_p99=None if number == 7 else 0.4 + random.random() + wave,
        )


def total(tiles: Sequence[Tile]) -> Tile:
    """Return the sum of tiles."""
    return Tile(
        sum(tile.data for tile in tiles),
        sum(tile.empty for tile in tiles),
        sum(tile.failed for tile in tiles),
        sum(tile.missing for tile in tiles),
    )


def added(sums: Sequence[SpanDelivery]) -> Delivery:
    """Return the sum of spans."""
    actions: dict[str, int] = {}
    for one in sums:
        for name, count in one.delivery.actions.items():
            actions[name] = actions.get(name, 0) + count
    return Delivery(
        total=sum(one.delivery.total for one in sums),
        sended=sum(one.delivery.sended for one in sums),
        pending=sum(one.delivery.pending for one in sums),
        fails=sum(one.delivery.fails for one in sums),
        actions=actions,
    )
