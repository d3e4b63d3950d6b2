"""Shell completion: what a real shell offers once it has read the script."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from collector.cli.completion import Shell, completion_script
from tests.cli.said import in_this_process

_ASK_BASH = """\
mark=
compopt() { [[ "$*" == "-o filenames" ]] && mark="path "; }
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_collector
printf '%s\\0' "${COMPREPLY[@]/#/$mark}"
"""

Ask = Callable[..., list[str]]

# Made once: it takes a while.
_script = cache(completion_script)


@pytest.fixture
def bash(tmp_path: Path) -> Ask:
    """Give a function of words, the last of them half typed, that returns what bash offers.

    What is offered for the name of a file has `path` before it: then bash quotes it, and puts a
    slash behind a directory.
    """
    script = tmp_path / "completion"
    script.write_text(_script("bash") + _ASK_BASH)
    for name in ("companies.txt", "nightly companies.txt", "x*.txt"):
        (tmp_path / name).touch()
    (tmp_path / "output" / "one night").mkdir(parents=True)

    def ask(*words: str) -> list[str]:
        options = ("--norc", "--noprofile", "-u")
        done = _run_in(tmp_path, _path_of("bash"), *options, str(script), "collector", *words)
        assert done.stderr == ""
        return [offer for offer in done.stdout.split("\0") if offer]

    return ask


def _run_in(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell in its home directory to its end; it must succeed."""
    return subprocess.run(  # noqa: S603 - our own script
        command,
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def _path_of(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


def test_bash_offers_commands_and_options(bash: Ask) -> None:
    """At the place where they may stand."""
    assert {"run", "plan", "status", "completion"} <= set(bash(""))
    assert bash("st") == ["status"]
    assert bash("--ver") == ["--version"]
    assert bash("run", "--lo") == ["--lookback", "--log-level"]
    assert bash("run", "--no-q") == ["--no-quiet"]
    assert bash("status", "output", "--fa") == ["--fail-on"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("run", "--log-level", ""), ["debug", "info", "warning", "error"]),
        # So does bash split --log-level=w.
        (("run", "companies.txt", "--log-level", "=", "w"), ["warning"]),
        (("check", "--date-format", "YYYY-MM-DD "), [r"YYYY-MM-DD\ hh:mm:ss"]),
        (("status", "x", "--fail-on", ""), ["data", "empty", "failed", "missing", "gap"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("help", "sta"), ["status"]),
        (("run", "--rate", ""), []),
    ],
)
def test_bash_offers_the_choices_of_an_option(
    bash: Ask, words: tuple[str, ...], offered: list[str]
) -> None:
    """And nothing where there is no choice but any number."""
    assert bash(*words) == offered


@pytest.mark.parametrize(
    "before",
    [
        *(("run",), ("status",), ("diff", "output"), ("run", "--output"), ("latest", "a", "b")),
        *(("run", "--credentials-file"), ("run", "--output", "="), ("plan", "--rate", "5")),
    ],
)
def test_bash_offers_files_and_directories(bash: Ask, before: tuple[str, ...]) -> None:
    """As many as there are: a blank or a star in a name does not make more of one."""
    assert bash(*before, "n") == ["path nightly companies.txt"]
    assert bash(*before, "x") == ["path x*.txt"]
    assert bash(*before, "output/") == ["path output/one night"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("collector sta", {"status"}),
        ("collector run --log-level w", {"warning"}),
        ("collector run --date-format 'YYYY-MM-DD ", {"YYYY-MM-DD hh:mm:ss"}),
        ("collector status --fail-on mi", {"missing"}),
        ("collector run nig", {"nightly companies.txt"}),
        ("collector run --output out", {"output/"}),
    ],
)
def test_fish_offers_what_it_should(tmp_path: Path, line: str, offered: set[str]) -> None:
    """Commands, choices and paths; it is asked in its own language."""
    fish = _path_of("fish")
    (tmp_path / "script.fish").write_text(_script("fish"))
    (tmp_path / "nightly companies.txt").touch()
    (tmp_path / "output").mkdir()
    ask = f"source script.fish; complete --do-complete {shlex.quote(line)}"
    if "'" in line:
        ask = f'source script.fish; complete --do-complete "{line}"'
    done = _run_in(tmp_path, fish, "--no-config", "-c", ask)
    assert {offer.partition("\t")[0] for offer in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("way", ["sourced", "autoloaded"])
def test_zsh_knows_the_command_either_way(tmp_path: Path, way: str) -> None:
    """Sourced in ~/.zshrc or as a file of $fpath, it is registered for collector, and runs."""
    zsh = _path_of("zsh")
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "_collector").write_text(_script("zsh"))
    load = {
        "sourced": "autoload -U compinit; compinit -u -D; source functions/_collector",
        "autoloaded": "fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D",
    }[way]
    # In place of zsh's own function, which wants a line that is being edited.
    ask = "_arguments() { print -r -- $@ }; state=; $_comps[collector]"
    done = _run_in(tmp_path, zsh, "-f", "-c", f"{load}; {ask}")
    assert "--version[Display application version.]" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("shell", get_args(Shell))
def test_the_command_prints_the_script_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shell: Shell,
) -> None:
    """It writes no file, and does not mind what is set in the directory where a shell starts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collector.toml").write_text("this is = = not TOML")
    monkeypatch.setenv("COLLECTOR_RATE", "nonsense")
    said = in_this_process("completion", capsys)(shell)
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == _script(shell)
    assert [path.name for path in tmp_path.iterdir()] == ["collector.toml"]


@pytest.mark.parametrize("shell", get_args(Shell))
def test_nothing_is_started_at_a_tab(shell: Shell) -> None:
    """The script knows all by itself: no Python is waited for."""
    script = _script(shell)
    for word in ("__complete", "python", "$(collector", "(collector "):
        assert word not in script


def test_a_shell_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are."""
    said = in_this_process("completion", capsys)("tcsh")
    assert said.exit_code == 2
    assert all(shell in said.stderr for shell in get_args(Shell))
    assert said.stdout == ""
