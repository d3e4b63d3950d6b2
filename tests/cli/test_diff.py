"""`collector diff`: what it says of two runs, to people and to programs."""

import os
from pathlib import Path
from typing import Any

import pytest

from collector.settings import RunSettings
from tests.cli.said import Cli, in_this_process
from tests.store.made_runs import line, make_run


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give `collector diff` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("diff", capsys)


_NAMES = {"1": "Andes <script>", "x'y": 'El "Sur"'}


def _usual() -> None:
    """Two nights: a cell of each kind."""
    companies = ("1", "2", "x'y")
    old = [
        *(line("1", day, total=5) for day in (1, 2)),
        line("1", 3, pending=12, sended=1000, actions={"RECEIVED": 50, "GONE": 2}),
        *(line("x'y", day) for day in (1, 2, 3)),
    ]
    new = [
        line("1", 2, 60, total=5),
        line("1", 3, 60, pending=3, sended=2009, actions={"RECEIVED": 57, "HERE": 1}),
        *(line("1", 4, 60, total=1), line("x'y", 3, 60, fails=10**30)),
    ]
    make_run(Path("old"), old, companies=companies, names=_NAMES, days=(1, 3))
    make_run(Path("new"), new, companies=companies, names=_NAMES, days=(2, 4))


def test_it_says_what_was_restated_and_by_how_much(cli: Cli) -> None:
    """Counts first, then sums, then how old the windows are, then the cells themselves."""
    _usual()
    before = {path: path.read_bytes() for path in Path().rglob("*.*")}
    said = cli("old", "new")
    assert (said.exit_code, said.stderr) == (0, "")
    huge = "1" + ",000" * 10
    changes = (
        "sended 1,000 -> 2,009 (+1,009), pending 12 -> 3 (-9), actions GONE 2 -> - (-2), "
        "actions HERE - -> 1 (+1), actions RECEIVED 50 -> 57 (+7)"
    )
    assert said.stdout.splitlines() == [
        "old run    old, 3 companies, 2026-11-01..2026-11-03",
        "new run    new, 3 companies, 2026-11-02..2026-11-04",
        "cells      3 in both: 1 unchanged, 2 restated; 1 new, 3 gone",
        "gone       2 not planned in the new run, 1 planned but not answered",
        "changes    sended            +1,009 -0",
        "           pending           +0 -9",
        f"           fails             +{huge} -0",
        "           actions GONE      +0 -2",
        "           actions HERE      +1 -0",
        "           actions RECEIVED  +7 -0",
        "windows    2026-11-03  2 of 2 cells restated, 1 day before the last",
        f"restated   1 (Andes <script>)  2026-11-03  {changes}",
        f"""           x'y (El "Sur")  2026-11-03  fails 0 -> {huge} (+{huge})""",
        "new cells  1 (Andes <script>)  2026-11-04",
        """gone cells x'y (El "Sur")  2026-11-02  planned, not answered""",
        "           1 (Andes <script>)  2026-11-01  not planned",
        """           x'y (El "Sur")  2026-11-01  not planned""",
    ]
    assert {path: path.read_bytes() for path in Path().rglob("*.*")} == before


