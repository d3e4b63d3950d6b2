from datetime import UTC, datetime

from collector.core.cell import SERVER_DEFAULT, Cell
from collector.core.confirmation import CONFIRMED, Confirmation
from collector.core.outcome import Failure, FailureKind
from collector.run.held import HeldOutcomes
from collector.run.queue import WorkItem


def _answer_on(confirmation: Confirmation) -> Failure:
    at = datetime.now(UTC)
    return Failure(FailureKind.HTTP, 404, "no", None, at, 1, confirmation=confirmation)


class _Bench:
    """Held outcomes, and what they call."""

    def __init__(self) -> None:
        self.calls = 0
        self.refuted = list[str]()
        self.held = HeldOutcomes(self._call, lambda item: self.refuted.append(item.cell.company_id))

    def _call(self) -> None:
        self.calls += 1

    def hold(self, company_id: str, confirmation: Confirmation) -> None:
        """Hold an outcome."""
        self.held.hold(WorkItem(Cell(company_id, SERVER_DEFAULT)), _answer_on(confirmation))

    def confirmed(self) -> list[str]:
        """Take every confirmed outcome."""
        return [item.cell.company_id for item, _ in self.held.take_confirmed()]


def test_a_confirmed_outcome_is_ready_at_once() -> None:
    """Such as one that depends on no connection."""
    bench = _Bench()
    bench.hold("1", CONFIRMED)
    assert bench.held.count == 0
    assert bench.confirmed() == ["1"]


def test_outcomes_wait_for_their_own_connection() -> None:
    """And come in the order in which they were held."""
    bench = _Bench()
    first, second = Confirmation(), Confirmation()
    for number in range(4):
        bench.hold(str(number), (first, second)[number % 2])
    assert bench.held.count == 4
    assert bench.confirmed() == []
    second.resolve(is_confirmed=True)
    assert bench.calls == 1
    assert bench.confirmed() == ["1", "3"]
    first.resolve(is_confirmed=False)
    first.resolve(is_confirmed=True)
    assert bench.refuted == ["0", "2"]
    assert bench.confirmed() == []
    assert bench.held.count == 0


def test_one_cell_of_each_idle_connection_is_requested_again() -> None:
    """Its new request is the last one on a connection, which confirms the others."""
    bench = _Bench()
    idle, busy = Confirmation(), Confirmation()
    for company_id in ("1", "2"):
        bench.hold(company_id, idle)
        bench.hold(f"busy {company_id}", busy)
    assert bench.held.withdraw() is None
    idle.is_idle = True
    item = bench.held.withdraw()
    assert item is not None
    assert (item.cell.company_id, item.confirms) == ("2", idle)
    assert bench.held.withdraw() is None
    assert bench.held.count == 3
    idle.resolve(is_confirmed=True)
    assert bench.confirmed() == ["1"]


def test_a_connection_is_asked_again_if_the_request_left_on_another() -> None:
    """Two are idle, and one worker is free: nothing else would confirm the second one."""
    bench = _Bench()
    first, second = Confirmation(), Confirmation()
    for company_id in ("1", "2"):
        bench.hold(f"first {company_id}", first)
        bench.hold(f"second {company_id}", second)
    first.is_idle = second.is_idle = True
    item = bench.held.withdraw()
    assert item is not None
    assert item.confirms is first
    # Its request is sent on the second connection.
    second.resolve(is_confirmed=True)
    bench.held.hold(item, _answer_on(second))
    assert len(bench.confirmed()) == 3
    again = bench.held.withdraw()
    assert again is not None
    assert (again.cell.company_id, again.confirms) == ("first 1", first)
