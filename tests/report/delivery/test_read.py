from pathlib import Path

from collector.report.delivery.model import CountMovement, Delivery, OtherActions, wilson
from tests.report.reading import read
from tests.store.made_runs import day, line, make_run


def test_few_fails_of_few_come_behind_many_of_many(tmp_path: Path) -> None:
    """1 of 1 says less than 60 of 100; 100 of 10,000 says least."""
    lines = [
        line("1", 1, total=1, fails=1),
        line("2", 1, total=100, fails=60),
        line("é", 1, total=10_000, fails=100),
    ]
    failing = read(make_run(tmp_path / "r", lines)).failing
    assert [(share.company.id, share.total, share.fails) for share in failing] == [
        ("2", 100, 60),
        ("1", 1, 1),
        ("é", 10_000, 100),
    ]


def test_more_fails_than_notifications_are_counted_as_they_are(tmp_path: Path) -> None:
    """9 of 5 fail for certain, as 5 of 5 do; of none at all there is no share."""
    lines = [
        line("1", 1, total=5, fails=9),
        line("2", 1, total=900, fails=890),
        line("é", 1, total=0, fails=7),
    ]
    failing = read(make_run(tmp_path / "r", lines)).failing
    found = [(share.company.id, share.total, share.fails) for share in failing]
    assert found == [("2", 900, 890), ("1", 5, 9)]
    assert failing[1].interval == wilson(5, 5)


def test_large_counts_are_exact(tmp_path: Path) -> None:
    """Sums, differences and what does not add up: they may be larger than any column holds."""
    huge = 2**63 - 1
    lines = [
        line("1", n, total=huge, sended=huge - n, pending=1, actions={"RECEIVED": huge})
        for n in (1, 2)
    ]
    old = make_run(tmp_path / "old", lines)
    new = make_run(tmp_path / "new", [line("1", 1, 60, total=huge, sended=huge, pending=1)])
    report = read(old)
    assert (report.delivery.total, report.delivery.received) == (2 * huge, 2 * huge)
    assert report.delivery.sended == 2 * huge - 3
    assert report.quality.unbalanced == 1
    (example,) = report.quality.unbalanced_examples
    assert example[3:] == (huge, huge - 1)
    restated = read(old, new).restated
    assert restated is not None
    assert restated.movements == (
        CountMovement("sended", is_action=False, rose=1, fell=0),
        CountMovement("RECEIVED", is_action=True, rose=0, fell=huge),
    )


def test_what_has_no_room_in_a_counter_is_left_out_of_all_sums(tmp_path: Path) -> None:
    """Its other counts would be shares of a total that lacks it: 15 of 10 here."""
    lines = [
        line("1", 1, total=10, sended=9, fails=1),
        line("2", 1, total=2**70, sended=6, fails=14, actions={"RECEIVED": 30}),
        line("é", 1, total=5, sended=2**70, fails=5),
    ]
    report = read(make_run(tmp_path / "r", lines))
    sums = Delivery(total=10, sended=9, fails=1, actions={"RECEIVED": 0})
    assert report.delivery == report.over_time[0].delivery == sums
    assert [(one.company.id, one.total, one.fails) for one in report.failing] == [("1", 10, 1)]
    assert report.over_time[0].answers == 3


def test_what_moved_most_is_named(tmp_path: Path) -> None:
    """The 20 cells that moved most; of 70 windows the newest 60, and the highest of all."""
    companies = [str(number) for number in range(3)]
    cells = [(company, number) for company in companies for number in range(1, 71)]
    old = make_run(
        tmp_path / "old",
        [line(company, number, total=1000) for company, number in cells],
        companies=companies,
        days=(1, 70),
    )
    moved = [("0", 2), ("1", 2), ("2", 2), *(("1", number) for number in range(41, 71))]
    new = make_run(
        tmp_path / "new",
        [line(c, n, 60, total=1000 - n if c == "1" else 1001 + n) for c, n in moved],
        companies=companies,
        days=(1, 70),
    )
    restated = read(old, new).restated
    assert restated is not None
    assert (restated.cells, restated.restated) == (33, 33)
    assert (len(restated.windows), restated.all_windows) == (31, 31)
    assert restated.highest == restated.windows[0]
    assert len(restated.examples) == 20
    first = restated.examples[0]
    assert (first.company.id, first.from_date) == ("1", day(70).from_date)
    assert first.movements == (CountMovement("total", is_action=False, rose=0, fell=70),)
    again = [line(company, number, 60, total=1000) for company, number in cells]
    again[1] = line("0", 2, 60, total=1)
    third = make_run(tmp_path / "third", again, companies=companies, days=(1, 70))
    restated = read(old, third).restated
    assert restated is not None
    assert restated.all_windows == 70
    shown = [window.from_date for window in restated.windows]
    assert shown == [day(number).from_date for number in range(11, 71)]
    assert restated.highest is not None
    assert restated.highest.from_date == day(2).from_date


def test_the_servers_default_window_has_no_days(tmp_path: Path) -> None:
    """One column without dates; and what differs between two nights is not called restated."""
    first = make_run(tmp_path / "1", [line("1", None, total=1)], companies=("1",), days=None)
    then = make_run(tmp_path / "2", [line("1", None, 9, total=2)], companies=("1",), days=None)
    report = read(first, then)
    assert [(span.from_date, span.until_date) for span in report.coverage.spans] == [(None, None)]
    assert report.delivery.total == 2
    assert report.restated is not None
    assert (report.restated.cells, report.restated.highest) == (0, None)
    assert not report.overlap


def test_actions_without_end_are_added_up(tmp_path: Path) -> None:
    """The most frequent are told apart, and no change of any other is left out."""
    many = {f"name {number:05}": number for number in range(60_000)}
    lines = [
        line("1", 1, actions=many),
        line("2", 1, actions={"RECEIVED": 5, "name 59999": 1}),
        line("2", 2, actions={"name 50000": 1}),
        *(line("é", number) for number in (1, 2)),
    ]
    old = make_run(tmp_path / "a", lines)
    new = make_run(tmp_path / "b", [line("1", 1, 9, actions={**many, "name 40000": 0})])
    report = read(old, new)
    delivery = report.delivery
    assert len(delivery.actions) == 200
    assert (delivery.received, delivery.actions["name 59999"]) == (5, 60_000)
    known = sum(delivery.actions.values())
    total = sum(many.values()) - 40_000 + 5 + 1 + 1
    assert delivery.others == OtherActions(59_801, total - known)
    assert report.restated is not None
    assert (report.restated.restated, report.restated.movements) == (1, ())
    assert report.quality.empty_everywhere == 1
    (remark,) = report.quality.remarks
    assert remark.startswith("the answers have 60,001 different actions, more than 200: ")
    assert remark.endswith("; 59,801 others are together as one sum")
    assert not report.quality.is_incomplete