def test_a_program_gets_one_document_with_every_cell(cli: Cli) -> None:
    """The figures of the text, and all cells but the unchanged ones."""
    _usual()
    said = cli("old", "new", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    day = {"from_date": "2026-11-03", "until_date": "2026-11-03"}
    moments = {
        "old_fetched_at": "2026-11-23T02:00:01.000Z",
        "new_fetched_at": "2026-11-23T02:01:01.000Z",
    }
    none = {"rose": 0, "fell": 0}
    assert said.document == {
        "old_run": "old",
        "new_run": "new",
        "cells": {
            "both": 3,
            "unchanged": 1,
            "restated": 2,
            "new": 1,
            "gone": 3,
            "gone_planned": 1,
        },
        "changes": {
            "total": none,
            "sended": {"rose": 1009, "fell": 0},
            "pending": {"rose": 0, "fell": 9},
            "fails": {"rose": 10**30, "fell": 0},
            "campaign": none,
            "actions": {
                "GONE": {"rose": 0, "fell": 2},
                "HERE": {"rose": 1, "fell": 0},
                "RECEIVED": {"rose": 7, "fell": 0},
            },
        },
        "windows": [
            {"from_date": "2026-11-02", "until_date": "2026-11-02", "cells": 1, "restated": 0},
            {**day, "cells": 2, "restated": 2},
        ],
        "restated": [
            {
                "company_id": "1",
                "company_name": "Andes <script>",
                **day,
                **moments,
                "changes": {
                    "sended": {"old": 1000, "new": 2009, "difference": 1009},
                    "pending": {"old": 12, "new": 3, "difference": -9},
                    "actions": {
                        "GONE": {"old": 2, "new": None, "difference": -2},
                        "HERE": {"old": None, "new": 1, "difference": 1},
                        "RECEIVED": {"old": 50, "new": 57, "difference": 7},
                    },
                },
            },
            {
                "company_id": "x'y",
                "company_name": 'El "Sur"',
                **day,
                **moments,
                "changes": {
                    "fails": {"old": 0, "new": 10**30, "difference": 10**30},
                    "actions": {},
                },
            },
        ],
        "new": [
            {
                "company_id": "1",
                "company_name": "Andes <script>",
                "from_date": "2026-11-04",
                "until_date": "2026-11-04",
                "new_fetched_at": moments["new_fetched_at"],
            }
        ],
        "gone": [
            _gone("1", "2026-11-01", planned=False),
            _gone("x'y", "2026-11-01", planned=False),
            _gone("x'y", "2026-11-02", planned=True),
        ],
    }


def _gone(company: str, day: str, *, planned: bool) -> dict[str, object]:
    return {
        "company_id": company,
        "company_name": _NAMES[company],
        "from_date": day,
        "until_date": day,
        "old_fetched_at": "2026-11-23T02:00:01.000Z",
        "planned": planned,
    }


def test_nothing_restated_is_said_in_three_rows(cli: Cli) -> None:
    """And is empty lists in the document."""
    make_run(Path("r"), [line("1", 1)])
    said = cli("r", "r")
    assert said.stdout.splitlines()[2:] == [
        "cells      1 in both: 1 unchanged, 0 restated; 0 new, 0 gone"
    ]
    document = cli("r", "r", "--json").document
    assert (document["restated"], document["new"], document["gone"]) == ([], [], [])
    make_run(Path("empty"))
    assert cli("empty", "empty", "--json").document["windows"] == []


def test_many_cells_are_all_in_the_document_and_the_first_in_the_text(cli: Cli) -> None:
    """Ten of a kind and 31 rows of a table for people, who are told how many more there are."""
    ids = [f"{number:03}" for number in range(60)]
    old = [line(company, day, total=day) for company in ids for day in range(1, 41)]
    new = [line(company, day) for company in ids for day in range(1, 42)]
    make_run(Path("old"), [*old, *(line(company, 60) for company in ids)], companies=ids)
    make_run(Path("new"), new, companies=ids, days=(1, 41))
    said = cli("old", "new")
    more = "more; --json lists them all"
    for label, count, shown in [
        ("restated", 2400, 10),
        ("new cells", 60, 10),
        ("gone cells", 60, 10),
    ]:
        assert len(said.under(label)) == shown + 1
        assert said.under(label)[-1] == f"and {count - shown:,} {more}"
    windows = said.under("windows")
    assert windows[0] == "2026-11-01  60 of 60 cells restated, 40 days before the last"
    assert windows[31] == f"and 9 {more}"
    document = cli("old", "new", "--json").document
    assert [len(document[name]) for name in ("restated", "new", "gone")] == [2400, 60, 60]
    assert len(document["windows"]) == 40


def test_a_lookback_that_may_be_too_short_is_pointed_out(cli: Cli) -> None:
    """When the oldest window that both runs have is restated; neither run has older ones."""
    make_run(Path("old"), [line("1", day) for day in (None, 2, 3)])
    make_run(Path("young"), [line("1", None), line("1", 2), line("1", 3, total=1)])
    make_run(Path("all"), [line("1", day, total=1) for day in (2, 3)])
    reach = "the oldest window of both is among them: a longer --lookback may find more"
    assert cli("old", "all").under("windows")[-1] == reach
    assert reach not in cli("old", "young").stdout
    make_run(Path("default"), [line("1", None)], days=None)
    make_run(Path("later"), [line("1", None, total=1)], days=None)
    said = cli("default", "later")
    assert said.under("windows") == ["server default  1 of 1 cell restated"]
    assert said.under("new run") == ["later, 3 companies, server default"]


def test_runs_without_a_cell_in_common_are_pointed_out(cli: Cli) -> None:
    """They can tell nothing of what was restated."""
    make_run(Path("old"), [line("1", 1)])
    make_run(Path("new"), [line("1", 2)])
    assert "warning: no cell is in both runs" in cli("old", "new").stderr
    make_run(Path("empty"))
    assert not cli("empty", "new").stderr


def test_windows_without_dates_are_not_called_restated(cli: Cli) -> None:
    """They are of other days each night."""
    make_run(Path("old"), [line("1", None, total=1)], days=None)
    make_run(Path("new"), [line("1", None, total=2)], days=None)
    assert "that they differ does not mean that they were restated" in cli("old", "new").stderr


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_sums_may_be_longer_than_any_counter(cli: Cli, form: tuple[str, ...]) -> None:
    """A counter of as many digits as Python reads, twice."""
    nines = 10**4299 - 1 + 9 * 10**4299
    make_run(Path("old"), [line("1", 1), line("2", 1)])
    make_run(Path("new"), [line("1", 1, total=nines), line("2", 1, total=nines)])
    said = cli("old", "new", *form)
    assert said.exit_code == 0, said.stderr


def test_many_changes_of_a_cell_are_cut(cli: Cli) -> None:
    """Ten of them in the text, all in the document; each action has a sum of its own."""
    make_run(Path("old"), [line("1", 1)])
    make_run(Path("new"), [line("1", 1, actions={f"A{n:02}": n for n in range(1, 51)})])
    said = cli("old", "new")
    (restated,) = said.under("restated")
    assert restated.endswith("actions A10 - -> 10 (+10), and 40 more; --json lists them all")
    assert said.under("changes")[-1] == "and 19 more; --json lists them all"
    changes = cli("old", "new", "--json").document["restated"][0]["changes"]
    assert len(changes["actions"]) == 50


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_untrusted_text_cannot_steer_the_terminal(cli: Cli, form: tuple[str, ...]) -> None:
    """Actions, ids of odd lines and their days, and the names of the directories."""
    odd = line("1\x1b[2J\n", 1, actions={"A\x1b\n\u202e": 1}).replace(b"2026-11-01", b"\\u001b\\n")
    make_run(Path("o\x1b[2J\n"), [odd])
    make_run(Path(os.fsdecode(b"n\xff")), [odd.replace(b'": 1', b'": 2'), line("\n2", 1)])
    said = cli("o\x1b[2J\n", os.fsdecode(b"n\xff"), *form)
    assert (said.exit_code, said.stderr) == (0, "")
    assert all(char.isprintable() or char == "\n" for char in said.stdout)
    assert "\x1b" not in said.stdout
    if form:
        (restated,) = said.document["restated"]
        assert restated["company_id"] == "1\x1b[2J\n"
        assert restated["changes"]["actions"] == {
            "A\x1b\n\u202e": {"old": 1, "new": 2, "difference": 1}
        }
    else:
        assert said.under("old run")[0].startswith("o<U+001B>[2J<U+000A>, 3 companies")
        (restated,) = said.under("restated")
        assert restated.startswith("1<U+001B>[2J<U+000A>  <U+001B><U+000A>  ")
        assert "actions A<U+001B><U+000A><U+202E> 1 -> 2 (+1)" in restated


def test_damage_is_a_warning_and_1(cli: Cli) -> None:
    """On standard error, in either form; the rest is compared."""
    make_run(Path("old"), [line("1", 1), b"{}\n"])
    make_run(Path("new"), [line("1", 1)])
    for said in (cli("old", "new"), cli("old", "new", "--json")):
        assert said.exit_code == 1
        assert said.stderr == (
            "collector: warning: old/statistics.jsonl: 3 bytes are damaged, and were left out\n"
        )
    assert cli("old", "new", "--json").document["cells"]["both"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("old", "NEW"),
        ("", "OLD"),
        ("old new third", "third"),
        ("old nowhere", "nowhere: there is no such directory; give the directory of a run"),
        ("-x new", "-x: there is no such directory"),
        ("old other", "old and other: their answers are of different services: --base-url was "),
        ("old new --rate 5", "--rate"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_bad_call_ends_with_2(
    cli: Cli, arguments: str, message: str, form: tuple[str, ...]
) -> None:
    """What is wrong on standard error, nothing on standard output."""
    _usual()
    make_run(Path("other"), settings=RunSettings(base_url="https://other.example"))
    said = cli(*arguments.split(), *form)
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr
    assert "Traceback" not in said.stderr


async def test_the_real_command_takes_names_with_a_dash(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """In a process of its own; the text is all that is printed."""
    make_run(command.directory / "-old", [line("1", 1)])
    make_run(command.directory / "-new", [line("1", 1, total=1)])
    done = await command.run("diff", "-old", "-new")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "restated   1  2026-11-01  total 0 -> 1 (+1)\n" in done.stdout


def test_wide_letters_take_two_columns(cli: Cli) -> None:
    """The sums of actions stay below each other, whatever their names are."""
    make_run(Path("old"), [line("1", 1, actions={"送信済み": 1, "SENT": 1})], companies=["1"])
    make_run(Path("new"), [line("1", 1, 60, actions={"送信済み": 2, "SENT": 2})], companies=["1"])
    rows = cli("old", "new").under("changes")
    assert rows == ["actions SENT      +1 -0", "actions 送信済み  +1 -0"]
