"""The gaps of the table of nights are the days that `--since-last` requests: one truth for both."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.nights import read_nights
from collector.store.recorded_run import find_run
from collector.store.since_last import begin_since_last
from tests.store.made_runs import AT, FIRST, line, make_run

_DAILY = WindowSize("days", 1)
_ZONES = ("UTC", "Asia/Tokyo", "America/Santiago")

Cell = tuple[str, int]


class _Night(NamedTuple):
    """What happens on a day, `after` so many days without a run.

    With `by_hand` a run of the same day follows in the evening: its day may be over by then, or
    not. Each `lost` cell, by its place, gets no answer. What is resumed gets it on the next day.
    """

    after: int
    added: int
    lost: frozenset[int]
    is_resumed: bool
    by_hand: bool


_nights = st.lists(
    st.builds(
        _Night,
        after=st.integers(1, 3),
        added=st.integers(0, 1),
        lost=st.frozensets(st.integers(0, 20), max_size=8),
        is_resumed=st.booleans(),
        by_hand=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


class _Machine:
    """A machine with runs in a directory, and a simple model of what they have answered."""

    def __init__(self, root: Path, zone: str) -> None:
        self.runs: list[Path] = []
        self.planned: set[Cell] = set()
        self.answered: set[Cell] = set()
        self._root = root
        self._settings = RunSettings(since_last=True, window=_DAILY, timezone=zone)
        self._zone = ZoneInfo(zone)

    def since_last(self, companies: int, until: int) -> list[Cell]:
        """Return the cells that `--since-last` would request, until a day of November."""
        days = DateRange(FIRST, FIRST + timedelta(until - 1))
        listed = Companies(tuple(f"c{number}" for number in range(companies)))
        plan = Plan(listed, cut_windows(days, _DAILY))
        begun, remarks = begin_since_last(plan, self._settings, self._root / "next")
        assert not remarks
        return [
            (cell.company_id, ((cell.window.from_date or FIRST) - FIRST).days + 1) for cell in begun
        ]

    def run(self, cells: list[Cell], at: datetime, night: _Night) -> None:
        """Collect cells, but for those that are lost; a part of these may be collected later."""
        lost = [cell for place, cell in enumerate(cells) if place in night.lost]
        lines = [self._answer(cell, at) for cell in cells if cell not in lost]
        if night.is_resumed:
            lines += [self._answer(cell, at + timedelta(1)) for cell in lost]
        companies = tuple(dict.fromkeys(company for company, _ in cells))
        firsts = [min(day for company, day in cells if company == each) for each in companies]
        ends = min(firsts), max(day for _, day in cells)
        path = make_run(
            self._root / str(len(self.runs)),
            lines,
            companies=companies,
            days=ends,
            settings=self._settings,
            firsts=[first - ends[0] for first in firsts] if len(set(firsts)) > 1 else (),
        )
        manifest = json.loads((path / "run.json").read_text())
        manifest["attempts"][0]["started_at"] = f"{at:%Y-%m-%dT%H:%M:%S.000Z}"
        (path / "run.json").write_text(json.dumps(manifest))
        self.runs.append(path)
        self.planned.update(cells)

    def _answer(self, cell: Cell, at: datetime) -> bytes:
        company, day = cell
        if at.astimezone(self._zone).date() > FIRST + timedelta(day - 1):
            self.answered.add(cell)
        return line(company, day, (at - AT).total_seconds())

    def gaps(self, now: datetime) -> tuple[set[Cell], int]:
        """Return the gaps of the table of nights, and the last day that it looks at."""
        nights = read_nights([find_run(run) for run in self.runs], now)
        assert nights.days is not None
        found = {
            (gap.company_id, (gap.days.from_date - FIRST).days + 1 + number)
            for gap in nights.gaps()
            for number in range(gap.days.days)
        }
        assert len(found) == nights.gap_days()
        return found, (nights.days.until_date - FIRST).days + 1


@settings(deadline=None, max_examples=25)
@given(_nights, st.sampled_from(_ZONES), st.integers(0, 1))
def test_a_gap_is_a_day_that_since_last_requests(
    tmp_path_factory: object, nights: list[_Night], zone: str, later: int
) -> None:
    """Each company from its first gap on, and else the last day, which it requests in any case."""
    machine = _Machine(tmp_path_factory.mktemp("nights"), zone)  # type: ignore[attr-defined]
    today, companies = 1, 2
    for night in nights:
        today += night.after
        companies += night.added
        noon = datetime(2026, 11, today, 12, tzinfo=UTC)
        machine.run(machine.since_last(companies, today - 1), noon, night)
        if night.by_hand:
            cells = [(f"c{number}", today) for number in range(companies)]
            machine.run(cells, noon + timedelta(hours=8), night)
    gaps, last = machine.gaps(datetime(2026, 11, today + later, 23, tzinfo=UTC))
    firsts = {c: min(day for one, day in machine.planned if one == c) for c, _ in machine.planned}
    assert gaps == {
        (company, day)
        for company, first in firsts.items()
        for day in range(first, last + 1)
        if (company, day) not in machine.answered
    }
    assert machine.since_last(companies, last) == [
        (company, day)
        for company in sorted(firsts)
        for day in range(min((d for c, d in gaps if c == company), default=last), last + 1)
    ]
