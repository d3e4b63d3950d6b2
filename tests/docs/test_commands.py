"""docs/commands.md: its examples, typed from top to bottom, print what it shows."""

import html
import re
import socket
from typing import Final

import pytest

from collector.cli.main import main
from tests.conftest import Command
from tests.docs.pages import COMMANDS, DOCS, README, blocks, read
from tests.docs.played_page import Example, examples, shell

_TEXT: Final = read(DOCS / "commands.md")
_EXAMPLES: Final = examples(_TEXT)
_PORT: Final = "8765"


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.mark.slow
async def test_the_page_is_what_the_program_prints(command: Command) -> None:
    """Every line of it, in one bash, in an empty directory."""
    port = _free_port()
    differences = []
    async with shell(command.directory, command.environment) as bash:
        for example in _EXAMPLES:
            there = example.at_port(_PORT, port)
            try:
                printed = await bash.type(there)
            except (TimeoutError, EOFError) as error:
                differences.append(f"line {there.line}: $ {there.command}\ndid not end: {error!r}")
                break
            differences.append(there.difference(printed))
    if any(differences):
        pytest.fail("\n\n".join(filter(None, differences)), pytrace=False)


def test_every_command_has_an_example() -> None:
    """And the version, too."""
    assert set().union(*(example.called for example in _EXAMPLES)) == COMMANDS | {"--version"}


def test_every_example_shows_what_came_of_it() -> None:
    """By its own output, or by a command after it in the same block."""
    for number, example in enumerate(_EXAMPLES):
        if example.called and not example.is_compared:
            assert not example.is_last, f"line {example.line}: no output"
            follows = _EXAMPLES[number + 1]
            assert follows.is_compared, f"line {example.line}: no output"
            assert not follows.called, f"line {example.line}: no output of its own"


def test_a_difference_is_told() -> None:
    """Which command, what was expected, what came; a wildcard is none."""
    shown = ("cells  3", "time  ..., at most 50", "...", "exit  0")
    example = Example(7, "collector run x", shown, is_last=True)
    assert example.difference("cells  3\ntime  0:01, at most 50\nexit  0\n") == ""
    assert example.difference("cells  3\ntime  0:01, at most 50\nslow\nvery\nexit  0\n") == ""
    told = example.difference("cells  4\ntime  0:01, at most 50\nexit  0\n").splitlines()
    assert told[0] == "line 7: $ collector run x"
    assert {"-cells  3", "+cells  4", " time  ..., at most 50"} <= set(told)
    assert example.difference("cells  3\ntime  , at most 50\nexit  0\n")
    assert example.difference("cells  3\ntime  0:01, at most 50\nexit  0\nmore\n")
    assert example.difference("")


def test_silence_is_compared() -> None:
    """A command below which nothing is shown must print nothing."""
    (example,) = examples("```console\n$ export A=1 \\\n    B=2\n```\n")
    assert example.command == "export A=1 \\\n    B=2"
    assert example.difference("") == ""
    assert "+bash: no" in example.difference("bash: no\n")


def _of_readme(label: str) -> list[str]:
    """Return the rows with this label in the text blocks of README.md."""
    rows = [
        line
        for block in blocks(read(README))
        if block.language == "text" and not block.body.startswith("companies ")
        for line in block.body.splitlines()
    ]
    return [row for row in rows if row[:10].rstrip() == label]


def _shape(row: str) -> str:
    """Return a row with all figures alike, and all directories."""
    return re.sub(r"\d(?:[\d,.:-]*\d)?", "#", re.sub(r"output/\w+", "output/X", row))


def _patterns() -> list[str]:
    """Return the shapes of all lines that the examples show; `...` is any text."""
    shown = {_shape(line) for example in _EXAMPLES for line in example.shown}
    return [".+?".join(map(re.escape, row.split("..."))) for row in shown if row != "..."]


@pytest.mark.parametrize("label", ["cells", "dates", "run", "plan"])
def test_the_rows_of_the_readme_are_those_of_this_page(label: str) -> None:
    """The figures are others; the words are those that the program prints."""
    rows = _of_readme(label)
    assert rows
    for row in rows:
        assert any(re.fullmatch(pattern, _shape(row)) for pattern in _patterns()), row


def _of_picture() -> list[str]:
    """Return the lines of the picture of README.md: what has the same height is one line."""
    lines: dict[str, str] = {}
    for height, text in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>([^<]*)', read(DOCS / "run.svg")):
        lines[height] = lines.get(height, "") + html.unescape(text).replace("\xa0", " ")
    return [line.strip() for line in lines.values()]


@pytest.mark.parametrize(
    "label", ["cells", "dates", "requests", "latency", "time", "answers", "exit"]
)
def test_the_rows_of_the_picture_are_those_of_this_page(label: str) -> None:
    """As those of README.md; `make pictures` redraws it."""
    (rest,) = [line.removeprefix(label) for line in _of_picture() if line.split()[:1] == [label]]
    row = f"{label:<10}{rest.strip()}"
    assert any(re.fullmatch(pattern, _shape(row)) for pattern in _patterns()), row


def test_the_plan_of_the_readme_is_what_is_printed(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the companies.txt of this repository; all but when it would be finished."""
    (body,) = [block.body for block in blocks(read(README)) if "$ collector plan " in block.body]
    first, *shown = body.splitlines()
    command.write("companies.txt", read(README.with_name("companies.txt")))
    monkeypatch.chdir(command.directory)
    with pytest.raises(SystemExit):
        main(first.removeprefix("$ collector ").split())
    printed = capsys.readouterr().out.splitlines()
    finish = re.compile(r"(?<=^finish         )\S+ \S+ \S+(?= if it started now$)")
    assert [finish.sub("...", line) for line in shown] == [
        finish.sub("...", line) for line in printed
    ]
