"""A night that failed cells which an older night has: told wherever the newest answers are read."""

from dataclasses import replace
from typing import Any, Final

import pytest

from collector import UnreadWarning, read_answers
from tests.conftest import Command, company_lines

_RUN: Final = (
    *("run", "companies.txt", "--rate", "1000", "--window", "1d"),
    *("--from", "2026-11-18", "--until", "2026-11-20"),
)
_TOLD: Final = "3 cells are from an older run: the newest run that planned them has no answer for"


@pytest.fixture
async def nights(start_api: Any, against: Any) -> Any:  # noqa: ANN401 - see conftest
    """Give the command after two nights: the second one failed the three days of a company."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(6))
    first = await command.run(*_RUN, "--output", "one")
    assert first.exit_code == 0, first
    api.reconfigure(replace(api.settings, deny=("3",), deny_status=403))
    second = await command.run(*_RUN, "--output", "two")
    assert second.exit_code == 1, second
    return command


async def test_it_is_said_on_standard_error(nights: Command) -> None:
    """Once, and the exit code stays 0: nothing that is there was not read."""
    for words in (("latest",), ("export", "--to", "-")):
        alone = await nights.run(words[0], "one", *words[1:])
        assert (alone.exit_code, alone.stderr) == (0, "")
        both = await nights.run(words[0], "two", "one", *words[1:])
        assert both.exit_code == 0, both
        assert both.stderr == f"collector: warning: {_TOLD} them\n"
        assert len(both.stdout.splitlines()) == len(alone.stdout.splitlines())
    with pytest.warns(UnreadWarning, match=_TOLD):
        assert len(list(read_answers(nights.directory / "one", nights.directory / "two"))) == 18


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "Complete, but 3 cells are from an older run"),
        ("es", "Completo, pero 3 celdas son de una ejecución anterior"),
    ],
)
async def test_the_page_is_amber(nights: Command, lang: str, title: str) -> None:
    """Every cell has an answer, and yet it is not green."""
    done = await nights.run("report", "one", "two", "--to", "o.html", "--lang", lang)
    assert done.exit_code == 0, done
    page = (nights.directory / "o.html").read_text(encoding="utf-8")
    assert '<div class="verdict warn">' in page
    assert title in page
