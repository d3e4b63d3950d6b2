"""docs/options.md has every option of every command, as the settings have them."""

from collections import Counter

from tests.docs.options_page import PAGE, page
from tests.docs.pages import COMMANDS, read


def test_the_page_is_what_the_settings_say() -> None:
    """If not: `make pages`."""
    assert read(PAGE) == page()


def test_no_text_has_a_word_in_angle_brackets() -> None:
    """The help of a command takes such a word for a tag of HTML, and leaves it out."""
    assert "\\<" not in page()


def test_the_page_has_options_of_all_kinds() -> None:
    """So that the test above is about something; no option has two rows for one command."""
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `-")]
    commands = Counter(
        (row[0], command) for row in rows if len(row) > 4 for command in row[3].split(", ")
    )
    assert set(commands.values()) == {1}
    assert {command for _, command in commands} == COMMANDS - {
        "simulate",
        "help",
        "completion",
        "verify",
    }
    told = {row[0]: row[1:3] for row in rows}
    assert told["| `--max-attempts`"] == ["`COLLECTOR_MAX_ATTEMPTS`", "`5`"]
    assert told["| `--workers`"] == ["`COLLECTOR_WORKERS`", "one for each core"]
    assert told["| `--port`"] == ["`COLLECTOR_SIMULATE_PORT`", "`8080`"]
