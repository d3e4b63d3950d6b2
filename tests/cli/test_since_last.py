"""`--since-last` on the command line: what it is not combined with, and what a plan says of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.said import Cli, in_this_process
from tests.store.made_runs import FIRST, line, make_run


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory of its own with three companies, and credentials."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUST_ACCESS_TOKEN", "fake")
    (tmp_path / "companies.txt").write_text("1\n2\n3 Tres\n")
    return tmp_path


@pytest.mark.parametrize("subcommand", ["run", "plan"])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--window 1d --last 7d", "--since-last cannot be combined with --last: it chooses the"),
        ("--window 1d --from 2026-01-01", "--since-last cannot be combined with --from: it"),
        ("--window 1d --until 2026-01-01", "--since-last cannot be combined with --until: it"),
        ("", "--since-last collects day by day, and --window is whole: give --window 1d"),
        ("--window week", "and --window is week: give --window 1d"),
        ("--window 2d", "and --window is 2d: give --window 1d"),
        (
            "--window 1d --lookback 14d --at-most 14d",
            "--lookback 14d reaches further back than --at-most 14d allows: give --at-most 15d or",
        ),
        ("--window 1d --lookback 90d", "give --at-most 91d or more, or a shorter --lookback"),
        ("--window 1d --at-most 0d", '--at-most: "0d" is not a number of days'),
        ("--window 1d --at-most none", '--at-most: "none" is not a number of days'),
    ],
)
def test_what_contradicts_it_is_refused_before_anything(
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    subcommand: str,
    options: str,
    text: str,
) -> None:
    """Exit code 2, and what to do; nothing is written."""
    said = in_this_process(subcommand, capsys)("companies.txt", "--since-last", *options.split())
    assert (said.exit_code, said.stdout) == (2, "")
    assert text in said.stderr
    assert [path.name for path in directory.iterdir()] == ["companies.txt"]


@pytest.fixture
def plan(directory: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give the command in that directory, which has a night that lacks the third company."""
    today = datetime.now(UTC).date()
    days = (today - FIRST).days - 4
    # Fetched when the day was over.
    lines = [line(company, days, 86_400 * days) for company in ("1", "2")]
    assert directory.exists()
    (directory / "output").mkdir()
    make_run(directory / "output" / "night", lines, companies=("1", "2"), days=(days, days))
    return in_this_process("plan", capsys)


_OPTIONS = ("--since-last", "--window", "1d", "--timezone", "UTC", "--at-most", "6d")
_SHORT = (*_OPTIONS[:-1], "5d")
"""So many days back is the one that two of the companies have."""


def test_a_plan_says_with_which_day_companies_begin(plan: Cli) -> None:
    """For people how many with each, and for programs; it is what a dry run says."""
    today = datetime.now(UTC).date()
    known, new = (str(today - timedelta(back)) for back in (4, 6))
    said = plan("companies.txt", *_SHORT)
    assert f"first days     {known} (2 companies), {today - timedelta(5)} (1 company)\n" in (
        said.stdout
    )
    assert "cells          13\n" in said.stdout
    document = plan("companies.txt", *_OPTIONS, "--json").document
    assert document["first_days"] == [{"from_date": new, "companies": 3}]
    assert document["cells"]["planned"] == 18


def test_a_plan_looks_beside_the_output_that_is_named(plan: Cli, directory: Path) -> None:
    """By default output/<today>; the API counts too: answers of another one are not these."""
    for options, cells in (
        (("--output", "output/tonight"), 13),
        (("--output", "elsewhere/tonight"), 15),
        (("--base-url", "http://127.0.0.1:9"), 15),
    ):
        said = plan("companies.txt", *_SHORT, *options)
        assert said.exit_code == 0
        assert f"cells          {cells}\n" in said.stdout
        assert ("output/night: is of another service" in said.stderr) is ("--base-url" in options)
    assert sorted(path.name for path in directory.iterdir()) == ["companies.txt", "output"]


@pytest.mark.parametrize(
    ("options", "text"),
    [((), "gone.txt: "), (("--window", "1d"), "--window"), (("--last", "2d"), "gone.txt: ")],
)
def test_a_demo_ignores_it_and_what_cuts_its_days(
    directory: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], text: str
) -> None:
    """The days of the file are for runs; what the command line says counts."""
    settings = 'since-last = true\nwindow = "1d"\nlookback = "14d"\n'
    (directory / "collector.toml").write_text(settings)
    said = in_this_process("demo", capsys)("gone.txt", *options)
    assert said.exit_code == 2
    assert text in said.stderr
